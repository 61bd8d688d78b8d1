"""The form of a sweep and the view of one: what is typed is what is asked for, what came out is what is shown."""

import msgspec
import pytest
from PySide6.QtCore import Qt

from app.views.sweep_axes import field_names, suggestion
from app.views.sweep_form import SweepForm
from app.views.sweep_view import SweepView
from core.record import events as ev
from core.record.atomic import write_json
from core.record.folder import Workspace
from core.record.log import EventLog
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.sweep import SweepSpec, field_of
from core.spec.tokenizer import TokenizerSpec
from core.spec.train import TrainSpec

BASE = {"corpus": "text", "tokenizer": "text", "steps": 400, "threads": 1,
        "model": {"d_model": 64, "n_layers": 2, "n_heads": 2, "context": 32}}  # fmt: skip


def finished(folder, **result):
    write_json(folder.path("outputs.json"), {})
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Completed(result=result))
    log.close()
    return folder


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path / "workspace")
    finished(made.create("corpus", "text", CorpusSpec(sources=["builtin:python-docs"])))
    finished(made.create("tokenizer", "text", TokenizerSpec(corpus="text", vocab_size=500)), vocab_size=500)
    finished(made.create("train", "first", build(TrainSpec, BASE)), tokens_per_s=1000.0, threads=1)
    return made


@pytest.fixture
def form(context, qtbot):
    made = SweepForm(context)
    qtbot.addWidget(made)
    made.opened()
    made.show()
    return made


