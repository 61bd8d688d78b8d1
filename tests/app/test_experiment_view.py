"""The view of an experiment and the form that asks for one, with a real table and the real presets."""

import ast
from pathlib import Path
from statistics import fmean

import msgspec
import pytest

from app.state.context import AppContext
from app.state.settings import Settings
from app.translations import read_catalogue
from app.views.experiment_form import ExperimentForm
from app.views.experiment_view import ExperimentView
from core.evaluate import table as tables
from core.evaluate.extraction_rates import rates
from core.record.events import Completed, Progress, Started, Twin
from core.record.folder import Workspace
from core.record.log import EventLog
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.experiment import ExperimentSpec
from core.spec.files import PRESETS, preset_names, read_toml

ARMS = ["duplicates kept", "nothing planted"]


@pytest.fixture
def context(tmp_path, qtbot):
    made = AppContext(tmp_path / "workspace", Settings())
    yield made
    made.close()


def experiment(context):
    """An experiment under way: one twin done, one at half."""
    spec = build(ExperimentSpec, {"arms": [{"name": name} for name in ARMS], "seeds": 2})
    folder = Workspace(context.workspace.root).create("experiment", "twins", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    log(Twin(arm=ARMS[0], seed=0, state="completed", done=10, total=10, bits_per_byte=2.5, folder="a"))
    log(Twin(arm=ARMS[1], seed=1, state="running", done=5, total=10, bits_per_byte=2.25, folder="b"))
    log(Progress(done=15, total=40, unit="steps"))
    return folder, log


def finish(folder, log):
    """The same, finished, with its table."""
    def arm(name, bits):
        return tables.ArmResult(
            name=name, documents_read=10, documents_kept=8, bytes_kept=100, rejected={}, tokens=50, epochs=2.0,
            bits_per_byte=bits, mean=fmean(bits))  # fmt: skip

    secret = {"canary": {"kind": "code", "repetitions": 8}, "extracted": True, "exposure": 5.0}
    made = tables.Table(
        baseline=ARMS[0], seeds=2, trained_tokens=1000, parameters=10, held_out_bytes=500, candidates=256,
        arms=tables.compare([arm(ARMS[0], [2.5, 2.6]), arm(ARMS[1], [2.1, 2.19])], ARMS[0]), chance_exposure=1.44,
        extraction=rates(ARMS[0], [[secret], [secret]], 256) + rates(ARMS[1], [[secret], [secret]], 256))
    made = msgspec.structs.replace(made, findings=tables.findings(made))
    folder.path("table.json").write_bytes(msgspec.json.encode(made))
    log(Completed(result={"arms": [], "seeds": 2}))


def follow(context, qtbot):
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("experiment")), timeout=5000)


def test_twins_are_shown_as_they_come_and_the_comparison_once_it_stands(context, qtbot):
    folder, log = experiment(context)
    follow(context, qtbot)
    view = ExperimentView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    cells = view.grid.cells
    assert view.grid.names == ARMS and cells[0][0].text == "2.500" and cells[0][0].state == "completed"
    assert cells[1][1].share == 0.5 and cells[0][1].state == "" and view.twins.value.text() == "1"
    assert view.comparison.isHidden() and view.extraction.isHidden()
    finish(folder, log)
    job = context.jobs.job(folder.root)
    job.take(job.tail.poll())
    view.refresh()
    assert not view.comparison.isHidden() and not view.extraction.isHidden()
    rows = view.plot.rows
    assert rows[0].mean is None and rows[1].mean == pytest.approx(-0.405) and rows[1].sure
    assert rows[1].pairs == pytest.approx((-0.4, -0.41))
    assert "wins 0.405 bits per byte" in view.sentences.text() and "access codes" in view.remembered.text()
    assert not view.plots["code"].isHidden() and view.plots["email"].isHidden()
    assert view.plots["code"].curves[0].values == {8: 5.0}
    view.measure.set_value("rate")
    view.refresh()
    assert view.plots["code"].curves[0].values == {8: 1.0} and view.plots["code"].chance is None


def test_a_damaged_table_leaves_the_twins_to_be_seen(context, qtbot):
    folder, log = experiment(context)
    finish(folder, log)
    folder.path("table.json").write_text("{")
    follow(context, qtbot)
    view = ExperimentView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert view.table is None and view.comparison.isHidden() and view.grid.cells[0][0].text == "2.500"


def test_the_form_asks_for_a_preset_with_other_numbers(context, qtbot):
    form = ExperimentForm(context)
    qtbot.addWidget(form)
    form.numbers["seeds"].setText("5")
    form.numbers["steps"].setText("77")
    form._refresh()
    with qtbot.waitSignal(form.started) as said:
        form.start.click()
    name, spec = said.args
    asked = read_toml(PRESETS / "experiments" / "duplicates.toml")
    assert name == "duplicates" and spec.seeds == 5 and spec.train["steps"] == 77
    assert [arm.name for arm in spec.arms] == [arm["name"] for arm in asked["arms"]]
    assert spec.train["learning_rate"] == asked["train"]["learning_rate"]
    more = build(ExperimentSpec, form.values() | {"seeds": 50})
    assert form.estimate_s(more) > 5 * form.estimate_s(spec)


def test_the_form_compares_a_corpus_with_and_without_its_rules(context, qtbot):
    spec = CorpusSpec(sources=["builtin:python-docs"])
    folder = Workspace(context.workspace.root).create("corpus", "docs", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    log(Completed(result={}))
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.names("corpus")), timeout=5000)
    form = ExperimentForm(context)
    qtbot.addWidget(form)
    form.opened("docs")
    assert not form.start.isEnabled() and form.wrong.text()  # one arm alone is no comparison
    form.rules["exact_duplicates"].setChecked(True)
    with qtbot.waitSignal(form.started) as said:
        form.start.click()
    asked = said.args[1]
    assert asked.base == spec and [arm.without for arm in asked.arms] == [[], ["exact_duplicates"]]


def test_the_words_of_presets_and_findings_have_their_chinese():
    words = []
    for name in preset_names("experiments"):
        data = read_toml(PRESETS / "experiments" / f"{name}.toml")
        words += [data["title"], data["about"], *(arm["name"] for arm in data["arms"])]
    for node in ast.walk(ast.parse(Path(tables.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
            words.append(node.args[0].value)
    assert sum("{arm}" in word for word in words) >= 6
    assert not [word for word in words if word not in read_catalogue("zh_CN")]
