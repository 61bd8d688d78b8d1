"""Forms and views of worlds and mixtures: what is set is what is asked for, and what is shown is what there is."""

import pytest
from PySide6.QtCore import QObject
from PySide6.QtTest import QTest

from app.bootstrap import make_window
from core.data.mixture import run as mix
from core.data.worlds.facts import FactTable
from core.data.worlds.job import run as make
from core.record.control import Control
from core.record.events import Completed, Started
from core.record.folder import Workspace
from core.record.lineage import write_outputs
from core.record.log import EventLog
from core.spec.base import build
from core.spec.files import preset, preset_names
from core.spec.mixture import MixtureSpec, Part
from core.spec.world import Arithmetic, Biographies, Symbolic, WorldSpec


def finish(workspace, kind, name, spec, run):
    """A finished job, as a worker leaves it."""
    folder = Workspace(workspace).create(kind, name, spec)
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=0, attempt=1))
    result = run(spec, folder, log, Control(folder.root, log))
    write_outputs(folder.root)
    log(Completed(result=result))
    log.close()
    return folder.root


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with a world of people, a world of tasks, and a mixture of both."""
    tmp_path = tmp_path_factory.mktemp("worlds")
    people = WorldSpec(world=Biographies(relations=["birth_place", "work_place"], counts=[1, 3], values=20), size=30)
    finish(tmp_path, "world", "people", people, make)
    tasks = WorldSpec(world=Symbolic(tasks=["coin_flip", "parity"], longest=5, steps=True), size=200)
    finish(tmp_path, "world", "tasks", tasks, make)
    finish(tmp_path, "mixture", "both", MixtureSpec(
        parts=[Part(corpus="people", weight=1), Part(corpus="tasks", weight=2)]), mix)
    return tmp_path


@pytest.fixture
def window(qtbot, workspace):
    from PySide6.QtWidgets import QApplication

    made = make_window(QApplication.instance(), workspace)
    qtbot.addWidget(made)
    made.show()
    made.context.jobs.start()
    qtbot.waitUntil(lambda: len(made.context.jobs.names_in("corpora")) == 3, timeout=5000)
    made.show_page("data")
    yield made
    made.close()


def heard(signal):
    found = []
    signal.connect(lambda *values: found.append(values))
    return found


def test_every_preset_shows_examples_and_asks_for_itself(qtbot, window):
    form = window.page("data").form("world")
    form.started.disconnect()
    started = heard(form.started)
    for name in preset_names("worlds"):
        form.use_preset(name)
        form.look()
        assert form.start.isEnabled() and all(box.toPlainText() for box in form.examples)
        form.start.click()
        assert started[-1] == (name, build(WorldSpec, preset("worlds", name).values))


def test_examples_follow_the_settings_and_a_wrong_one_is_told(qtbot, window):
    window.page("data").open(new="world")
    form = window.page("data").form("world")
    before = [box.toPlainText() for box in form.examples]
    form.set_values({"world": {"kind": "arithmetic", "steps": True}, "language": "chinese"})
    qtbot.waitUntil(lambda: "步骤" in form.examples[0].toPlainText(), timeout=3000)
    assert [box.toPlainText() for box in form.examples] != before
    assert not form.strata.isVisible()
    form.set_values({"world": {"kind": "biographies", "false_stated": 0.9, "conflicting": 0.9}})
    form.look()
    assert not form.start.isEnabled()


def test_settings_of_other_laws_are_hidden(qtbot, window):
    window.page("data").open(new="world")
    form = window.page("data").form("world")
    rows = form.forms["biographies"].rows
    form.set_values({"world": {"kind": "biographies", "law": "zipf"}})
    assert rows["zipf_exponent"].isVisible() and not rows["counts"].isVisible() and not rows["stated_once"].isVisible()
    form.set_values({"world": {"kind": "biographies", "law": "counts", "counts": [1, 7]}})
    assert rows["counts"].isVisible() and not rows["zipf_exponent"].isVisible()
    assert form.spec().world.counts == [1, 7]
    rows["counts"].editor.control.setText("2, 4 9")
    assert form.spec().world.counts == [2, 4, 9]


def test_what_was_set_survives_a_change_of_language(qtbot, window):
    form = window.page("data").form("world")
    form.set_values({"world": {"kind": "symbolic", "tasks": ["parity"], "longest": 7}, "size": 77})
    other = type(form)(window.context)
    qtbot.addWidget(other)
    other.restore(form.remember())
    assert other.spec() == form.spec() and other.spec().world == Symbolic(tasks=["parity"], longest=7)


def test_the_view_of_a_world_lists_its_table_and_opens_the_documents_of_a_fact(qtbot, window, workspace):
    page = window.page("data")
    page.open(job=workspace / "corpora" / "people")
    view = page.panel("world").views[0]
    qtbot.waitUntil(lambda: view.table.model.rowCount() == 60, timeout=3000)
    with FactTable(workspace / "corpora" / "people") as table:
        wrong = [fact for fact in table.facts("false_stated")]
        view.table.show_group("false_stated")
        qtbot.waitUntil(lambda: not view.table.model.scanning, timeout=3000)
        assert view.table.model.rowCount() == len(wrong) > 0
        view.table.choose(0)
        fact = wrong[0]
        assert fact.value in view.truth.text() and fact.stated[0].value in view.said.text()
        assert view.texts.toPlainText().count(fact.subject) == len(fact.documents)
        view.table.show_group("")
        view.table.search.setText(fact.subject)
        qtbot.waitUntil(lambda: not view.table.model.scanning, timeout=3000)
        assert view.table.model.rowCount() == 2
    shown = [view.shares.itemAt(i).widget().text() for i in range(view.shares.count())
             if hasattr(view.shares.itemAt(i).widget(), "text")]  # fmt: skip
    assert shown.count("10.0 %") == 8 and shown.count("60.0 %") == 2


def test_the_view_of_tasks_shows_question_steps_and_answer(qtbot, window, workspace):
    page = window.page("data")
    page.open(job=workspace / "corpora" / "tasks")
    view = page.panel("world").views[0]
    qtbot.waitUntil(lambda: view.table.model.rowCount() == 200, timeout=3000)
    with FactTable(workspace / "corpora" / "tasks") as table:
        view.show_row(5)
        item = table[5]
    assert view.truth.text() == item.question and item.answer in view.said.text()
    assert item.question in view.texts.toPlainText()
    page.open(job=workspace / "corpora" / "people")
    assert view.table.model.rowCount() == 60  # another world, another table


def test_the_form_of_a_mixture_shows_shares_before_and_after_limits(qtbot, window):
    window.page("data").open(new="mixture")
    form = window.page("data").form("mixture")
    assert [row.job.name for row in form.rows] == window.context.jobs.names_in("corpora")
    rows = {row.job.name: row for row in form.rows}
    for name, row in rows.items():
        row.on.setChecked(name != "both")
    rows["tasks"].slider.setValue(90)
    assert rows["tasks"].weight.number() == 9.0 and rows["tasks"].share.text().startswith("90 %")
    form.form.rows["most_epochs"].editor.control.setText("1")
    form.look()
    asked, got = (int(part.split(" ")[0]) for part in rows["tasks"].share.text().split(" → "))
    assert asked == 90 > got and rows["tasks"].epochs.text().startswith("1 ")
    form.started.disconnect()
    started = heard(form.started)
    form.start.click()
    name, spec = started[0]
    assert {part.corpus: part.weight for part in spec.parts} == {"people": 1.0, "tasks": 9.0} and spec.most_epochs == 1


def test_a_mixture_of_nothing_cannot_be_started(qtbot, window):
    window.page("data").open(new="mixture")
    form = window.page("data").form("mixture")
    for row in form.rows:
        row.on.setChecked(False)
    assert not form.start.isEnabled() and form.problem.isVisible()
    form.rows[0].on.setChecked(True)
    assert form.start.isEnabled() and not form.problem.isVisible()
    form.rows[0].weight.setText("0")
    form.rows[0].weight.textEdited.emit("0")
    assert not form.start.isEnabled()


def test_the_view_of_a_mixture_has_a_line_a_corpus(qtbot, window, workspace):
    page = window.page("data")
    page.open(job=workspace / "corpora" / "both")
    view = page.panel("mixture").views[0]
    QTest.qWait(50)
    texts = [view.grid.itemAt(i).widget().text() for i in range(view.grid.count())
             if hasattr(view.grid.itemAt(i).widget(), "text")]  # fmt: skip
    assert {"people", "tasks", "33.3 %", "66.7 %"} <= set(texts)
    assert isinstance(view.bar, QObject) and "people" in view.bar.accessibleName()


def test_forms_know_arithmetic_too(window):
    form = window.page("data").form("world")
    form.set_values({"world": {"kind": "arithmetic", "digits": 4}})
    assert form.spec().world == Arithmetic(digits=4)
