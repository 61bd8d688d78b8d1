"""The corpus job: what goes in comes out kept or rejected with a reason, and the split is fair."""

import json
import os
import random
import threading
import time

import pyarrow
import pyarrow.parquet as parquet
import pytest

from core.data.documents import Documents
from core.data.job import run
from core.errors import LabError
from core.record.control import Control, StopRequested, request
from core.record.events import FileSkipped, Funnel, Noted
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec
from core.spec.rules.text import MinimumLength


def clean(tmp_path, name="c", **spec):
    """Run the job on tmp_path/in; the result, the folder, and the events."""
    spec = CorpusSpec(**{"sources": [str(tmp_path / "in")], **spec})
    folder = Workspace(tmp_path / "ws").create("corpus", name, spec)
    events = []
    return run(spec, folder, events.append, Control(folder.root, events.append)), folder.root, events


def write_lines(tmp_path, texts, name="a.jsonl"):
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))


LONG = [f"document number {i}, long enough to be kept by every rule there is, word upon word" for i in range(100)]


def test_every_document_is_kept_or_rejected_with_its_reason(tmp_path):
    write_lines(tmp_path, [LONG[0], "short", LONG[1], LONG[0].upper(), LONG[2] + "\x07", "\x00"])
    result, root, events = clean(tmp_path)
    assert result["documents_read"] == 6 and result["documents_kept"] == 3
    assert result["rejected"] == {"minimum_length": 1, "exact_duplicates": 1, "fix_text": 1}
    assert [(d.line, d.changed) for d in Documents(root)] == [(1, False), (3, False), (5, True)]
    assert [(d.line, d.rule) for d in Documents(root, "rejected")] == [
        (2, "minimum_length"), (4, "exact_duplicates"), (6, "fix_text")]
    report = json.loads((root / "report.json").read_text())
    assert {name: report.get(name) for name in result} == result | {"elapsed_s": None}
    assert not (root / "work").exists()
    last = [e for e in events if isinstance(e, Funnel)][-1]
    assert (last.documents_read, last.bytes_kept) == (6, result["bytes_kept"])
    assert result["bytes_kept"] == sum(len(d.text.encode()) for d in Documents(root))


def test_broken_files_are_named_and_skipped_and_the_rest_is_read(tmp_path):
    write_lines(tmp_path, LONG[:3])
    folder = tmp_path / "in"
    (folder / "binary.txt").write_bytes(random.Random(0).randbytes(5000))
    (folder / "empty.md").write_bytes(b"")
    parquet.write_table(pyarrow.table({"text": LONG}), folder / "whole.parquet")
    (folder / "torn.parquet").write_bytes((folder / "whole.parquet").read_bytes()[:500])
    (folder / "notes.docx").write_bytes(b"x")
    result, _, events = clean(tmp_path)
    skipped = {os.path.basename(e.path): e.problem.format(**e.values) for e in events if isinstance(e, FileSkipped)}
    assert set(skipped) == {"binary.txt", "empty.md", "torn.parquet"}
    assert all(sentence.endswith(".") for sentence in skipped.values())
    assert result["files_skipped"] == 3 and result["files_read"] == 2 and result["documents_kept"] == 100
    assert any(".docx (1)" in e.values.get("endings", "") for e in events if isinstance(e, Noted))


