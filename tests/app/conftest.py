"""Fixtures of the window's tests: no display, and settings of their own."""

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Built in another process: this one stays free of torch, as the window is.
TINY_RUN = """
import sys
from pathlib import Path
from tests.tiny_run import make_workspace
from core.data.shards import write_shards
from core.record.lineage import write_outputs
from core.tokens.tokenizer import Tokenizer
workspace = make_workspace(Path(sys.argv[1]))
run = workspace.path("runs", "tiny")
write_shards(run, workspace.path("corpora", "texts"), Tokenizer.load(run))
write_outputs(run)
"""


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


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """A workspace with a corpus, and a tiny run with its training tokens; copy it before changing it."""
    root = tmp_path_factory.mktemp("grown")
    subprocess.run([sys.executable, "-c", TINY_RUN, str(root)], cwd=ROOT, check=True)
    return root


@pytest.fixture
def make_page(qtbot, tmp_path):
    """Makes a Glass page over a copy of a workspace, or over an empty one."""
    from PySide6.QtWidgets import QApplication

    from app.pages.glass import GlassPage
    from app.state.context import AppContext
    from app.state.settings import Settings
    from widgets import theme

    contexts = []

    def make(source: Path | None) -> GlassPage:
        root = tmp_path / "workspace"
        shutil.copytree(source, root) if source else root.mkdir()
        theme.apply(QApplication.instance(), "light")
        context = AppContext(root, Settings())
        contexts.append(context)
        with qtbot.waitSignal(context.jobs.loaded, timeout=60_000) if source else nullcontext():
            context.jobs.start()
        page = GlassPage(context)
        qtbot.addWidget(page)
        page.resize(1100, 900)
        page.show()
        return page

    yield make
    for context in contexts:
        context.close()
