"""Fixtures of the window's tests: no display, and settings of their own."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("COLDFRAME_SETTINGS", str(tmp_path / "settings.ini"))


@pytest.fixture
def context(workspace, qtbot):
    """What pages share, over the test's own workspace, with its jobs listed."""
    from app.state.context import AppContext
    from app.state.settings import Settings

    made = AppContext(workspace.root, Settings())
    with qtbot.waitSignal(made.jobs.loaded):
        made.jobs.start()
    yield made
    made.close()
