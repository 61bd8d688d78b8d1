"""A data person's way: drop a folder, see what the rules do, change one, start, read a rejected document's reason."""

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from core.data.report import read_report

from .conftest import click

WAIT_MS = 60_000


def drop(picker, folder):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    picker.dropEvent(QDropEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))


def test_from_a_dropped_folder_to_a_rejected_document_and_its_reason(qtbot, open_window, text_folder, tmp_path):
    window = open_window()
    window.show_page("data")
    page = window.page("data")
    click(qtbot, page.empty.action)
    lab = page.importer
    drop(lab.picker, text_folder)
    qtbot.waitUntil(lambda: "42 files" in lab.counted.text(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: lab.pane.answer is not None, timeout=WAIT_MS)
    assert lab.pane.summary.text() == "40 of 42 kept"

    copies = next(row for row in lab.rules.rows if row.tag == "exact_duplicates")
    with qtbot.waitSignal(lab.preview.previewed, timeout=WAIT_MS):
        qtbot.mouseClick(copies.box, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert lab.pane.summary.text() == "41 of 42 kept"
    with qtbot.waitSignal(lab.preview.previewed, timeout=WAIT_MS):
        qtbot.mouseClick(copies.box, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    qtbot.mouseClick(lab.pane.funnel.line("minimum_length"), Qt.MouseButton.LeftButton)
    assert lab.pane.rejected.isVisible()
    qtbot.waitUntil(lambda: lab.pane.rejected.model.rowCount() == 1, timeout=WAIT_MS)

    click(qtbot, lab.start)
    jobs = window.context.jobs
    qtbot.waitUntil(lambda: jobs.named("corpus", "text") is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not jobs.named("corpus", "text").view.live, timeout=120_000)
    job = jobs.named("corpus", "text")
    assert job.view.state == "completed", job.view.error
    corpus = page.corpus
    qtbot.waitUntil(lambda: corpus.save.isVisible(), timeout=WAIT_MS)  # the report is there, and its funnel
    assert corpus.funnel.line("kept").step.documents == 40
    assert read_report(job.root)["steps"] == lab.pane.answer.steps  # as the preview had said

    assert corpus.funnel.line("minimum_length").clickable
    qtbot.mouseClick(corpus.funnel.line("minimum_length"), Qt.MouseButton.LeftButton)
    browser = corpus.documents.reject_browser
    qtbot.waitUntil(lambda: browser.isVisible() and browser.model.rowCount() == 1, timeout=WAIT_MS)
    browser.table.selectRow(0)
    assert browser.text.toPlainText() == "too short"
    assert browser.reason.text() == "It has 9 characters; at least 64 are asked for."
    assert "stub.txt:1" in browser.place.text() and "Minimum length" in browser.trail.text()
    corpus.save_report(tmp_path / "report.md")
    assert "64 characters" in (tmp_path / "report.md").read_text("utf-8")