def test_invalid_utf8_and_lone_surrogates_do_not_stop_the_job(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes("知否知否，应是绿肥红瘦。".encode() * 20 + b"\xff")
    (tmp_path / "in" / "b.jsonl").write_text('{"text": "' + "x" * 100 + '\\udc00\\ud83d\\ude00"}')
    _, root, events = clean(tmp_path)
    texts = [d.text for d in Documents(root)]
    assert texts[0].endswith("\ufffd") and texts[1].endswith("x\ufffd\U0001f600")
    assert any("could not be decoded" in e.text for e in events if isinstance(e, Noted))


def test_an_overlong_document_is_rejected_with_its_size_and_an_excerpt(tmp_path):
    write_lines(tmp_path, [*LONG[:3], "x" * 50_000])
    _, root, _ = clean(tmp_path, max_document_bytes=2048)
    (rejected,) = Documents(root, "rejected")
    assert rejected.rule == "too_long" and rejected.values["bytes"] > 50_000 and len(rejected.text) == 2000


def test_the_split_is_fixed_by_seed_and_text_not_by_order(tmp_path):
    write_lines(tmp_path, LONG)
    _, first, _ = clean(tmp_path, "a", held_out=0.2)
    write_lines(tmp_path, LONG[::-1])
    _, second, _ = clean(tmp_path, "b", held_out=0.2)
    _, other, _ = clean(tmp_path, "c", held_out=0.2, seed=1)
    held = [{d.text for d in Documents(root).iter("held_out")} for root in (first, second, other)]
    assert held[0] == held[1] != held[2]
    assert 8 <= len(held[0]) <= 35


def test_copies_never_stand_on_both_sides_of_the_split(tmp_path):
    write_lines(tmp_path, [text for text in LONG for _ in range(2)])
    _, root, _ = clean(tmp_path, held_out=0.3, rules=[])
    sides = {}
    for document in Documents(root):
        sides.setdefault(document.text, set()).add(document.split)
    assert len(Documents(root)) == 200 and all(len(side) == 1 for side in sides.values())


@pytest.mark.parametrize("count, share", [(2, 0.001), (2, 0.5), (3, 0.5), (9, 0.01)])
def test_two_documents_or_more_always_leave_something_on_each_side(tmp_path, count, share):
    for seed in range(6):
        write_lines(tmp_path, LONG[:count])
        result, root, _ = clean(tmp_path, f"c{seed}", held_out=share, seed=seed)
        splits = [d.split for d in Documents(root)]
        assert 1 <= splits.count("held_out") < count and splits.count("held_out") == result["held_out"]


def test_a_single_document_is_there_to_train_on(tmp_path):
    for seed in range(6):
        write_lines(tmp_path, LONG[:1] * 2)
        result, root, _ = clean(tmp_path, f"c{seed}", held_out=0.5, seed=seed, rules=[])
        assert result["held_out"] == 0 and {d.split for d in Documents(root)} == {"train"}


def test_nothing_is_held_out_when_nothing_is_asked_for(tmp_path):
    write_lines(tmp_path, LONG)
    assert clean(tmp_path, held_out=0.0)[0]["held_out"] == 0


def test_the_same_request_gives_the_same_bytes(tmp_path):
    write_lines(tmp_path, LONG)
    roots = [clean(tmp_path, name)[1] for name in "ab"]
    for name in ("kept.jsonl", "kept.idx", "rejected.jsonl", "rejected.idx", "report.json"):
        assert (roots[0] / name).read_bytes() == (roots[1] / name).read_bytes()


def test_reading_stops_at_the_number_of_documents_asked_for(tmp_path):
    write_lines(tmp_path, LONG)
    assert clean(tmp_path, max_documents=7)[0]["documents_read"] == 7


def test_when_nothing_is_kept_the_rule_is_named_and_the_rejects_can_be_browsed(tmp_path):
    write_lines(tmp_path, LONG[:5])
    with pytest.raises(LabError) as caught:
        clean(tmp_path, rules=[MinimumLength(characters=1000)])
    assert "minimum_length set aside 5" in caught.value.sentence()
    assert len(Documents(tmp_path / "ws/corpora/c", "rejected")) == 5


def test_when_no_file_can_be_read_the_first_problem_is_told(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(bytes(100))
    with pytest.raises(LabError, match="not text"):
        clean(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="a file of 64 GiB would really take them there")
def test_a_stop_is_heard_within_a_second_even_inside_one_endless_line_and_leaves_no_half_file(tmp_path):
    (tmp_path / "in").mkdir()
    with open(tmp_path / "in" / "a.jsonl", "wb") as file:
        file.truncate(1 << 36)  # sparse: 64 GiB of nothing in one line
        file.seek(0)
        for start in range(16):  # text where the reader samples the encoding
            file.seek(start * (1 << 32))
            file.write(b"x" * (64 << 10))
    asked = []

    def stop():
        asked.append(time.perf_counter())
        request(tmp_path / "ws/corpora/c", "stop")

    timer = threading.Timer(0.5, stop)
    timer.start()
    with pytest.raises(StopRequested):
        clean(tmp_path)
    assert time.perf_counter() - asked[0] < 1.0
    assert not list((tmp_path / "ws/corpora/c").glob("*.jsonl*"))


def test_a_full_disk_is_told_in_words_and_leaves_no_half_file(tmp_path, monkeypatch):
    write_lines(tmp_path, LONG)

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.data.documents.DocumentWriter._flush_offsets", full)
    with pytest.raises(LabError, match="disk is full"):
        clean(tmp_path)
    assert sorted(p.name for p in (tmp_path / "ws/corpora/c").iterdir()) == ["control", "spec.toml", "work"]
    monkeypatch.undo()
    assert clean(tmp_path, "again")[0]["documents_kept"] == 100
