"""Documents on disk: any row at once, whatever the text, and never a half-written corpus."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.documents import Document, Documents, DocumentWriter, Rejected
from core.errors import LabError

TEXTS = st.lists(st.text(), max_size=20)


def write(folder, texts, which="kept"):
    writer = DocumentWriter(folder, which)
    for i, text in enumerate(texts):
        if which == "kept":
            writer.add(Document(id=i, text=text, source="a.txt", line=i + 1, split=("train", "held_out")[i % 2]))
        else:
            writer.add(Rejected(id=i, text=text, source="a.txt", line=1, rule="r", reason="{n}", values={"n": i}))
    writer.commit()


@settings(max_examples=40)
@given(TEXTS)
def test_every_row_comes_back_as_it_was_written(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, texts)
    documents = Documents(folder)
    assert [d.text for d in documents] == texts == [documents[i].text for i in range(len(documents))]
    assert [d.id for d in documents] == list(range(len(texts)))


def test_the_index_holds_the_offset_of_each_line_and_the_end(tmp_path):
    write(tmp_path, ["one", "zwei\nZeilen", "三"])
    lines = (tmp_path / "kept.jsonl").read_bytes()
    offsets = struct.unpack("<4Q", (tmp_path / "kept.idx").read_bytes())
    assert offsets[0] == 0 and offsets[3] == len(lines) and lines.count(b"\n") == 3
    assert all(lines[offset - 1 : offset] == b"\n" for offset in offsets[1:])


def test_documents_are_found_by_split_and_by_step(tmp_path):
    write(tmp_path, [str(i) for i in range(10)])
    documents = Documents(tmp_path)
    assert [d.text for d in documents.iter("held_out")] == list("13579")
    assert [d.text for d in documents.iter("train", step=4)] == ["0", "4", "8"]
    assert documents[-1].text == "9"
    with pytest.raises(IndexError):
        documents[10]


def test_rejected_documents_keep_rule_reason_and_values(tmp_path):
    write(tmp_path, ["x", "y"], "rejected")
    document = Documents(tmp_path, "rejected")[1]
    assert (document.rule, document.reason.format(**document.values)) == ("r", "1")


def test_an_abandoned_corpus_leaves_nothing_behind(tmp_path):
    writer = DocumentWriter(tmp_path, "kept")
    writer.add(Document(id=0, text="x", source="a", line=1))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LabError, match="no finished corpus"):
        Documents(tmp_path)


def test_an_index_that_does_not_fit_is_noticed(tmp_path):
    write(tmp_path, ["one", "two"])
    with open(tmp_path / "kept.jsonl", "ab") as file:
        file.write(b"{}\n")
    with pytest.raises(LabError, match="do not fit together"):
        Documents(tmp_path)
