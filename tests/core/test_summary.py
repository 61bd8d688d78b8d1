"""A job's summary is what its log came to, and is trusted only as long as it is."""

import json

import pytest

from core.record.events import Completed, Noted, Progress, Started, Validated
from core.record.folder import JobFolder
from core.record.log import EventLog, read_events
from core.record.summary import NAME, fold_all, read_summary, summarise
from core.record.view import empty_view


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "runs" / "a"
    root.mkdir(parents=True)
    (root / "spec.toml").write_text('kind = "train"\ncreated = "2026-01-01"\n')
    say(root, Started(pid=1, attempt=1), *(Progress(done=n, total=50, unit="steps") for n in range(50)),
        Validated(step=50, loss=2.5, bits_per_byte=1.5), Completed(result={"steps": 50}))  # fmt: skip
    return JobFolder(root)


def say(root, *events):
    log = EventLog(root / "events.jsonl")
    for event in events:
        log(event)
    log.close()


def folded(folder):
    return fold_all(empty_view(folder), read_events(folder.path("events.jsonl"))[0])


def test_it_is_the_whole_view_and_the_numbers_a_person_looks_for(folder):
    assert read_summary(folder.root) is None
    assert summarise(folder) == folded(folder)
    assert read_summary(folder.root) == (folded(folder), folder.path("events.jsonl").stat().st_size)
    told = json.loads(folder.path(NAME).read_text())
    assert (told["kind"], told["state"], told["bits_per_byte"], told["result"]) == (
        "train", "completed", 1.5, {"steps": 50})  # fmt: skip


def test_what_the_log_says_afterwards_is_folded_on_top(folder):
    summarise(folder)
    say(folder.root, Started(pid=2, attempt=2), Noted(text="again"))
    view, offset = read_summary(folder.root)
    records, _ = read_events(folder.path("events.jsonl"), offset)
    assert len(records) == 2 and fold_all(view, records) == folded(folder) == summarise(folder)


def test_another_log_or_one_cut_short_makes_it_worthless(folder):
    summarise(folder)
    log = folder.path("events.jsonl")
    whole = log.read_bytes()
    log.write_bytes(whole[: whole.rfind(b"\n", 0, -1) + 1])
    assert read_summary(folder.root) is None
    log.write_bytes(whole.replace(b'"steps":50', b'"steps":51'))
    assert read_summary(folder.root) is None
    assert summarise(folder).result == {"steps": 51}


@pytest.mark.parametrize("damage", ["", "{", '{"kind": "train"}', "[]"])
def test_a_damaged_or_older_one_is_passed_over(folder, damage):
    wanted = summarise(folder)
    folder.path(NAME).write_text(damage)
    assert read_summary(folder.root) is None and summarise(folder) == wanted


def test_one_written_by_another_version_is_passed_over(folder, monkeypatch):
    summarise(folder)
    monkeypatch.setattr("core.record.summary.FORM", 1)
    assert read_summary(folder.root) is None


def test_a_renamed_folder_keeps_its_summary_under_its_new_name(folder):
    summarise(folder)
    moved = folder.root.rename(folder.root.with_name("b"))
    assert read_summary(moved)[0].name == "b"
