"""A poisoned shard is found, left out and named without a human; ``tests/poison.py`` is the whole experiment."""

import pytest

from core.record.events import RolledBack, SpikeFound
from core.record.view import read_view
from tests.poison import COLUMNS, LIMIT, holds, poisoned_rows, prepare, said, table, train_spec, work

FOUND = {"seed": 0, "clean": 2.0, "guarded": 0.5 * LIMIT, "bare": 3 * LIMIT, "returns": 4, "false_alarms": 0,
         "named": 4, "named_poisoned": 4, "poisoned": 6}  # fmt: skip


def test_the_guard_finds_poisoned_documents_and_leaves_them_out(tmp_path):
    workspace = prepare(tmp_path, seed=0, documents=120, poisoned=6)
    folder = work(workspace, "train", "guarded", train_spec(
        0, "poisoned", True, steps=240, warmup_steps=20, learning_rate=1e-2, validate_every=240))
    spikes, named = said(folder, SpikeFound), set()
    assert len(spikes) == len(said(folder, RolledBack)) > 0
    for spike in spikes:
        named |= set(spike.documents)
    assert named and named <= poisoned_rows(workspace), (named, poisoned_rows(workspace))
    assert folder.read_choices()["skips"] and read_view(folder.root).result["steps"] == 240


@pytest.mark.parametrize("change", [
    {"guarded": 1.5 * LIMIT}, {"guarded": -1.5 * LIMIT}, {"bare": 0.5 * LIMIT}, {"named": 6}, {"named": 0},
])  # fmt: skip
def test_the_experiment_holds_only_if_the_guard_did_its_work(change):
    assert holds(FOUND) and not holds({**FOUND, **change})


def test_the_table_has_a_column_for_each_figure():
    head, line, row = table([FOUND]).splitlines()
    assert head.count("|") == line.count("|") == row.count("|") == len(COLUMNS) + 1