def put_lines(view, workspace):
    """A sweep of two rates and two seeds; one run has fallen behind, one failed."""
    spec = build(SweepSpec, {"base": BASE, "axes": [{"field": "learning_rate", "values": [1e-3, 1e-2]}], "seeds": 2,
                             "eta": 2, "first_rung": 100})  # fmt: skip
    folder = workspace.create("sweep", "rates", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    losses = {1: (1, 0, 3.0), 2: (2, 0, 2.0), 3: (1, 1, 3.2), 4: (2, 1, None)}
    for number, (trial, seed, loss) in losses.items():
        log(ev.TrialChanged(
            run=f"rates-{number:03d}", trial=trial, seed=seed, state="failed" if loss is None else "stopped", done=100,
            best_loss=loss, best_step=None if loss is None else 100, bits_per_byte=loss and loss / 2, elapsed_s=5.0))
    log(ev.RungEnded(step=100, kept=[2], fell=[1]))
    log(ev.Completed(result={"runs": 4, "best_loss": 2.0}))
    log.close()
    view.context.jobs.look_for_new()
    return folder


def test_the_form_asks_for_what_was_typed_and_says_what_it_comes_to(form, qtbot):
    assert form.base.currentText() == "Run “first”" and form.name.text() == "first-sweep"
    form.axes[0].values.setText("1e-4 .. 1e-2 log 3")
    form.add_axis("model.d_model", "32, 64")
    form.numbers["seeds"].setText("3")
    form._refresh()
    assert form.start.isEnabled() and form.start.text() == "Queue 18 runs"
    assert form.axes[0].said.text() == "3 values: 0.0001, 0.001, 0.01"
    assert form.tiles["runs"].hint.text() == "6 combinations × 3 seeds"
    asked = []
    form.started.connect(lambda *told: asked.append(told))
    qtbot.mouseClick(form.start, Qt.MouseButton.LeftButton)
    name, spec = asked[0]
    assert name == "first-sweep" and spec.seeds == 3 and len(spec.choices()) == 6
    assert spec.base == build(TrainSpec, BASE), "all else is as in the run it starts from"
    assert msgspec.structs.asdict(spec.axes[1])["values"] == [32, 64]


def test_an_estimate_follows_the_speed_that_the_run_was_measured_at(form, context):
    form.axes[0].values.setText("1e-3, 1e-2")
    form._refresh()
    measured = form.tiles["time"].value.text()
    assert form._measured() > 0
    form.base.setCurrentIndex(form.base.findData("llama-1m"))
    form._take_base()
    form._refresh()
    assert form._measured() == 0.0 and form.tiles["time"].value.text() != measured


def test_halving_and_drawing_at_random_show_their_own_lines(form):
    assert form.rows["trials"].isHidden() and form.rows["first_rung"].isHidden()
    form.axes[0].values.setText("1e-4 .. 1e-2 log")
    form.kind.set_value("random")
    form.halving.set_value("3")
    form.numbers["trials"].setText("9")
    form._refresh()
    assert not form.rows["trials"].isHidden() and "Drawn between" in form.axes[0].said.text()
    assert form.rungs.text() == "They go on: after 100 steps the best 3 of 9; after 300 steps the best 1 of 3."
    assert form.spec().trials == 9 and form.spec().eta == 3


def test_what_is_wrong_is_said_in_one_sentence_and_nothing_can_be_queued(form):
    for values, words in (("", "Nothing is said about the values"), ("fast", "fast"), ("2 .. 1", "cannot go from")):
        form.axes[0].values.setText(values)
        form._refresh()
        assert not form.start.isEnabled() and words in form.wrong.text() + form.axes[0].said.text()


def test_a_field_that_is_left_out_varies_no_more_and_the_last_one_stays(form):
    assert form.axes[0].remove.isHidden()
    row = form.add_axis("batch_size")
    form._refresh()
    assert row.values.text() == "8, 16, 32" and not row.remove.isHidden()
    row.removed.emit()
    form._refresh()
    assert [axis.name() for axis in form.axes] == ["learning_rate"] and form.axes[0].remove.isHidden()


def test_every_field_that_is_offered_exists_and_begins_with_values_it_can_take(form):
    for name in field_names():
        field = field_of(name)
        assert field.kind in ("int", "float", "bool", "choice", "str"), name
    assert suggestion(field_of("learning_rate"), 1e-3, []) == "0.00033, 0.001, 0.003"
    assert suggestion(field_of("model.tied_head"), True, []) == "true, false"
    assert "auto" not in suggestion(field_of("precision"), "auto", [])


def test_the_view_ranks_runs_marks_the_best_and_brushing_narrows_the_table(context, workspace, qtbot):
    view = SweepView(context)
    qtbot.addWidget(view)
    folder = put_lines(view, workspace)
    qtbot.waitUntil(lambda: context.jobs.job(folder.root) is not None)
    view.resize(1000, 900)
    view.show()
    view.show_sweep(folder.root)
    column = {name: place for place, name in enumerate(view.model.headers())}
    rows = [[view.order.index(row, place).data() for place in range(len(column))]
            for row in range(view.order.rowCount())]
    assert [row[0] for row in rows] == ["★ rates-002", "rates-001", "rates-003", "rates-004"], "the best first"
    assert rows[1][column["State"]] == "Left at 100" and rows[3][column["Best loss"]] == "–"
    assert view.best.value.text() == "2.0000" and view.best.hint.text() == "rates-002"
    assert "Learning rate = 0.01" in view.said.text() and "1 of 2" in view.rungs.text()
    view.lines.setFocus()
    qtbot.keyClick(view.lines, Qt.Key.Key_Space)  # the better half of the results
    assert [view.order.index(row, 0).data() for row in range(view.order.rowCount())] == ["★ rates-002"]
    assert view.shown.text() == "1 of 4 runs" and view.all.isVisible()
    qtbot.mouseClick(view.all, Qt.MouseButton.LeftButton)
    assert view.order.rowCount() == 4
    view.table.sortByColumn(column["Best loss"], Qt.SortOrder.DescendingOrder)
    assert view.order.index(0, 0).data() == "rates-003", "one without a value is last either way"
    assert view.order.index(3, 0).data() == "rates-004"
    with qtbot.waitSignal(view.run_chosen) as chosen:
        view.table.activated.emit(view.order.index(0, 0))
    assert chosen.args == [workspace.path("runs", "rates-003")]


def test_the_table_is_saved_with_dotted_names_and_all_digits(context, workspace, qtbot):
    view = SweepView(context)
    qtbot.addWidget(view)
    folder = put_lines(view, workspace)
    qtbot.waitUntil(lambda: context.jobs.job(folder.root) is not None)
    view.show_sweep(folder.root)
    rows = view.model.rows()
    assert rows[0][:4] == ["run", "best_loss", "bits_per_byte", "learning_rate"]
    assert rows[2][:5] == ["rates-002", 2.0, 1.0, 0.01, 0]
