"""What the context says, on the Glass page with a real engine: the answer with and without a part of its prompt."""

import importlib.util
import math

import pytest

from app.pages.glass_context import recorded_copying
from app.state.context import AppContext
from app.state.settings import Settings
from core.glass import grounding as g
from core.glass.context_match import split_prompt
from core.record.atomic import write_json
from core.spec.base import build
from core.spec.inspect import InspectSpec
from tests.app.test_glass_page import WAIT_MS, records_of

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")
PROMPT = "The list has a length of the items that are returned by this very function. Return"


def opened(page):
    page.show()
    page.below.tabs.setCurrentIndex(page.below.tabs.keys().index("context"))
    return page.below.views["context"][1]


def test_a_model_that_does_not_copy_is_refused_and_told_why(qtbot, grown, make_page):
    page = make_page(grown)
    panel = opened(page)
    page.show_generation("run:tiny", PROMPT, records_of(grown, " the length"))
    qtbot.waitUntil(lambda: "off for this model" in panel.state.title.text(), timeout=WAIT_MS)
    assert not panel.found.isVisible() and "80 %" in panel.state.text.text()
    assert panel.prompt.extraSelections()[0].cursor.selectedText() == PROMPT[: split_prompt(PROMPT)]


def test_a_model_that_copies_is_weighed_with_and_without_its_context(qtbot, grown, make_page, monkeypatch):
    monkeypatch.setattr("app.pages.glass_context.recorded_copying", lambda context, run: 0.9)
    page = make_page(grown)
    panel, records = opened(page), records_of(grown, " the length of the list")
    page.show_generation("run:tiny", PROMPT, records)
    qtbot.waitUntil(lambda: panel.found.isVisible(), timeout=WAIT_MS)
    assert panel.strip.tokens.rowCount() == len(records) and panel.copying.value.text() == "90 %"
    marked = [one.cursor.selectedText() for one in panel.strip.context.extraSelections()]
    assert "length of the" in marked and "list" in marked
    # the engine itself, asked for both texts, says the same
    cut = records_of(grown, f" {PROMPT[split_prompt(PROMPT):]}")
    whole = [record.probability for record in panel._whole[-len(records):]]
    session = page.context.session
    asked = session.score(ids=[*(one.id for one in cut), *(one.id for one in records)])
    with qtbot.waitSignal(session.scored, timeout=WAIT_MS, check_params_cb=lambda event: event.id == asked) as seen:
        pass
    bare = [record.probability for record in seen.args[0].tokens[-len(records):]]
    gains = [math.log(a / b) for a, b in zip(whole, bare, strict=True)]
    assert panel.changed.value.text() == f"{sum(gains) / len(gains):+.2f}"
    assert [panel.strip.tokens.item(row, 3).text() for row in range(len(records))] == [
        f"{round(gain, 1) + 0.0:+.1f}" for gain in gains]


def test_a_prompt_of_one_sentence_has_no_context(qtbot, grown, make_page):
    page = make_page(grown)
    panel = opened(page)
    page.show_generation("run:tiny", "Return", records_of(grown, " the length"))
    assert panel.state.title.text() == "This prompt has no context"


def test_copying_that_an_inspection_measured_is_known(tmp_path, qtbot):
    context = AppContext(tmp_path / "workspace", Settings())
    folder = context.workspace.create("inspect", "notes", build(InspectSpec, {"seeds": 2}))
    write_json(folder.path(g.GROUNDING), {
        "copying": [0.9, 0.7], "strangers": 1, "contradicted": 1, "followed": 0.5, "remembered": 0.5, "by_stated": {},
        "layers": 1})  # fmt: skip
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("inspect")), timeout=5000)
    assert recorded_copying(context, "notes-1") == 0.7
    assert recorded_copying(context, "notes-7") is None and recorded_copying(context, "tiny") is None
    context.close()
