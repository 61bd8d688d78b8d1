"""Documents, funnel and paths: only what is seen is read, and every bar opens something."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from widgets.document_browser import DocumentBrowser
from widgets.document_table import reason_text
from widgets.funnel import Funnel, bytes_text
from widgets.path_picker import PathPicker


def document(i):
    return SimpleNamespace(id=i, text=f"🌱 document {i} needle{i % 1000}", source=f"/a/b/c{i}.txt", line=i + 1,
                           rule="short" if i % 2 else "copy", reason="shorter than {least}", values={"least": 64})


class Counting:
    """A million documents that count how often one is read."""

    def __init__(self, n=1_000_000):
        self.n, self.reads = n, 0

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.reads += 1
        return document(i)


@pytest.fixture
def browser(qtbot):
    made = DocumentBrowser(reasons=True)
    qtbot.addWidget(made)
    made.resize(1000, 500)
    made.show()
    return made


def test_only_documents_in_view_are_read(browser):
    documents = Counting()
    browser.set_documents(documents)
    browser.grab()
    assert browser.model.rowCount() == 1_000_000 and 0 < documents.reads < 2_000


def test_a_search_finds_without_blocking(browser, qtbot):
    browser.set_documents([document(i) for i in range(3000)])
    browser.search.setText("NEEDLE7 ")
    assert browser.model.scanning  # it goes on while the window lives
    qtbot.waitUntil(lambda: not browser.model.scanning)
    assert [browser.model.source_row(r) for r in range(browser.model.rowCount())] == [
        i for i in range(3000) if f"needle{i % 1000}".startswith("needle7") ]  # fmt: skip
    browser.search.clear()
    assert browser.model.rowCount() == 3000


def test_a_rule_filters_and_an_opened_document_lifts_the_filter(browser, qtbot):
    browser.set_documents([document(i) for i in range(100)])
    browser.set_rule("short")
    qtbot.waitUntil(lambda: not browser.model.scanning)
    assert browser.model.rowCount() == 50
    with qtbot.waitSignal(browser.document_chosen, check_params_cb=lambda row: row == 42):
        browser.show_document(42)
    assert browser.text.toPlainText() == document(42).text


def test_a_highlight_counts_characters_as_python_does(browser):
    browser.set_documents([document(7)])
    browser.show_document(0, 2, 10)  # after an emoji, which Qt counts twice
    assert browser.text.extraSelections()[0].cursor.selectedText() == "document"


def test_a_reason_is_filled_with_its_measured_value():
    assert reason_text(document(1)) == "shorter than 64"
    assert reason_text(SimpleNamespace(text="kept")) == ""
    assert reason_text(SimpleNamespace(reason="odd {brace", values={})) == "odd {brace"


def test_the_place_leads_back_to_the_file(browser, qtbot):
    browser.set_documents([document(5)])
    browser.show_document(0)
    with qtbot.waitSignal(browser.source_asked) as told:
        browser.place.click()
    assert told.args == ["/a/b/c5.txt", 6]


@pytest.fixture
def funnel(qtbot):
    made = Funnel()
    qtbot.addWidget(made)
    made.resize(700, 300)
    made.show()
    made.set_counts(100, 70, 5000, 4000, {"short": 20, "copy": 10, "none": 0}, {"short": "Too short"})
    return made


def test_bars_stand_where_documents_fell_out(funnel):
    spans = {key: (row.stage.start, row.stage.end) for key, row in funnel.rows.items()}
    assert spans == {"read": (0, 1), "short": (0.8, 1.0), "copy": (0.7, 0.8), "none": (0.7, 0.7), "kept": (0, 0.7)}
    assert funnel.rows["short"].stage.text == "Too short"
    funnel.grab()


def test_every_bar_with_documents_opens_them(funnel, qtbot):
    with qtbot.waitSignal(funnel.rule_clicked, check_params_cb=lambda rule: rule == "short"):
        qtbot.mouseClick(funnel.rows["short"], Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(funnel.kept_clicked):
        qtbot.keyClick(funnel.rows["kept"], Qt.Key.Key_Space)
    with qtbot.assertNotEmitted(funnel.rule_clicked):
        qtbot.mouseClick(funnel.rows["none"], Qt.MouseButton.LeftButton)


def test_the_funnel_keeps_its_rows_while_counts_grow(funnel):
    row = funnel.rows["short"]
    funnel.set_counts(200, 150, 1, 1, {"short": 30, "copy": 20, "none": 0})
    assert funnel.rows["short"] is row and row.accessibleName() == "short: 30"


def test_bytes_are_written_with_their_unit():
    assert [bytes_text(n) for n in (0, 999, 1500, 8_412_332, 3e9)] == ["0 B", "999 B", "1.5 kB", "8.41 MB", "3 GB"]


def test_dropped_files_are_taken_once_and_can_be_removed(qtbot, tmp_path):
    picker = PathPicker()
    qtbot.addWidget(picker)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl.fromLocalFile(str(tmp_path)), QUrl("https://example.org/x")])
    drop = QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                      Qt.KeyboardModifier.NoModifier)  # fmt: skip
    with qtbot.waitSignal(picker.paths_changed) as told:
        picker.dropEvent(drop)
    assert told.args[0] == picker.paths() == [str(tmp_path)]
    picker._change([])
    assert picker.paths() == []


def test_a_single_picker_keeps_the_last(qtbot):
    picker = PathPicker(single=True)
    qtbot.addWidget(picker)
    picker.add(["/a", "/b"])
    assert picker.paths() == ["/b"]
