"""A real window and a small folder of real text; what a journey starts is ended with it."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from core.record.control import request
from core.record.lock import is_alive


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("COLDFRAME_SETTINGS", str(tmp_path / "settings.ini"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def text_folder(tmp_path) -> Path:
    """Forty small files of English, with a duplicate and a stub among them."""
    from pydoc_data.topics import topics

    folder = tmp_path / "text"
    folder.mkdir()
    for number, key in enumerate(sorted(topics)[:40]):
        (folder / f"{number:02d}.txt").write_text(topics[key][:4000], "utf-8")
    (folder / "copy.txt").write_text((folder / "00.txt").read_text("utf-8"), "utf-8")
    (folder / "stub.txt").write_text("too short", "utf-8")
    return folder


@pytest.fixture
def open_window(qtbot, tmp_path):
    """Opens the window on a workspace of its own; closes it and stops what still runs at the end."""
    from app.bootstrap import make_window

    opened = []

    def open_now(workspace: Path = tmp_path / "workspace"):
        window = make_window(QApplication.instance(), workspace)
        window.show_page("home")
        window.show()
        with qtbot.waitSignal(window.context.jobs.loaded, timeout=5000, raising=False):
            window.context.jobs.start()
        opened.append(window)
        return window

    yield open_now
    for window in opened:
        window.close()
        window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    stop_everything(tmp_path, qtbot)


def stop_everything(folder: Path, qtbot) -> None:
    """Ask every worker under a folder to stop, and wait for it."""
    roots = [path.parent for path in folder.glob("**/worker.lock")]
    for root in [root for root in roots if is_alive(root)]:
        request(root, "stop")
    qtbot.waitUntil(lambda: not any(is_alive(root) for root in roots), timeout=30_000)


def click(qtbot, widget) -> None:
    """Press a button or a card as a person does; it has to be there to be pressed."""
    from PySide6.QtCore import Qt

    assert widget.isVisible() and widget.isEnabled(), widget
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
