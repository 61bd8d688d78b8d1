"""Closing the window, or killing it, leaves the run going; the next window shows the curve with no gap."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.jobs import launch
from core.record.control import request
from core.record.folder import Workspace
from core.record.lock import is_alive
from core.record.metrics import read_metrics
from core.record.view import read_view
from core.spec.corpus import CorpusSpec
from core.spec.tokenizer import TokenizerSpec

ROOT = Path(__file__).resolve().parents[2]
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.bootstrap import make_window
from core.spec.base import build
from core.spec.train import TrainSpec

application = QApplication([])
window = make_window(application, Path(sys.argv[1]))
window.show_page("training")
window.show()
window.context.jobs.start()
shape = {"d_model": 32, "n_layers": 1, "n_heads": 2, "context": 32}
spec = build(TrainSpec, {"corpus": "text", "tokenizer": "text", "model": shape, "steps": 100000, "batch_size": 4,
    "validate_every": 50, "validation_tokens": 512, "checkpoint_every": 100, "threads": 1, "precision": "fp32",
    "kernels": "torch", "sample_tokens": 4})
QTimer.singleShot(0, lambda: window.page("training")._start("night", spec))
sys.exit(application.exec())
"""


@pytest.fixture
def inputs(tmp_path, text_folder) -> Workspace:
    """A workspace with a finished corpus and tokenizer."""
    workspace = Workspace(tmp_path / "workspace")
    finish(launch.start(workspace, "corpus", "text", CorpusSpec(sources=[str(text_folder)], held_out=0.2)))
    finish(launch.start(workspace, "tokenizer", "text", TokenizerSpec(corpus="text", vocab_size=300)))
    return workspace


def finish(folder, timeout_s: float = 60.0) -> None:
    until(lambda: read_view(folder.root).state == "completed", timeout_s)


def until(condition, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def drawn_steps(page) -> np.ndarray:
    """The steps of the one run in the plot, as its source has them."""
    source = page.run.plot.series["night"].source
    return source.read(("step",), 0, source.rows)[0]


def steps_done(run: Path) -> int:
    try:
        return len(read_metrics(run / "metrics.bin")[1])
    except (OSError, ValueError):
        return 0


def test_a_killed_window_leaves_the_run_going_and_the_next_one_shows_it_without_a_gap(inputs, qtbot, open_window):
    run = inputs.root / "runs" / "night"
    window = subprocess.Popen([sys.executable, "-c", WINDOW, str(inputs.root)], cwd=ROOT, env={
        **os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    try:
        until(lambda: steps_done(run) > 20)
    finally:
        window.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        window.wait()
    killed_at = steps_done(run)
    assert is_alive(run)
    until(lambda: steps_done(run) > killed_at + 50)

    again = open_window(inputs.root)
    again.show_page("training")
    page = again.page("training")
    qtbot.waitUntil(lambda: page.run.root == run, timeout=5000)
    qtbot.waitUntil(lambda: page.run.curves.last(run, "step") > killed_at + 50, timeout=5000)
    shown = page.run.curves.last(run, "step")
    qtbot.waitUntil(lambda: page.run.curves.last(run, "step") > shown, timeout=10_000)  # it is live
    steps = drawn_steps(page)
    np.testing.assert_array_equal(steps, np.arange(len(steps)))
    assert page.run.head.badge.state == "running"

    page.run.head.pause.click()
    qtbot.waitUntil(lambda: page.run.head.badge.state == "paused", timeout=10_000)
    page.run.head.go_on.click()
    qtbot.waitUntil(lambda: page.run.head.badge.state == "running", timeout=10_000)
    request(run, "stop")
    qtbot.waitUntil(lambda: page.run.head.badge.state == "stopped", timeout=10_000)


def test_a_killed_worker_is_shown_as_crashed_and_one_click_takes_it_up_again(inputs, qtbot, open_window):
    window = open_window(inputs.root)
    window.show_page("training")
    page, run = window.page("training"), inputs.root / "runs" / "night"
    spec = page.form.form
    spec.set_values({
        "corpus": "text", "tokenizer": "text", "steps": 100_000, "batch_size": 4, "checkpoint_every": 50,
        "validate_every": 50, "validation_tokens": 512, "threads": 1, "precision": "fp32", "kernels": "torch",
        "sample_tokens": 0, "model": {"d_model": 32, "n_layers": 1, "n_heads": 2, "kv_heads": 0, "context": 32}})
    qtbot.waitUntil(lambda: window.context.jobs.names("tokenizer") == ["text"], timeout=5000)
    page.show_form()
    page.form.name.setText("night")
    assert page.form.form.valid, page.form.form.problem()
    page.form.start.click()
    qtbot.waitUntil(lambda: bool((job := window.context.jobs.job(run)) and job.view.checkpoints), timeout=60_000)
    os.kill(window.context.jobs.job(run).view.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    qtbot.waitUntil(lambda: page.run.head.badge.state == "crashed", timeout=15_000)
    assert page.run.notice.isVisible()
    step = window.context.jobs.job(run).view.checkpoints[-1].step
    page.run.notice.action.click()
    qtbot.waitUntil(lambda: page.run.head.badge.state == "running", timeout=30_000)
    qtbot.waitUntil(lambda: (page.run.curves.last(run, "step") or 0) > step + 60, timeout=30_000)
    steps = drawn_steps(page)
    np.testing.assert_array_equal(steps, np.arange(len(steps)))
