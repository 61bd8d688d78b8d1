"""The window's end of the engine: signals for every event, and a plain sentence when the process dies."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.jobs.session import EngineSession
from core.spec import messages as m
from core.spec.sampling import SamplingSpec

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 60_000

needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    # built in another process: this one stays free of torch, as the window is
    root = tmp_path_factory.mktemp("workspace")
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.tiny_run import ENDLESS, make_workspace\n"
        "make_workspace(Path(sys.argv[1]), 'endless', ENDLESS)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(root)], cwd=ROOT, check=True)
    return root


@pytest.fixture
def session(qtbot, workspace):
    session = EngineSession(workspace)
    yield session
    session.close()


FOR_EVER = SamplingSpec(max_tokens=1_000_000)


def answer(qtbot, signal_, ask):
    """The event that answers ``ask()``."""
    with qtbot.waitSignal(signal_, timeout=WAIT_MS) as caught:
        id = ask()
    assert caught.args[0].id == id
    return caught.args[0]


def load(qtbot, session):
    return answer(qtbot, session.loaded, lambda: session.load("run:endless"))


@needs_torch
def test_the_client_imports_no_engine():
    script = "import sys, app.jobs.session\nprint([n for n in ('torch', 'tokenizers') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_torch
def test_every_kind_of_request_has_its_signal(qtbot, session):
    assert load(qtbot, session).run == "endless"
    tokens = []
    session.token_produced.connect(tokens.append)
    settings = SamplingSpec(max_tokens=5, seed=2)
    done = answer(qtbot, session.finished, lambda: session.generate("Return the", settings))
    assert [t.record.id for t in tokens] == done.ids and len(tokens) == done.tokens > 0
    cut = answer(qtbot, session.tokenized, lambda: session.tokenize("模型 fox"))
    assert b"".join(data for _, data in cut.tokens).decode() == "模型 fox"
    scored = answer(qtbot, session.scored, lambda: session.score("fox"))
    assert b"".join(r.bytes for r in scored.tokens) == b"fox"
    assert "lazy dog" in answer(qtbot, session.document_shown, lambda: session.document(2)).text
    assert "not indexed" in answer(qtbot, session.problem_raised, lambda: session.attribute("fox")).problem
    assert not session.is_busy


@needs_torch
def test_cancelling_in_mid_answer_finishes_it(qtbot, session):
    load(qtbot, session)
    with qtbot.waitSignal(session.token_produced, timeout=WAIT_MS):
        id = session.generate("Return", FOR_EVER)
    assert session.is_busy
    with qtbot.waitSignal(session.finished, timeout=WAIT_MS) as caught:
        session.cancel(id)
    assert caught.args[0].reason == "cancelled" and not session.is_busy


@needs_torch
@pytest.mark.skipif(os.name != "posix", reason="ends the process the POSIX way")
def test_a_killed_engine_is_told_and_the_next_question_starts_it_again(qtbot, session):
    load(qtbot, session)
    with qtbot.waitSignal(session.token_produced, timeout=WAIT_MS):
        id = session.generate("Return", FOR_EVER)
    problems = []
    session.problem_raised.connect(problems.append)
    with qtbot.waitSignal(session.process_ended, timeout=WAIT_MS) as caught:
        os.kill(session._process.processId(), signal.SIGKILL)
    assert caught.args[0] == "The engine stopped unexpectedly. The next question starts it again."
    assert [(p.id, p.remedy) for p in problems] == [(id, "Ask again.")]
    assert not session.is_running and not session.is_busy
    # the model comes back by itself
    done = answer(qtbot, session.finished, lambda: session.generate("Return", SamplingSpec(max_tokens=2)))
    assert done.tokens == 2


def test_an_engine_that_cannot_start_is_told(qtbot, session, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    problems = []
    session.problem_raised.connect(problems.append)
    with qtbot.waitSignal(session.process_ended, timeout=WAIT_MS) as caught:
        id = session.load("run:endless")
    assert "could not be started" in caught.args[0]
    assert [p.id for p in problems] == [id]


def test_an_engine_that_dies_at_once_leaves_its_last_words(qtbot, session, monkeypatch, tmp_path):
    broken = tmp_path / "core" / "__init__.py"  # stands before any installed core on the path
    broken.parent.mkdir()
    broken.write_text("raise SystemExit('the last words')", "utf-8")
    monkeypatch.setattr("app.jobs.session.ROOT", tmp_path)
    with qtbot.waitSignal(session.process_ended, timeout=WAIT_MS):
        session.load("run:endless")
    assert "the last words" in session.details


@needs_torch
def test_closing_ends_the_process_and_says_nothing(qtbot, workspace):
    session = EngineSession(workspace)
    load(qtbot, session)
    process_id = session._process.processId()
    with qtbot.assertNotEmitted(session.process_ended, wait=200):
        session.generate("Return", FOR_EVER)
        began = time.perf_counter()
        session.close()
    assert time.perf_counter() - began < 8
    assert not session.is_running
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)


def test_events_of_every_type_have_a_signal():
    session = EngineSession(Path("."))
    assert set(session._signals) == set(m.Event.__args__)
