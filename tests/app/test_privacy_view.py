"""The review of personal data: every hit with its words, masked until asked for, and out as CSV."""

import csv

import pytest

from app.bootstrap import make_window
from app.views.privacy_view import KINDS, PrivacyView
from core.data.documents import Document, DocumentWriter
from core.data.filters.privacy import personal_data
from core.data.filters.verdict import Draft
from core.data.privacy.scan import PLACEHOLDERS
from core.errors import LabError
from core.spec.rules.privacy import PersonalData
from widgets.hit_table import CONTEXT, FOUND, KIND

TEXTS = ("Ask ann@acme.org today", "nothing", "Call +442079460018,\nor bob@acme.org")


def corpus(folder, texts=TEXTS, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    writer, judge = DocumentWriter(folder, "kept"), personal_data(PersonalData(**settings))
    for row, text in enumerate(texts):
        draft = Draft(text)
        judge(draft)
        writer.add(Document(id=row, text=draft.text, source="/mails/a.txt", line=row + 1, marks=draft.marks))
    writer.commit()
    return folder


@pytest.fixture
def view(qtbot, qapp, tmp_path):
    window = make_window(qapp, tmp_path / "workspace")
    made = PrivacyView(window.context)
    qtbot.addWidget(window)
    qtbot.addWidget(made)
    yield made
    made.close_files()


def shown(view, column):
    model = view.table.hits
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


def test_every_hit_is_listed_masked_with_the_words_around_it(view, qtbot, tmp_path):
    view.show_corpus(corpus(tmp_path / "c"))
    qtbot.waitUntil(lambda: view.hits.done)
    assert not view.isHidden()
    assert shown(view, KIND) == ["E-mail addresses", "Phone numbers", "E-mail addresses"]
    assert shown(view, CONTEXT) == ["Ask [EMAIL] today", "Call [PHONE], or [EMAIL]", "Call [PHONE], or [EMAIL]"]
    assert "ann@acme.org" not in shown(view, FOUND)
    view.reveal.click()
    assert shown(view, FOUND) == ["ann@acme.org", "+442079460018", "bob@acme.org"]
    view.reveal.click()
    assert "ann@acme.org" not in shown(view, FOUND)


def test_types_are_counted_and_one_can_be_chosen(view, qtbot, tmp_path):
    view.show_corpus(corpus(tmp_path / "c"))
    qtbot.waitUntil(lambda: view.hits.done)
    assert [view.kinds.itemText(i) for i in range(view.kinds.count())] == [
        "Every type (3)", "E-mail addresses (2)", "Phone numbers (1)"]  # fmt: skip
    view.kinds.setCurrentIndex(2)
    view.kinds.activated.emit(2)
    assert shown(view, KIND) == ["Phone numbers"]


def test_a_report_is_masked_in_its_words_too(view, qtbot, tmp_path):
    view.show_corpus(corpus(tmp_path / "c", action="report"))
    qtbot.waitUntil(lambda: view.hits.done)
    assert shown(view, CONTEXT)[0] == "Ask a••••••••••g today"
    view.set_revealed(True)
    assert shown(view, CONTEXT)[0] == "Ask ann@acme.org today"


def test_what_is_shown_can_be_copied_and_saved(view, qtbot, qapp, tmp_path):
    view.show_corpus(corpus(tmp_path / "c"))
    qtbot.waitUntil(lambda: view.hits.done)
    view.set_revealed(True)
    view.table.selectAll()
    view.table.copy()
    assert qapp.clipboard().text().splitlines()[0].split("\t") == [
        "E-mail addresses", "ann@acme.org", "Ask [EMAIL] today", "mails/a.txt"]  # fmt: skip
    view.write_csv(tmp_path / "out.csv")
    rows = list(csv.DictReader(open(tmp_path / "out.csv", encoding="utf-8-sig")))
    assert [row["found"] for row in rows] == ["ann@acme.org", "+442079460018", "bob@acme.org"]
    assert rows[2]["document"] == "2" and rows[2]["line"] == "3" and rows[2]["placeholder"] == "[EMAIL]"
    with pytest.raises(LabError, match="could not be written"):
        view.write_csv(tmp_path)


def test_it_hides_where_nothing_was_found_or_nothing_is_finished(view, qtbot, tmp_path):
    view.show_corpus(corpus(tmp_path / "c", texts=("nothing", "at all")))
    qtbot.waitUntil(lambda: view.hits.done)
    assert view.isHidden()
    view.show_corpus(tmp_path / "unfinished")
    assert view.isHidden() and view.hits is None
    view.show_corpus(corpus(tmp_path / "empty", texts=()))
    assert view.isHidden()


def test_it_paints_chosen_and_long_rows(view, qtbot, tmp_path):
    long = "word " * 200 + "ann@acme.org" + " word" * 200
    view.show_corpus(corpus(tmp_path / "c", texts=(long, "bob@acme.org")))
    qtbot.waitUntil(lambda: view.hits.done)
    view.resize(900, 400)
    view.table.selectRow(0)
    assert not view.grab().isNull()


def test_every_type_has_a_name():
    assert set(KINDS) == set(PLACEHOLDERS)
