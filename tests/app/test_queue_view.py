"""The queue in the window: what stands on disk is shown, and what a person does to it stands on disk."""

import time

import pytest
from PySide6.QtCore import QModelIndex, Qt

from app.state.jobs import LIVENESS_EVERY
from app.state.strip import strip_entries
from app.views.queue_view import QueueView
from core.jobs import queue
from core.record import events as ev
from core.record.folder import Workspace
from core.record.lock import WorkerLock, is_alive
from core.record.log import EventLog
from core.record.tickets import Limits, place, read_limits, read_tickets
from core.record.view import read_view
from core.spec.base import build
from core.spec.world import WorldSpec

SPEC = build(WorldSpec, {"world": {"kind": "biographies"}, "size": 5})


@pytest.fixture
def workspace(tmp_path):
    """Three jobs in a queue that starts none."""
    made = Workspace(tmp_path / "workspace")
    queue.set_limits(made, paused=True)
    for name in ("one", "two", "three"):
        queue.queue(made, "world", name, SPEC)
    return made


@pytest.fixture
def view(context, qtbot):
    made = QueueView(context)
    qtbot.addWidget(made)
    made.resize(1000, 500)
    made.show()
    return made


def shown(view) -> list[str]:
    return [view.model.data(view.model.index(row, 1)) for row in range(view.model.rowCount())]


def order(workspace) -> list[str]:
    return [ticket.folder.split("/")[1] for ticket in read_tickets(workspace.root)]


def test_jobs_are_moved_held_and_removed_by_buttons_and_keys(view, workspace, qtbot):
    assert shown(view) == ["one", "two", "three"]
    view.table.selectRow(2)
    qtbot.mouseClick(view.up, Qt.MouseButton.LeftButton)
    assert shown(view) == ["one", "three", "two"] == order(workspace)
    assert view.chosen().name == "three", "the row that was moved stays chosen"
    view.table.setFocus()
    qtbot.keyClick(view.table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert order(workspace) == ["three", "one", "two"] and not view.up.isEnabled()
    view.hold.click()
    assert read_tickets(workspace.root)[0].held and view.model.data(view.model.index(0, 3)) == "Held"
    assert view.hold.text() == "Let go"
    view.hold.click()
    assert not read_tickets(workspace.root)[0].held
    view.remove.click()
    assert shown(view) == ["one", "two"] and read_view(workspace.path("corpora", "three")).state == "stopped"


def test_a_row_is_dragged_to_another_place(view, workspace):
    carried = view.model.mimeData([view.model.index(0, 0)])
    view.model.dropMimeData(carried, Qt.DropAction.MoveAction, 3, 0, QModelIndex())
    assert shown(view) == ["two", "three", "one"] == order(workspace)
    carried = view.model.mimeData([view.model.index(2, 0)])
    view.model.dropMimeData(carried, Qt.DropAction.MoveAction, -1, -1, view.model.index(0, 0))
    assert order(workspace) == ["one", "two", "three"]


def test_limits_are_typed_and_an_empty_line_asks_for_the_usual(view, workspace, qtbot):
    view.cores.setText("1")
    view.memory.setText("2.5")
    view.memory.editingFinished.emit()
    assert read_limits(workspace.root) == Limits(cores=1, memory_bytes=2_500_000_000, paused=True)
    view.cores.setText("")
    view.memory.setText("much")
    view.cores.editingFinished.emit()
    assert read_limits(workspace.root).cores == 1 and view.memory.text() == "2.5", "what is no number is put back"
    view.cores.setText("")
    view.memory.setText("")
    view.cores.editingFinished.emit()
    assert read_limits(workspace.root) == Limits(paused=True)


def test_what_waits_is_queued_and_never_crashed_and_stop_takes_it_out(context, view, workspace, qtbot):
    root = workspace.path("corpora", "two")
    job = context.jobs.job(root)
    job.queued_t = time.time() - 3600
    for _ in range(LIVENESS_EVERY):
        context.jobs.follow()
    assert job.view.state == "queued"
    context.ask_job(root, "stop")
    context.queue.look()
    assert shown(view) == ["one", "three"]
    qtbot.waitUntil(lambda: context.jobs.job(root).view.state == "stopped", timeout=5000)


def test_a_stopped_job_that_is_queued_again_and_taken_out_is_stopped_as_before(context, workspace, qtbot):
    folder = workspace.create("world", "again", SPEC)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Stopped())
    log.close()
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: context.jobs.job(folder.root) is not None)
    context.queue.add(folder)
    assert context.jobs.job(folder.root).view.state == "queued" == read_view(folder.root).state
    for _ in range(LIVENESS_EVERY):
        context.jobs.follow()
    context.queue.remove("corpora/again")
    for _ in range(LIVENESS_EVERY):
        context.jobs.follow()
    assert context.jobs.job(folder.root).view.state == "stopped"


def test_what_is_at_work_stands_first_and_in_the_strip_and_is_stopped_instead_of_moved(
    context, view, workspace, qtbot,
):
    assert not strip_entries(context.jobs, time.time()), "what waits would fill the strip"
    root = workspace.path("corpora", "three")
    lock = WorkerLock(root)
    lock.acquire()
    log = EventLog(root / "events.jsonl")
    log(ev.Started(pid=1, attempt=1))
    log(ev.Progress(done=1, total=4, unit="documents"))
    qtbot.waitUntil(lambda: shown(view) == ["three", "one", "two"], timeout=5000)
    assert view.model.data(view.model.index(0, 6)) == "25 %"
    assert [entry.name for entry in strip_entries(context.jobs, time.time())] == ["three"]
    view.table.selectRow(0)
    assert not view.up.isEnabled() and not view.down.isEnabled() and view.remove.text() == "Stop"
    view.remove.click()
    assert list((root / "control").glob("*.json"))
    log.close()
    lock.release()


def test_the_window_starts_the_runner_when_jobs_wait_and_the_queue_goes_on(context, view, workspace, qtbot):
    view.pause.click()
    assert not read_limits(workspace.root).paused
    qtbot.waitUntil(lambda: view.model.rowCount() == 0, timeout=60_000)
    names = ("one", "two", "three")
    assert [read_view(workspace.path("corpora", name)).state for name in names] == ["completed"] * 3
    qtbot.waitUntil(lambda: not is_alive(place(workspace.root)), timeout=20_000)
    assert "Nothing waits" in view.told.text()
