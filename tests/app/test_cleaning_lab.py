"""The cleaning lab: a changed rule is asked about and answered; answers that come too late are dropped."""

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QScrollArea

from app.bootstrap import make_window
from app.pages import data_rooms
from app.state.preview import CleaningPreview
from core.jobs.registry import KINDS
from core.spec import messages as m
from core.spec.corpus import CorpusSpec
from core.spec.rules.text import MinimumLength
from widgets.cards import Button

WAIT_MS = 30_000


@pytest.fixture
def window(qtbot, tmp_path):
    made = make_window(QApplication.instance(), tmp_path / "workspace")
    made.show_page("data", new=True)
    made.show()
    yield made
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def text_folder(tmp_path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02d}.txt").write_text("word " * 10 * number + f"end {number}")
    return folder


class FakeSession(QObject):
    """Stands where the process stands: takes requests, answers when told to."""

    sources_counted, clean_previewed, problem_raised = Signal(object), Signal(object), Signal(object)

    def __init__(self):
        super().__init__()
        self.asked, self.cancelled = [], []

    def count_sources(self, sources):
        return 1000

    def preview_cleaning(self, spec, known=""):
        self.asked.append((len(self.asked) + 1, spec, known))
        return len(self.asked)

    def cancel(self, id):
        self.cancelled.append(id)

    def answer(self, id, sample="s", texts=("one", "two")):
        self.clean_previewed.emit(m.CleanPreviewed(
            id=id, sample=sample, texts=list(texts) if texts else None, sources=[("f", 1)] * 2 if texts else None,
            fates=[m.Fate(row=0), m.Fate(row=1, text="2", rule="minimum_length", reason="short")], steps=[],
            histograms={}, documents=2, n_bytes=6, refused={}, files=1, files_read=1, files_skipped=0, total_bytes=6,
            documents_estimated=2, whole=True))  # fmt: skip


class FakeContext:
    def __init__(self):
        self.cleaning_session = FakeSession()


def spec(characters=64):
    return CorpusSpec(sources=["x"], rules=[MinimumLength(characters=characters)])


@pytest.fixture
def asked(qtbot):
    context = FakeContext()
    preview = CleaningPreview(context)
    preview.answers = []
    preview.previewed.connect(preview.answers.append)
    return preview, context.cleaning_session


def test_of_many_quick_changes_only_the_last_is_asked(asked, qtbot):
    preview, session = asked
    for characters in range(10):
        preview.ask(spec(characters))
    qtbot.waitUntil(lambda: bool(session.asked))
    qtbot.wait(200)
    assert [request[1].rules[0].characters for request in session.asked] == [9]


def test_an_answer_that_comes_too_late_is_dropped(asked, qtbot):
    preview, session = asked
    preview.ask(spec(1))
    qtbot.waitUntil(lambda: len(session.asked) == 1)
    preview.ask(spec(2))
    qtbot.waitUntil(lambda: len(session.asked) == 2)
    assert session.cancelled == [1]
    session.answer(1)
    assert preview.answers == [] and preview.busy
    session.answer(2)
    assert len(preview.answers) == 1 and not preview.busy
    assert [document.rule for document in preview.documents] == ["", "minimum_length"]
    assert preview.documents[1].before == "two" and preview.documents[1].changed


def test_texts_are_sent_once(asked, qtbot):
    preview, session = asked
    preview.ask(spec(1))
    qtbot.waitUntil(lambda: len(session.asked) == 1)
    session.answer(1)
    preview.ask(spec(2))
    qtbot.waitUntil(lambda: len(session.asked) == 2)
    assert session.asked[1][2] == "s"
    session.answer(2, texts=None)
    assert preview.documents[0].text == "one"


def test_a_question_that_cannot_be_answered_is_told_and_not_waited_for(asked, qtbot):
    preview, session = asked
    told = []
    preview.failed.connect(told.append)
    preview.ask(spec())
    qtbot.waitUntil(lambda: len(session.asked) == 1)
    session.problem_raised.emit(m.Problem(id=99, problem="of somebody else"))
    assert told == [] and preview.busy
    session.problem_raised.emit(m.Problem(id=1, problem="gone"))
    assert len(told) == 1 and not preview.busy


def test_a_changed_rule_changes_the_counts(window, qtbot, text_folder):
    lab = window.page("data").importer
    lab.use_preset("gentle")
    lab.use_paths([str(text_folder)])
    qtbot.waitUntil(lambda: lab.pane.answer is not None, timeout=WAIT_MS)
    assert "30 files" in lab.counted.text() and lab.name.text() == "text"
    row = next(row for row in lab.rules.rows if row.tag == "minimum_length")
    before = row.count.text()
    assert before.startswith("2 set aside")
    row.set_open(True)
    with qtbot.waitSignal(lab.preview.previewed, timeout=WAIT_MS):
        row.plots["characters"].threshold_changed.emit("characters", 600.0)
    assert row.count.text().startswith("12 set aside") and not lab.changed.isHidden()
    with qtbot.waitSignal(lab.preview.previewed, timeout=WAIT_MS):
        row.box.setChecked(False)
    assert row.count.isHidden() and lab.pane.summary.text().startswith("30 of 30")
    with qtbot.waitSignal(lab.preview.previewed, timeout=WAIT_MS):
        qtbot.mouseClick(lab.back, Qt.MouseButton.LeftButton)
    assert lab.changed.isHidden() and lab.pane.summary.text().startswith("28 of 30")


