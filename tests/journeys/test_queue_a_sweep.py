"""A sweep as a person makes one: two rates by two widths, queued in the window, trained by real workers, ranked."""

import pytest
from PySide6.QtCore import Qt

from core.record.folder import Workspace
from core.record.lock import is_alive
from core.record.tickets import place, read_limits
from core.record.view import read_view
from tests.kill_and_resume import prepare

BASE = {
    "corpus": "text", "tokenizer": "text", "steps": 12, "batch_size": 4, "warmup_steps": 2, "validate_every": 4,
    "validation_tokens": 512, "sample_tokens": 0, "precision": "fp32", "kernels": "torch", "threads": 1,
    "layers_every": 0, "model": {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 16, "kv_heads": 0},
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return prepare(tmp_path)


def click(qtbot, button) -> None:
    assert button.isVisible() and button.isEnabled(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_four_variants_are_queued_held_let_go_trained_and_ranked(workspace, open_window, qtbot):
    window = open_window(workspace.root)
    context = window.context
    qtbot.waitUntil(lambda: context.jobs.names("tokenizer") == ["text"], timeout=10_000)
    window.resize(1280, 800)
    window.show_page("training")
    page = window.page("training")
    page.show_room("queue")
    click(qtbot, page.queue.pause)
    assert read_limits(workspace.root).paused

    page.show_room("sweeps")
    click(qtbot, page.header.primary)
    form = page.sweep_form
    form.form.set_values(BASE)
    form.axes[0].values.setText("1e-6, 1e-2")
    form.add_axis("model.d_model", "16, 32")
    qtbot.waitUntil(lambda: form.start.text() == "Queue 4 runs", timeout=10_000)
    form.name.setText("tiny")
    click(qtbot, form.start)
    view = page.sweep
    qtbot.waitUntil(lambda: view.isVisible() and view.done.unit.text() == "of 4", timeout=10_000)
    qtbot.waitUntil(lambda: len(context.queue.tickets) == 4, timeout=60_000)

    page.show_room("queue")
    queue = page.queue
    names = [f"tiny-{number:03d}" for number in range(1, 5)]
    assert [entry.name for entry in queue.model.entries] == names
    queue.table.selectRow(3)
    click(qtbot, queue.up)
    click(qtbot, queue.pause)  # go on
    qtbot.waitUntil(lambda: not context.queue.tickets, timeout=240_000)
    runs = [workspace.path("runs", name) for name in names]
    assert [read_view(run).state for run in runs] == ["completed"] * 4
    begun = {run.name: read_view(run).started_t for run in runs}
    assert begun["tiny-001"] < begun["tiny-003"], "two at a time, in order"

    page.show_room("sweeps")
    sweep = workspace.path("sweeps", "tiny")
    qtbot.waitUntil(lambda: context.jobs.job(sweep).view.state == "completed", timeout=60_000)
    assert view.done.value.text() == "4" and view.order.rowCount() == 4
    best = context.jobs.job(sweep).view.result
    assert view.order.index(0, 0).data() == f"★ {best['best']}" and best["values"]["learning_rate"] == 0.01
    view.table.activated.emit(view.order.index(0, 0))
    assert page.run.isVisible() and page.run.root == workspace.path("runs", best["best"])
    qtbot.waitUntil(lambda: not is_alive(place(workspace.root)), timeout=30_000)
