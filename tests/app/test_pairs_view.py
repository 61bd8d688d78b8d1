"""The near-duplicates of a corpus on the page: a list, and both texts of the one that is chosen."""

from types import SimpleNamespace

import msgspec
import pytest

from app.views.pairs_view import PairsView
from core.data.documents import Document, DocumentWriter, Rejected
from widgets import theme

LINE = "Subscribe to our weekly letter now!"


def written(folder, pairs=True):
    """A corpus of four documents, of which two were set aside as near-duplicates."""
    folder.mkdir()
    kept, rejected = DocumentWriter(folder, "kept"), DocumentWriter(folder, "rejected")
    for row, text in ((0, f"one two three\n{LINE}"), (2, "four five six")):
        kept.add(Document(id=row // 2, text=text, source=f"/a/{row}.txt", line=1, row=row))
    for row, text in ((1, "one 2 three"), (3, "four five six seven")):
        rejected.add(Rejected(
            id=row // 2, text=text, source=f"/a/{row}.txt", line=1, rule="near_duplicates", reason="", row=row))
    kept.commit()
    rejected.commit()
    if pairs:
        lines = [{"row": 1, "kept_row": 0, "similarity": 0.81}, {"row": 3, "kept_row": 2, "similarity": 0.9}]
        (folder / "pairs.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return folder


@pytest.fixture
def view(qtbot, qapp):
    theme.apply(qapp, "light")
    made = PairsView(SimpleNamespace(notify=lambda *said: pytest.fail(str(said))))
    qtbot.addWidget(made)
    made.resize(1000, 700)
    return made


def test_the_first_pair_is_open_and_another_opens_when_chosen(view, tmp_path):
    view.show_corpus(written(tmp_path / "c"))
    assert view.isVisibleTo(view.parentWidget()) and view.model.rowCount() == 2
    assert view.pair.kept.text.toPlainText() == f"one two three\n{LINE}"
    assert view.pair.dropped.text.toPlainText() == "one 2 three"
    view.table.selectRow(1)
    assert view.pair.dropped.text.toPlainText() == "four five six seven"
    assert view.pair.similarity.text() == "Similarity 0.90"
    assert [view.model.data(view.model.index(1, column)) for column in range(3)] == [
        "0.90", "four five six seven", "a/3.txt"]


def test_a_corpus_without_pairs_or_an_unfinished_one_shows_nothing(view, tmp_path):
    view.show_corpus(written(tmp_path / "c"))
    view.show_corpus(written(tmp_path / "d", pairs=False))
    assert not view.isVisible() and view.model.rowCount() == 0
    view.show_corpus(tmp_path / "nowhere")
    assert not view.isVisible()


def test_lines_that_were_cut_are_listed_with_their_documents(view, tmp_path):
    folder = written(tmp_path / "c", pairs=False)
    from core.data.dedup.lines import units_of

    key = f"{int(units_of(LINE, 'line').keys[0]):016x}"
    (folder / "repeated_lines.jsonl").write_bytes(
        msgspec.json.encode({"row": 0, "documents": 1234, "key": key, "unit": "line"}) + b"\n")
    view.show_corpus(folder)
    assert view.lines_text.text() == f"1,234 documents: {LINE}"
