"""Judgements of claims are on the disk before they count, can be taken back, and are read as RAGTruth's labels."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import LabError
from core.evaluate.labelled import read_labelled
from core.glass.reviews import ReviewBook, Reviewed

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Ada was born in London. She was a poet. She flew to 🦊 Mars."
ANSWER = Reviewed(model="run:a", prompt="Who was Ada?", response=TEXT, temperature=0.8, origin="lives")
LONDON, POET, MARS = (0, 23), (24, 39), (40, len(TEXT))


def test_a_saved_file_is_what_the_reader_of_ragtruth_reads(tmp_path):
    book = ReviewBook(tmp_path / "reviews")
    other = Reviewed(model="run:a", prompt="Who was Ada?", response="A poet.")
    book.set(ANSWER, [(*LONDON, "right", "facts"), (*MARS, "wrong", "hand")])
    book.set(other, [(0, 7, "right", "hand")])
    name, read = read_labelled(book.path)
    assert name == "RAGTruth"
    assert [(one.answer, one.wrong, one.kind) for one in read] == [
        (TEXT, True, "Evident Conflict"), ("A poet.", False, "run:a")]  # fmt: skip
    first = json.loads(book.path.read_text("utf-8").splitlines()[0])
    (label,) = first["labels"]
    assert TEXT[label["start"] : label["end"]] == label["text"] == "She flew to 🦊 Mars."
    assert set(label) == {"start", "end", "text", "meta", "label_type", "implicit_true", "due_to_null"}
    assert {"id", "source_id", "model", "temperature", "split", "quality", "response"} < set(first)
    (source,) = [json.loads(line) for line in (tmp_path / "reviews" / "source_info.jsonl").read_text().splitlines()]
    assert source["source_id"] == first["source_id"] and source["prompt"] == "Who was Ada?"
    assert set(source) == {"source_id", "task_type", "source", "source_info", "prompt"}


def test_what_cannot_be_verified_is_baseless_in_their_words(tmp_path):
    book = ReviewBook(tmp_path)
    book.set(ANSWER, [(*POET, "unverifiable", "hand")])
    assert read_labelled(book.path)[1][0].kind == "Evident Baseless Info"


def test_acts_are_taken_back_one_by_one_after_a_restart_too(tmp_path):
    book = ReviewBook(tmp_path)
    book.set(ANSWER, [(*LONDON, "right", "facts"), (*POET, "wrong", "facts")])
    book.set(ANSWER, [(*LONDON, "wrong", "hand")])
    book.set(ANSWER, [(*POET, None, "hand")])
    assert {key: mark.verdict for key, mark in book.marks(ANSWER).items()} == {LONDON: "wrong"}
    book = ReviewBook(tmp_path)
    assert book.undo() == ANSWER.id
    assert {key: mark.verdict for key, mark in book.marks(ANSWER).items()} == {LONDON: "wrong", POET: "wrong"}
    book = ReviewBook(tmp_path)
    book.undo()
    assert book.marks(ANSWER)[LONDON].verdict == "right" and book.marks(ANSWER)[LONDON].by == "facts"
    book.undo()
    assert not book.marks(ANSWER) and not book.can_undo and book.undo() == ""
    assert book.path.read_bytes() == b"" and not ReviewBook(tmp_path).can_undo


WRITER = """
import sys
from pathlib import Path
from core.glass.reviews import Reviewed, ReviewBook
book = ReviewBook(Path(sys.argv[1]))
answer = Reviewed(model="m", prompt="p", response="x" * 1000)
for place in range(1000):
    book.set(answer, [(place, place + 1, "wrong", "hand")])
    print(place, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="the process is killed by a signal")
def test_a_kill_at_any_moment_loses_nothing_that_was_told_as_done(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    for _ in range(12):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    marks = ReviewBook(tmp_path).marks(Reviewed(model="m", prompt="p", response="x" * 1000))
    assert len(marks) > last and all((place, place + 1) in marks for place in range(last + 1))
    assert len(read_labelled(tmp_path / "response.jsonl")[1]) == 1


def test_a_torn_last_line_is_cut_and_a_broken_one_is_told(tmp_path):
    book = ReviewBook(tmp_path)
    book.set(ANSWER, [(*LONDON, "right", "hand")])
    journal = tmp_path / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"answer":"x","ma')
    assert len(ReviewBook(tmp_path).marks(ANSWER)) == 1 and journal.read_bytes() == whole
    journal.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(LabError, match="Line 1 of these reviews cannot be read"):
        ReviewBook(tmp_path)
