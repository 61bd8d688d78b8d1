"""The view of an inspection and the form that asks for one: the numbers on screen are those of the table."""

import msgspec
import numpy as np
import pytest

from app.state.context import AppContext
from app.state.settings import Settings
from app.translations import read_catalogue
from app.views.inspection_form import InspectionForm
from app.views.inspection_view import InspectionView
from core.data.documents import Document, DocumentWriter
from core.data.worlds.facts import STRATA
from core.evaluate.detector_table import markdown
from core.glass.answers import COMBINED, DETECTORS, VERDICTS, Answered, Evidence, with_scores
from core.glass.inspection import ANSWERS, TITLES, inspect_answers, write_answers, write_inspection
from core.glass.questions import Label, Question
from core.record.events import Completed, Progress, Started, Twin
from core.record.log import EventLog
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.files import write_toml
from core.spec.inspect import Asking, InspectSpec


@pytest.fixture
def context(tmp_path, qtbot):
    made = AppContext(tmp_path / "workspace", Settings())
    yield made
    made.close()


def made_answers(seed, count=120):
    """Answers of which the unsure and the unsupported ones are mostly wrong."""
    random = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        wrong, kind = bool(random.random() < 0.4), str(random.choice(STRATA))
        sure = float(random.random()) * (0.5 if wrong else 1.0)
        subject = f"Ada {number}"
        answer = "Leeds" if wrong else "York"
        answers.append(with_scores(Answered(
            question=Question(id=number, prompt=f"{subject} was born in", subject=subject, others=[f"{subject} is of"]),
            label=Label(truth="York", stratum=kind, stated=4), answer=answer, wrong=wrong,
            log_p=[float(np.log(sure + 0.01)), -0.01], entropy=[1 - sure, 0.1], others=[answer],
            samples=[answer] * 3 + ["Hull"] * int(2 * (1 - sure)), sample_log_p=[-0.5, -1.0, -1.5],
            evidence=Evidence(about=9, together=3, stated=0 if wrong else 2, others={"York": 2} if wrong else {},
                              documents=[0])), Asking()))  # fmt: skip
    return answers


def inspection(context, finished=True):
    """An inspection of two seeds, with the runs that its answers are of."""
    workspace, name = context.workspace, "known"
    folder = workspace.create("inspect", name, build(InspectSpec, {"seeds": 2}))
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    log(Twin(arm="world", seed=0, state="completed", done=1, total=1, folder="a"))
    log(Twin(arm="train", seed=1, state="running", done=0.5, total=1, folder="b"))
    log(Progress(done=2.5, total=5, unit="stages"))
    if not finished:
        return folder
    corpus = workspace.create("corpus", "people", CorpusSpec(sources=["x.txt"]))
    writer = DocumentWriter(corpus.root, "kept")
    writer.add(Document(id=0, text="Ada 0 was born in York.", source="facts.jsonl", line=1))
    writer.commit()
    found, told = inspect_answers([made_answers(0), made_answers(1)], 0)
    for seed, answers in enumerate(told):
        for room, spec in (("runs", {"corpus": "people"}), ("evaluations", {"run": f"{name}-{seed}"})):
            root = workspace.path(room, f"{name}-{seed}")
            root.mkdir(parents=True)
            kind = "train" if room == "runs" else "question"
            write_toml(root / "spec.toml", {"kind": kind, "spec": spec, "inputs": {}})
            if kind == "question":
                write_answers(root / ANSWERS, answers)
    write_inspection(folder.path(), msgspec.structs.replace(found, seconds=[100.0, 140.0], parameters=1234), name)
    log(Completed(result={"answers": 240, "detectors": {COMBINED: {"auroc": 0.912, "low": 0.9, "high": 0.93}}}))
    return folder


@pytest.fixture
def view(context, qtbot):
    folder = inspection(context)
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("inspect")), timeout=5000)
    made = InspectionView(context)
    qtbot.addWidget(made)
    made.show_job(folder.root)
    return made


def test_the_stages_are_shown_while_they_run(context, qtbot):
    folder = inspection(context, finished=False)
    context.jobs.look_for_new()
    qtbot.waitUntil(lambda: bool(context.jobs.jobs("inspect")), timeout=5000)
    view = InspectionView(context)
    qtbot.addWidget(view)
    view.show_job(folder.root)
    assert view.results.isHidden() and not view.stages.isHidden()
    assert len(view.grid.names) == 5 and view.grid.cells[0][0].state == "completed"
    assert view.grid.cells[2][1].share == 0.5 and view.grid.cells[4][0].state == ""


