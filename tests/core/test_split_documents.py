"""What a document is in plain text: a file, a block between blank lines, or so many characters."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.readers.document import Raw, Reading, Refused
from core.data.readers.folder import gather
from core.errors import LabError
from core.spec.base import build
from core.spec.corpus import CorpusSpec, split_characters

LINES = st.lists(st.text("ab 词\t", max_size=8), max_size=40)


def read(path, **asked):
    (origin,) = gather([str(path)]).origins
    return list(origin.read(origin, Reading(lambda event: None, lambda n: None, **asked)))


def starts_at(text, document):
    """Whether a document stands in the text where its line says."""
    lines = text.split("\n")
    return document.text.split("\n")[0] in lines[document.line - 1]


@settings(max_examples=60, deadline=None)
@given(LINES.filter(lambda lines: any(map(str.strip, lines))))
def test_blank_lines_part_documents_and_nothing_but_them_is_lost(tmp_path_factory, lines):
    path, text = tmp_path_factory.mktemp("t") / "a.txt", "\n".join(lines)
    path.write_text(text, "utf-8")
    found = read(path, split="blank-line")
    assert [line for d in found for line in d.text.split("\n")] == [line for line in lines if line.strip()]
    for document in found:
        rows = document.text.split("\n")
        assert lines[document.line - 1 : document.line - 1 + len(rows)] == rows
        assert document.line == 1 or not lines[document.line - 2].strip()


@settings(max_examples=60, deadline=None)
@given(LINES.filter(lambda lines: any(lines)), st.integers(1, 50))
def test_pieces_have_exactly_so_many_characters_and_make_up_the_text(tmp_path_factory, lines, size):
    path, text = tmp_path_factory.mktemp("t") / "a.md", "\n".join(lines)
    path.write_text(text, "utf-8")
    found = read(path, split=f"chars:{size}")
    assert "".join(d.text for d in found) == text
    assert all(len(d.text) == size for d in found[:-1]) and 1 <= len(found[-1].text) <= size
    assert all(starts_at(text, document) for document in found)


def test_pieces_go_on_over_the_chunks_in_which_a_file_is_read(tmp_path):
    text = "".join(f"line {i} 词\n" for i in range(200_000))
    (tmp_path / "a.txt").write_text(text, "utf-8")
    found = read(tmp_path / "a.txt", split="chars:777")
    assert "".join(d.text for d in found) == text and found[-1].line == text[: -len(found[-1].text)].count("\n") + 1


def test_windows_line_ends_part_documents_too(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\r\n\r\nthree\r\n \t\r\nfour")
    assert [(d.text, d.line) for d in read(tmp_path / "a.txt", split="blank-line")] == [
        ("one\ntwo", 1), ("three", 4), ("four", 6)]


def test_a_block_too_long_is_refused_without_being_held_in_memory(tmp_path):
    (tmp_path / "a.txt").write_text("first\n\n" + "an endless block\n" * 300_000 + "\nlast")
    tracemalloc.start()
    first, refused, last = read(tmp_path / "a.txt", split="blank-line", max_bytes=10_000)
    assert tracemalloc.get_traced_memory()[1] < 14e6
    tracemalloc.stop()
    assert (first.text, last.text, last.line) == ("first", "last", 300_004)
    assert isinstance(refused, Refused) and refused.line == 3 and refused.n_bytes == 17 * 300_000 - 1


def test_a_block_of_just_the_largest_size_is_kept(tmp_path):
    (tmp_path / "a.txt").write_text("ab\ncd\n\nab\ncde")
    kept, refused = read(tmp_path / "a.txt", split="blank-line", max_bytes=5)
    assert isinstance(kept, Raw) and isinstance(refused, Refused) and refused.n_bytes == 6


@pytest.mark.parametrize("split", [
    "", "line", "chars", "chars:", "chars:0", "chars:-1", "chars:1.5", "chars:٣", "chars:99999999999"])
def test_another_way_to_split_is_refused_in_one_sentence(split):
    with pytest.raises(LabError, match="chars:3000") as caught:
        build(CorpusSpec, {"sources": ["x"], "split": split})
    assert caught.value.where == "split" and "\n" not in caught.value.sentence()


def test_the_ways_to_split_that_there_are():
    assert [split_characters(split) for split in ("file", "blank-line", "chars:1", "chars:3000")] == [0, 0, 1, 3000]
