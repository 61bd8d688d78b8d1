"""A cleaning whose processes are killed for real; ``python tests/kill_cleaning.py`` does it many times."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def kill_cleaning(monkeypatch):
    path = Path(__file__).resolve().parents[1] / "kill_cleaning.py"
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("kill_cleaning", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is meant")
def test_killed_processes_leave_the_same_bytes_and_nobody_behind(kill_cleaning):
    found = kill_cleaning.compare(kills=3, megabytes=1.5, count=2, rules="gentle", seed=4)
    assert found["kills"] == 3 and found["result"]["documents_kept"] and not found["wrong"], found