def test_while_the_first_sample_is_read_the_pane_says_so(window, qtbot, text_folder):
    lab = window.page("data").importer
    lab.use_preset("gentle")
    assert lab.pane.parts.currentWidget() is lab.pane.empty
    lab.use_paths([str(text_folder)])
    qtbot.waitUntil(lambda: lab.preview.busy, timeout=WAIT_MS)
    assert lab.pane.parts.currentWidget() is lab.pane.waiting and lab.pane.busy.isVisible()
    qtbot.waitUntil(lambda: lab.pane.answer is not None, timeout=WAIT_MS)
    assert lab.pane.parts.currentWidget() is lab.pane._funnel_page


def test_one_file_is_not_called_files_and_a_preset_says_what_it_is(window, qtbot, text_folder):
    lab = window.page("data").importer
    lab.use_paths([str(text_folder / "09.txt")])
    qtbot.waitUntil(lambda: "1 file," in lab.counted.text(), timeout=WAIT_MS)
    lab.use_preset("gopher")
    assert "arXiv:2112.11446" in lab.about.text()


def test_the_lab_needs_no_scrolling_sideways_at_the_least_size(window, qtbot):
    lab = window.page("data").importer
    window.resize(1280, 800)
    lab.form.set_values({"split": "chars:3000"})
    left = lab.form
    while not isinstance(left, QScrollArea):
        left = left.parentWidget()
    qtbot.wait(50)
    assert left.horizontalScrollBar().maximum() == 0


def test_an_empty_page_offers_what_needs_no_text_of_ones_own(window, qtbot):
    page = window.page("data")
    page._leave_form()
    found = {button.text(): button for button in page.empty.findChildren(Button)}
    found["Make a synthetic world"].click()
    assert page._shown() is page.form("world")
    found["Use Python's own documentation"].click()
    assert page._shown() is page.importer and page.importer.picker.paths() == ["builtin:python-docs"]


@pytest.mark.parametrize("kind", ["tokenizer", "mixture", "reference", "classifier"])
def test_a_form_without_a_corpus_leads_to_the_lab_and_shows_nothing_wrong(window, kind):
    page = window.page("data")
    page.show_form(kind)
    form = page.form(kind)
    assert form.empty.isVisible() and not form.form.isVisible() and not form.start.isEnabled()
    form.empty.action.click()
    assert page._shown() is page.importer


def test_a_rule_that_cannot_be_made_keeps_start_away_and_says_why(window, text_folder):
    lab = window.page("data").importer
    assert not lab.start.isEnabled()  # no source yet
    lab.use_paths([str(text_folder)])
    assert lab.start.isEnabled()
    row = next(row for row in lab.rules.rows if row.tag == "minimum_length")
    row.set_open(True)
    control = row.form.rows["characters"].editor.control
    control.setText("-5")
    control.textEdited.emit("-5")
    assert not lab.start.isEnabled() and lab.spec() is None


def test_a_source_that_is_gone_is_said_where_the_preview_stands(window, qtbot, tmp_path):
    lab = window.page("data").importer
    lab.use_paths([str(tmp_path / "nowhere")])
    qtbot.waitUntil(lambda: not lab.pane.notice.isHidden(), timeout=WAIT_MS)
    assert "nowhere" in lab.pane.notice.text.text()


def test_the_lab_survives_a_change_of_language(window, qtbot, text_folder):
    lab = window.page("data").importer
    lab.use_paths([str(text_folder)])
    lab.rules.add("minimum_length")
    lab.name.setText("mine")
    lab.name.setModified(True)
    window.set_language("zh_CN")
    again = window.page("data").importer
    assert again is not lab and again.name.text() == "mine"
    assert again.picker.paths() == [str(text_folder)] and again.rules.values() == lab.rules.values()
    window.set_language("en")


def test_the_preview_answers_while_the_engine_is_busy(window, qtbot, text_folder):
    context = window.context
    assert context.cleaning_session is not context.session
    began = time.perf_counter()
    lab = window.page("data").importer
    lab.use_paths([str(text_folder)])
    assert time.perf_counter() - began < 1, "asking must not wait for the answer"


def test_the_table_of_the_page_names_only_kinds_of_job():
    assert {entry.kind for entry in data_rooms.DATA_KINDS} <= set(KINDS)


def test_everything_in_the_menu_of_new_things_opens_and_escapes(window, qtbot):
    page = window.page("data")
    for kind, entry in page.kinds.items():
        if data_rooms.exists(entry.form):
            window.show_page("data", new=kind)
            form = page._shown()
            assert form is page.form(kind), kind
            with qtbot.waitSignal(form.cancelled):
                qtbot.keyClick(window, Qt.Key.Key_Escape)
