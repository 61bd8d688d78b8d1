"""The list of checkpoints: what stays and why, and the proof of resume by a real worker."""

import pytest

from app.state.context import AppContext
from app.state.settings import Settings
from app.views.checkpoints_view import LOSS, PROOF, STEP, WHY, CheckpointsView
from core.record.view import read_view
from tests.tiny_tree import make_workspace, tiny, train, train_spec


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("checkpoints"))
    train(workspace, "run", train_spec(
        tiny("gpt-2"), steps=12, keep_checkpoints=2, validate_every=3, retention={"every": 6, "spaced": True}))
    return workspace


@pytest.fixture
def view(workspace, qtbot):
    context = AppContext(workspace.root, Settings())
    context.jobs.start()
    made = CheckpointsView(context)
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    root = workspace.path("runs", "run")
    qtbot.waitUntil(lambda: context.jobs.job(root) is not None, timeout=20_000)
    made.show_run(context.jobs.job(root).view, root)
    yield made
    context.close()


def column(view, number):
    return [view.model.index(row, number).data() for row in range(view.model.rowCount())]


def test_every_checkpoint_that_stands_is_named_with_the_rule_that_keeps_it(view, workspace):
    stand = sorted((int(p.name[5:]) for p in workspace.path("runs", "run").glob("checkpoints/step-*")), reverse=True)
    assert column(view, STEP) == [str(step) for step in stand] and {1, 2, 4, 6, 8, 12} <= set(stand)
    why = dict(zip(column(view, STEP), column(view, WHY), strict=True))
    assert "newest" in why["12"] and "every 6 steps" in why["12"] and why["6"].endswith("every 6 steps")
    assert why["2"] == why["4"] == "time-lapse" and all(why.values())
    losses = {v.step: v.loss for v in read_view(workspace.path("runs", "run")).validations}
    best = min((c for c in stand if c in losses), key=losses.get)
    assert "best" in why[str(best)] and sum("best" in words for words in why.values()) == 1
    assert column(view, LOSS)[0] == f"{losses[12]:.4f}"
    assert view.sum.text().startswith(f"{len(stand)} checkpoints, ")


def test_a_resume_is_verified_from_the_chosen_checkpoint_and_its_row_says_so(view, qtbot):
    assert view.chosen() is not None and view.verify.isEnabled()  # the one before the newest
    view.table.selectRow(0)
    assert not view.verify.isEnabled()  # nothing came after the newest
    view.table.selectRow(column(view, STEP).index("8"))
    view.verify.click()

    def said():
        return dict(zip(column(view, STEP), column(view, PROOF), strict=True))["8"]

    qtbot.waitUntil(lambda: said().startswith("exact"), timeout=90_000)
    assert "losses and weights to the bit" in said()
    assert set(column(view, PROOF)) == {"", said()}
