"""Odd states: folders that vanish, files that cannot be read, forms left by Escape; the window goes on."""

import os
import shutil
import time

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from app.bootstrap import make_window
from app.state.settings import Settings
from app.state.strip import dismissal, strip_entries
from app.views.run_notes import arithmetic_text
from app.words import short_path
from core.errors import join_sentences
from core.record import events as ev
from core.record.lock import WorkerLock
from core.record.log import EventLog
from core.spec.corpus import CorpusSpec


@pytest.fixture
def window(qtbot, tmp_path):
    made = make_window(QApplication.instance(), tmp_path / "workspace")
    made.show_page("home")
    made.show()
    yield made
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def make_corpus(window, name, *events):
    folder = window.context.workspace.create("corpus", name, CorpusSpec(sources=["x"]))
    log = EventLog(folder.path("events.jsonl"))
    for event in events:
        log(event)
    return folder


def read_all(qtbot, window):
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()


def test_a_corpus_deleted_behind_the_windows_back_gives_way_to_another(window, qtbot):
    stays = make_corpus(window, "stays", ev.Started(pid=1, attempt=1), ev.Completed())
    goes = make_corpus(window, "goes", ev.Started(pid=1, attempt=1), ev.Completed())
    read_all(qtbot, window)
    page = window.page("data")
    window.show_page("data", job=goes.root)
    assert page.corpus.root == goes.root
    shutil.rmtree(goes.root)
    window.context.jobs.look_for_new()
    assert page.corpus.root == stays.root
    shutil.rmtree(stays.root)
    window.context.jobs.look_for_new()
    assert page._shown() is page.empty


def test_an_unreadable_spec_is_told_once_and_the_rest_is_shown(window, qtbot):
    fine = make_corpus(window, "fine", ev.Started(pid=1, attempt=1), ev.Completed())
    broken = fine.root.parent / "broken"
    broken.mkdir()
    (broken / "spec.toml").write_text("kind = [[")
    os.utime(broken / "spec.toml", (time.time() - 60, time.time() - 60))
    read_all(qtbot, window)
    read_all(qtbot, window)
    assert [job.name for job in window.context.jobs.jobs()] == ["fine"]
    assert window._notices.count() == 1 and "broken" in window._notices.itemAt(0).widget().text.text()


@pytest.mark.parametrize("page,arguments,form", [
    ("data", {"new": True}, "importer"), ("training", {"new": True}, "form"), ("export", {"new": True}, "form"),
])  # fmt: skip
def test_escape_leaves_a_form(window, qtbot, page, arguments, form):
    window.show_page(page, **arguments)
    shown = getattr(window.page(page), form)
    with qtbot.waitSignal(shown.cancelled):
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_a_dismissed_crash_stays_away_until_something_happens_to_it(window, qtbot):
    folder = make_corpus(window, "fell", ev.Started(pid=1, attempt=1))
    lock = WorkerLock(folder.root)
    lock.acquire()
    lock.release()
    read_all(qtbot, window)
    job = window.context.jobs.job(folder.root)
    assert job.view.state == "crashed"
    window._refresh_strip()
    assert str(folder.root) in window._strip.rows
    window._strip.dismissed.emit(str(folder.root))
    assert not window._strip.rows
    assert dismissal(job) in Settings().dismissed_jobs
    assert strip_entries(window.context.jobs, time.time(), ["another"]), "only this one crash is dismissed"


def test_the_window_comes_back_where_it_was(window, qtbot, tmp_path):
    window.resize(1111, 711)
    window.close()
    again = make_window(QApplication.instance(), tmp_path / "workspace")
    qtbot.addWidget(again)
    assert again.height() == 711  # the width is fitted to the screen there is
    again.close()


def test_notices_leave_no_gap_when_they_are_gone(window):
    assert not window._notice_panel.isVisible()
    window.show_notice("one")
    assert window._notice_panel.isVisible()
    window._notices.itemAt(0).widget().closed.emit()
    assert not window._notice_panel.isVisible() and window._notices.count() == 0


def test_measured_arithmetic_is_said_in_plain_words():
    assert arithmetic_text("bf16, our loss + attention") == (
        "bfloat16 with Coldframe's own kernels for loss, attention")
    assert arithmetic_text("fp32, torch") == "float32 with PyTorch alone"


def test_sentences_join_as_each_language_does():
    assert join_sentences("One.", "", "Two.") == "One. Two."
    assert join_sentences("一。", "二。") == "一。二。"


def test_a_very_long_path_keeps_its_beginning_and_its_end(tmp_path):
    path = tmp_path / ("x" * 200) / "workspace"
    assert len(short_path(path)) <= 80 and short_path(path).endswith("workspace")
