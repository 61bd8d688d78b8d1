"""Fixtures of the window's tests: no display, and settings of their own."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("COLDFRAME_SETTINGS", str(tmp_path / "settings.ini"))
