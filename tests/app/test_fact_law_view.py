"""The view of the law of hallucination: marks appear as models speak, and its numbers are those of the table."""

import msgspec
import pytest

from app.pages.data_rooms import DATA_KINDS, make
from app.state.context import AppContext
from app.state.settings import Settings
from app.translations import read_catalogue
from app.views.experiment_form import ExperimentForm
from app.views.experiment_view import ExperimentView
from app.views.fact_law_view import EVEN, REPEATED, ZIPF, FactLawView
from core.evaluate import fact_law as law
from core.evaluate import fact_law_table as tables
from core.record.events import Completed, Started, Twin
from core.record.folder import Workspace
from core.record.log import EventLog
from core.spec.base import build
from core.spec.experiment import ExperimentSpec
from core.spec.files import preset

ARMS = [{"name": "few", "told": {"once": 0.1}}, {"name": "many", "told": {"once": 0.6}},
        {"name": "spread", "told": {"once": 0.3, "spread": "zipf"}},
        {"name": "again", "told": {"once": 0.6, "repeat_share": 0.05}}]  # fmt: skip


@pytest.fixture
def context(tmp_path, qtbot):
    made = AppContext(tmp_path / "workspace", Settings())
    yield made
    made.close()


def model(place, monofacts, asked, free, copies=0, spread="even"):
    return law.Model(
        arm=ARMS[place]["name"], seed=0, spread=spread, facts=500, statements=900, monofacts=monofacts,
        unseen=monofacts, copies=copies, asked=law.Side(asked, 0.04, monofacts - 0.04),
        free=law.Side(free, 0.1, max(0.0, monofacts - 0.1)), nobody=0.1, nothing=0.0,
        counts=[law.Count(0, 20, 0, 19), law.Count(1, 30, 15, 15), law.Count(5, 10, 10, 1)])  # fmt: skip


MODELS = [model(0, 0.1, 0.2, 0.3), model(1, 0.6, 0.7, 0.65), model(2, 0.3, 0.25, 0.5, spread="zipf"),
          model(3, 0.6, 0.66, 0.5, copies=10)]  # fmt: skip


def experiment(context, qtbot):
    spec = build(ExperimentSpec, {"arms": ARMS, "facts": {}, "seeds": 1})
    folder = Workspace(context.workspace.root).create("experiment", "law", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("experiment")), timeout=5000)
    return folder, log


def speak(context, folder, log, count):
    """So many models have spoken."""
    table = tables.LawTable(models=MODELS[:count], wanted=4, bins=10, parameters=9, trained_tokens=8)
    if count == len(MODELS):
        table = msgspec.structs.replace(table, findings=tables.found(table), elapsed_s=61.0)
    folder.path(tables.LAW).write_bytes(msgspec.json.encode(table))
    arm = ARMS[count - 1]["name"]
    log(Twin(arm=arm, seed=0, state="completed", done=10, total=10, folder=arm))
    if count == len(MODELS):
        log(Completed(result={"arms": [], "seeds": 1}))
    job = context.jobs.job(folder.root)
    job.take(job.tail.poll())
    return table


def test_a_mark_appears_as_soon_as_a_model_has_spoken(context, qtbot):
    folder, log = experiment(context, qtbot)
    view = FactLawView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert view.plots.isHidden() and view.spoken.value.text() == "0"
    speak(context, folder, log, 1)
    view.refresh()
    assert view.spoken.value.text() == "1"
    assert [(mark.x, mark.y) for mark in view.law.marks] == [(0.1, 0.2)] and not view.plots.isHidden()
    assert view.ranks.value.text() == "–" and view.said.isHidden()
    speak(context, folder, log, 2)
    view.refresh()
    assert len(view.law.marks) == 2 and view.rows.rowCount() == 2


def test_the_finished_law_shows_the_numbers_of_its_table(context, qtbot):
    folder, log = experiment(context, qtbot)
    table = speak(context, folder, log, len(MODELS))
    view = FactLawView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert view.ranks.value.text() == f"{table.rank_correlation('asked'):.3f}"
    assert view.bound.value.text() == str(table.holds("asked")) == "3" and view.bound.unit.text() == "of 4"
    kinds = [(mark.kind, mark.y, mark.least, mark.from_y) for mark in view.law.marks]
    assert kinds == [(EVEN, 0.2, pytest.approx(0.06), None), (EVEN, 0.7, pytest.approx(0.56), None),
                     (ZIPF, 0.25, pytest.approx(0.26), None), (REPEATED, 0.66, None, 0.7)]  # fmt: skip
    assert view.counts.groups == ["0", "1", "5–8"]
    assert view.counts.curves[0] == [0.0, 0.5, 1.0] and view.counts.curves[1][2] == 0.1
    cells = [[view.rows.item(row, column).text() for column in range(6)] for row in range(4)]
    assert [row[0] for row in cells] == ["few", "spread", "many", "again"]
    assert cells[1][-1] == "does not hold" and cells[0][-1] == "holds"
    said = view.sentences.text()
    assert all(one.text.format(**one.values) in said for one in table.findings)
    view.way.set_value("free")
    view.way.value_changed.emit("free")
    assert [mark.y for mark in view.law.marks] == [0.3, 0.65, 0.5, 0.5]
    assert view.law.values()[1] == ["all facts alike", 0.1, 0.3, 0.0, None]


def test_an_experiment_is_shown_by_the_view_that_fits_it(context, qtbot):
    folder, _ = experiment(context, qtbot)
    twins = Workspace(context.workspace.root).create(
        "experiment", "twins", build(ExperimentSpec, {"arms": [{"name": "a"}, {"name": "b"}]}))
    EventLog(twins.path("events.jsonl"))(Started(pid=1, attempt=1))
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: len(context.jobs.jobs("experiment")) == 2, timeout=5000)
    dotted = next(entry.views[0] for entry in DATA_KINDS if entry.kind == "experiment")
    view = make(dotted, context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert isinstance(view.view, FactLawView)
    view.show_job(twins.root)
    assert isinstance(view.view, ExperimentView)
    view.refresh()
    assert view.view.root == twins.root


def test_the_form_asks_for_no_raw_text_where_facts_are_told(context, qtbot):
    form = ExperimentForm(context)
    qtbot.addWidget(form)
    form.opened("monofacts")
    row = form.numbers["text_bytes"].parentWidget()
    assert row.isHidden() and form.spec().facts.statements == preset("experiments", "monofacts").values["facts"][
        "statements"]  # fmt: skip
    form.numbers["steps"].setText("50")
    assert form.spec().train["steps"] == 50
    form.opened("duplicates")
    assert not row.isHidden()


def test_every_sentence_and_every_arm_has_its_chinese():
    catalogue = read_catalogue("zh_CN")
    found = preset("experiments", "monofacts")
    texts = [found.title, found.about, *(arm["name"] for arm in found.values["arms"])]
    full = tables.LawTable(models=MODELS, wanted=4, bins=10)
    two = [*MODELS, *(msgspec.structs.replace(one, seed=1) for one in MODELS)]
    texts += [one.text for table in (full, tables.LawTable(models=two, wanted=8, bins=10))
              for one in tables.found(table)]  # fmt: skip
    assert [text for text in texts if text not in catalogue] == []