def test_every_row_is_the_tables(view):
    table = view.found.table
    assert view.stages.isHidden() and not view.results.isHidden()
    shown = {row.key: row for row in view.rows.rows}
    assert set(shown) == {*DETECTORS, COMBINED}
    for row in table.rows:
        assert (shown[row.name].value, shown[row.name].low, shown[row.name].high) == (
            row.auroc.value, row.auroc.low, row.auroc.high)
    view.kind.set_value("conflicting")
    view._show_rows()
    for row in table.rows:
        assert {one.key: one.value for one in view.rows.rows}[row.name] == row.by_stratum["conflicting"].value
    assert view.asked.value.text() and "2 min" in view.taken.value.text() or "120" in view.taken.value.text()
    assert len(view.sentences.text().splitlines()) == len(view.found.findings) == 6


def test_choosing_a_detector_shows_its_curves(view, qtbot):
    assert view.rows.key == COMBINED
    with qtbot.waitSignal(view.rows.chosen):
        view.rows._take(next(row for row in view.rows.rows if row.key == "likelihood"))
    row = view.found.table.row("likelihood")
    assert [y for _, y in view.roc.points[1:]] == row.roc and view.roc.points[0] == (0.0, 0.0)
    assert [y for _, y in view.precision.points] == row.precision
    assert view.told.points == [(one.told, one.real) for one in row.reliability]
    assert "Likelihood" in view.curves_say.text() and f"{row.ece:.3f}" in view.curves_say.text()


def test_an_answer_says_what_the_corpus_says_and_never_that_it_is_true(view):
    right = next(place for place, one in enumerate(view.answers) if not one.wrong)
    view._show_answer(right)
    assert view.detail.says.text.text().startswith("The corpus says so.")
    assert "9 training documents" in view.detail.says.text.text() and "York ×3" in view.detail.drawn.text()
    assert "Ada 0 was born in York." in view.detail.texts.toPlainText()
    view._show_answer(next(place for place, one in enumerate(view.answers) if one.wrong))
    assert view.detail.says.text.text().startswith("The corpus says otherwise.")
    assert "Others say: York ×2" in view.detail.says.text.text() and "York" in view.detail.marked.text()
    assert not any("true" in words.lower() for words in VERDICTS.values())


def test_answers_can_be_narrowed_and_begin_with_the_riskiest(view):
    table = view.table
    assert table.shown.rowCount() == 120
    first = table.model.lines[table.shown.mapToSource(table.shown.index(0, 0)).row()]
    assert first.chance == max(line.chance for line in table.model.lines)
    table.marks.setCurrentIndex(table.marks.findData("wrong"))
    assert table.shown.rowCount() == sum(one.wrong for one in view.answers)
    table.kinds.setCurrentIndex(table.kinds.findData("accidental"))
    assert table.shown.rowCount() == sum(one.wrong and one.label.stratum == "accidental" for one in view.answers)
    table.search.setText("no such person")
    assert table.shown.rowCount() == 0 and table.count.text() == "0 of 120"


def test_another_seed_shows_its_own_answers(view):
    first = view.answers
    view.seeds.setCurrentIndex(1)
    assert view.answers != first and view.detail.run == "known-1"


def test_one_click_puts_a_question_under_the_glass(view, context, qtbot):
    view._show_answer(3)
    with qtbot.waitSignal(context.navigation_requested) as asked:
        view.detail.glass.click()
    assert asked.args == ["glass", {"source": "run:known-0@last", "prompt": "Ada 3 was born in"}]


def test_missing_answers_are_told_and_the_table_stays(view, context, qtbot):
    (context.workspace.path("evaluations", "known-1") / ANSWERS).unlink()
    with qtbot.waitSignal(context.noticed) as told:
        view.seeds.setCurrentIndex(1)
    assert "not answered yet" in told.args[0] and view.answers == [] and view.rows.rows


def test_the_form_asks_for_the_preset_with_its_numbers(context, qtbot):
    form = InspectionForm(context)
    qtbot.addWidget(form)
    form.numbers["seeds"].setText("2")
    form.numbers["questions"].setText("50")
    spec = form.spec()
    assert (spec.seeds, spec.asking.questions, spec.world.world.law) == (2, 50, "counts")
    with qtbot.waitSignal(form.started) as asked:
        form.start.click()
    assert asked.args == ["tell-me-what-you-know", spec]
    assert form.estimate_s(spec) > 10
    form.numbers["seeds"].setText("0")
    form.numbers["seeds"].textEdited.emit("0")
    assert form.spec() is None and not form.start.isEnabled() and "seeds" in form.wrong.text()
    form.numbers["seeds"].setText("")
    assert form.spec() is None and "missing" in form.wrong.text()


def test_every_detector_and_verdict_has_its_chinese():
    catalogue = read_catalogue("zh_CN")
    words = {*TITLES.values(), *VERDICTS.values(), *(one.about for one in DETECTORS.values())}
    assert {word for word in words if word not in catalogue} == set()


def test_the_page_of_markdown_has_a_row_a_detector(view):
    lines = markdown(view.found.table, lambda name: TITLES[name])
    assert sum(line.startswith("| Likelihood |") for line in lines) == 1
    assert len({line.count("|") for line in lines[: 2 + len(DETECTORS)]}) == 1
