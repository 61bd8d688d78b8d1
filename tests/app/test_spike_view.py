"""What the page says of a spike: the figures, what was left out, and the documents it came from."""

import pytest

from app.state.context import AppContext
from app.state.settings import Settings
from app.views.spike_view import SpikeView
from core.record.events import RolledBack, SpikeFound
from core.record.view import JobView
from core.spec.files import write_toml
from tests.tiny_run import TEXTS, make_workspace

FOUND = SpikeFound(step=1201, what="loss", value=7.5, usual=2.25, score=31.0, documents=[2, 0])
BACK = RolledBack(from_step=1200, to_step=1000, skip_at=1199, sequences=112)


@pytest.fixture
def shown(tmp_path, qtbot):
    workspace = make_workspace(tmp_path)
    root = workspace.path("runs", "tiny")
    write_toml(root / "spec.toml", {"kind": "train", "spec": {}, "inputs": {"corpus": {"folder": "corpora/texts"}}})
    context = AppContext(tmp_path, Settings())
    view = SpikeView(context)
    qtbot.addWidget(view)
    view.resize(900, 400)
    view.show()
    yield view, root
    context.close()


def documents(view):
    return [view.browser.model.documents[row].text for row in range(len(view.browser.model.documents))]


def test_a_run_without_a_spike_says_what_would_happen(shown):
    view, root = shown
    view.show_run(JobView(), root)
    assert "has not jumped" in view.said.text() and not view.browser.isVisible() and not view.steps.isVisible()


def test_a_spike_is_told_with_its_figures_and_the_documents_can_be_read(shown):
    view, root = shown
    view.show_run(JobView(spikes=(FOUND,), rollbacks=(BACK,)), root)
    said = view.said.text()
    for figure in ("1,201", "7.5", "2.25", "31", "1,000", "112", "1,199"):
        assert figure in said, said
    assert "learning rate" not in said
    assert documents(view) == [TEXTS[2], TEXTS[0]]  # the costliest first


def test_the_newest_spike_is_shown_and_an_older_one_can_be_chosen(shown):
    view, root = shown
    later = SpikeFound(step=2000, what="grad_norm", value=90.0, usual=1.0, score=12.0, documents=[1])
    lowered = RolledBack(from_step=1999, to_step=1900, skip_at=1998, sequences=8, rate=0.5)
    view.show_run(JobView(spikes=(FOUND, later), rollbacks=(BACK, lowered)), root)
    assert "gradient was 90" in view.said.text() and "0.5 times" in view.said.text() and documents(view) == [TEXTS[1]]
    view.steps.setCurrentIndex(1)
    assert "7.5" in view.said.text() and documents(view) == [TEXTS[2], TEXTS[0]]
    view.show_run(JobView(spikes=(FOUND, later), rollbacks=(BACK, lowered), state="completed"), root)
    assert view.steps.currentIndex() == 1  # what was chosen stays chosen


def test_a_spike_that_ended_the_run_and_one_under_way_are_told_apart(shown):
    view, root = shown
    lost = SpikeFound(step=5, what="loss", value=None, usual=2.0)
    view.show_run(JobView(spikes=(lost,), state="running"), root)
    assert "no number" in view.said.text() and "is going back" in view.said.text()
    view.show_run(JobView(spikes=(lost,), state="failed"), root)
    assert "did not go back" in view.said.text()


def test_a_corpus_that_is_gone_is_said_to_be_gone(shown):
    view, root = shown
    for path in (root.parents[1] / "corpora" / "texts").glob("kept.*"):
        path.unlink()
    view.show_run(JobView(spikes=(FOUND,), rollbacks=(BACK,)), root)
    assert "cannot be read" in view.named.text() and documents(view) == []
