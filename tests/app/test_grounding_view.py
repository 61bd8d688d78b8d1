"""The view of what the context says: its numbers are those of the table, and it is off where models cannot copy."""

import msgspec
import numpy as np
import pytest

from app.state.context import AppContext
from app.state.settings import Settings
from app.translations import read_catalogue
from app.views.by_request import AnyInspectionView
from app.views.grounding_view import GroundingView
from app.views.inspection_form import InspectionForm
from app.views.inspection_view import InspectionView
from core.glass import grounding as g
from core.record.events import Completed, Started, Twin
from core.record.log import EventLog
from core.spec.base import build
from core.spec.files import preset
from core.spec.inspect import InspectSpec


@pytest.fixture
def context(tmp_path, qtbot):
    made = AppContext(tmp_path / "workspace", Settings())
    yield made
    made.close()


def reads(copying):
    """A hundred notes about strangers, and two hundred that contradict; doubt tells most that are not followed."""
    random, found = np.random.default_rng(1), []
    for number in range(300):
        stranger = number < 100
        follows = number < 100 * copying if stranger else bool(random.random() < 0.6)
        doubt = float(abs(random.normal(0.2 if follows else 0.9, 0.4)))
        found.append(g.Read(
            id=number, kind="stranger" if stranger else "contradicted", context="Notes: Ann Berg lives in Oslo.",
            question=" Asked: Ann Berg lives in", bare="Ann Berg lives in", given="Oslo",
            known="" if stranger else "Rome", stated=0 if stranger else 4, answer="Oslo" if follows else "Rome",
            follows=follows, log_p=[-doubt, -0.01], entropy=[doubt, 0.1], log_p_bare=[-3.0, -0.01],
            ratios=[0.6 if follows else 0.5, 0.5], rarity=2.0, tokens=[" Oslo" if follows else " Rome", "."]))
    return found


def inspection(context, qtbot, copying=0.95):
    folder = context.workspace.create("inspect", "notes", build(InspectSpec, {
        "seeds": 1, "world": {"world": {"kind": "contexts"}}}))
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    log(Twin(arm="train", seed=0, state="running", done=0.5, total=1, folder="a"))
    found, told = g.measure([reads(copying)], 1, 0)
    folder.path("read").mkdir()
    g.write_reads(folder.path("read", "notes-0.jsonl"), told[0])
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("inspect")), timeout=5000)
    return folder, log, found


def finish(context, folder, log, found, view):
    folder.path(g.GROUNDING).write_bytes(msgspec.json.encode(found))
    log(Completed(result=g.result_of(found)))
    job = context.jobs.job(folder.root)
    job.take(job.tail.poll())
    view.show_job(folder.root)


def test_the_page_shows_the_numbers_of_the_table(context, qtbot):
    folder, log, found = inspection(context, qtbot)
    view = GroundingView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert view.results.isHidden() and view.grid.cells[2][0].share == 0.5
    finish(context, folder, log, found, view)
    assert view.stages.isHidden() and view.gate.isHidden() and not view.scores.isHidden()
    shown = {row.key: (row.value, row.low, row.high) for row in view.rows.rows}
    assert shown == {row.name: (row.auroc.value, row.auroc.low, row.auroc.high) for row in found.table.rows}
    assert view.best.value.text() == f"{found.table.row(found.best).auroc.value:.3f}"
    assert [row.group for row in view.rows.rows][0] == "From one answer"
    assert {row.key for row in view.rows.rows if row.group == "Explanations, not scores"} == {
        "context_gain", "remembered"}  # fmt: skip
    assert np.allclose(view.heads.values, found.heads, atol=1e-6)
    assert all(one.text.format(**one.values) in view.sentences.text() for one in found.findings)


def test_an_answer_is_shown_with_its_notes_and_the_words_it_has_from_them(context, qtbot):
    folder, log, found = inspection(context, qtbot)
    view = GroundingView(context)
    qtbot.addWidget(view)
    finish(context, folder, log, found, view)
    place = next(i for i, read in enumerate(view.reads) if read.kind == "contradicted" and read.follows)
    view._show_answer(place)
    marks = [selection.cursor.selectedText() for selection in view.strip.context.extraSelections()]
    assert marks == ["Oslo"] and view.strip.tokens.item(0, 4).text() == "yes"
    assert view.strip.tokens.item(0, 3).text() == f"{view.reads[place].log_p[0] + 3.0:+.1f}"
    other = next(i for i, read in enumerate(view.reads) if read.kind == "contradicted" and not read.follows)
    view._show_answer(other)
    assert view.strip.context.extraSelections() == [] and "no telling word" in view.strip.legend.text()


def test_scores_are_off_where_the_model_cannot_copy_and_the_page_says_why(context, qtbot):
    folder, log, found = inspection(context, qtbot, copying=0.6)
    view = GroundingView(context)
    qtbot.addWidget(view)
    finish(context, folder, log, found, view)
    assert view.scores.isHidden() and view.looks.isHidden() and not view.gate.isHidden()
    assert "60 %" in view.gate.text.text() and view.best.value.text() == "–"


def test_an_inspection_is_shown_by_the_view_that_fits_it(context, qtbot):
    folder, _, _ = inspection(context, qtbot)
    usual = context.workspace.create("inspect", "people", build(InspectSpec, {}))
    EventLog(usual.path("events.jsonl"))(Started(pid=1, attempt=1))
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: len(context.jobs.jobs("inspect")) == 2, timeout=5000)
    view = AnyInspectionView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert isinstance(view.view, GroundingView)
    view.show_job(usual.root)
    assert isinstance(view.view, InspectionView)


def test_the_form_offers_it(context, qtbot):
    form = InspectionForm(context)
    qtbot.addWidget(form)
    form.opened("what-the-context-says")
    assert form.spec().world.world.__struct_config__.tag == "contexts" and form.wrong.text() == ""


def test_every_sentence_and_every_score_has_its_chinese():
    catalogue = read_catalogue("zh_CN")
    found = preset("inspections", "what-the-context-says")
    texts = [found.title, found.about, *g.TITLES.values(), *(one.about for one in g.DETECTORS.values()),
             g.LOOKBACK_ABOUT]  # fmt: skip
    for copying in (0.95, 0.5):
        texts += [one.text for one in g.measure([reads(copying)], 1, 0)[0].findings]
    assert [text for text in texts if text not in catalogue] == []
