"""Notes on a job: tags as people type them, nothing lost when the disk refuses, and no part of what the job made."""

import json

import pytest

from core.record import atomic
from core.record.lineage import OUTPUTS, write_outputs
from core.record.notes import FILE, Notes, read_notes, tags_of, write_notes


@pytest.mark.parametrize(("typed", "tags"), [
    ("baseline, keep", ("baseline", "keep")), ("  a  b ,, a b,c", ("a b", "c")),
    ("基线，保留、再看", ("基线", "保留", "再看")), ("", ()),
])  # fmt: skip
def test_tags_are_parted_by_commas_of_any_script_and_each_stands_once(typed, tags):
    assert tags_of(typed) == tags


def test_notes_come_back_as_they_were_written_and_empty_ones_leave_no_file(tmp_path):
    notes = Notes(("a", "模型"), "two\nlines")
    write_notes(tmp_path, notes)
    assert read_notes(tmp_path) == notes and json.loads((tmp_path / FILE).read_text("utf-8"))["tags"] == ["a", "模型"]
    write_notes(tmp_path, Notes())
    assert not (tmp_path / FILE).exists() and read_notes(tmp_path) == Notes()


def test_a_write_that_fails_keeps_what_was_noted_before(tmp_path, monkeypatch):
    write_notes(tmp_path, Notes(text="before"))
    monkeypatch.setattr(atomic.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Exception, match="full"):
        write_notes(tmp_path, Notes(text="after"))
    assert read_notes(tmp_path) == Notes(text="before")


def test_a_damaged_file_counts_as_no_notes(tmp_path):
    (tmp_path / FILE).write_text('{"tags": 3')
    assert read_notes(tmp_path) == Notes()


def test_notes_layers_and_batches_are_no_part_of_what_a_run_made(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    write_outputs(tmp_path)
    before = (tmp_path / OUTPUTS).read_bytes()
    write_notes(tmp_path, Notes(("keep",)))
    (tmp_path / "layers.bin").write_bytes(b"x")
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "step-00000001.json").write_text("{}")
    write_outputs(tmp_path)
    assert (tmp_path / OUTPUTS).read_bytes() == before
