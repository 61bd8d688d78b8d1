"""Many finished runs: listed from their summaries, drawn from their overviews, read only where one looks closely."""

import json

import numpy as np
import pytest

from app.bench.many_runs import COLUMNS, make_runs
from app.jobs.run_rows import RunRows
from app.state.jobs import JobStore
from app.views.curve import CurveRun, RunCurves, marks_of
from core.record.events import Noted, RolledBack, SpikeFound, Started
from core.record.folder import Workspace
from core.record.log import EventLog
from core.record.metrics import MetricsWriter, read_metrics
from core.record.overview import NAME as OVERVIEW
from core.record.summary import NAME as SUMMARY
from core.record.view import JobView, read_view
from widgets.loss_plot import LossPlot

STEPS = 20_000


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """A workspace with a dozen finished runs, and their folders."""
    workspace = tmp_path_factory.mktemp("season")
    return workspace, make_runs(workspace, 12, STEPS, different=3)


def loaded(qtbot, workspace):
    store = JobStore(Workspace(workspace))
    with qtbot.waitSignal(store.loaded):
        store.start()
    store.stop()
    return store


def test_finished_runs_are_listed_from_their_summaries_alone(qtbot, season, monkeypatch):
    monkeypatch.setattr("app.state.jobs.fold", lambda *_: pytest.fail("an event was folded"))
    monkeypatch.setattr("app.state.jobs.empty_view", lambda *_: pytest.fail("a spec was read"))
    workspace, roots = season
    jobs = loaded(qtbot, workspace).jobs("train")
    assert {job.root for job in jobs} == set(roots) and {job.view.state for job in jobs} == {"completed"}
    monkeypatch.undo()
    assert all(job.view == read_view(job.root) for job in jobs)


def test_what_was_said_after_the_summary_is_listed_too(qtbot, tmp_path):
    root = make_runs(tmp_path, 1, 5000)[0]
    log = EventLog(root / "events.jsonl")
    log(Started(pid=1, attempt=2))
    log(Noted(text="again"))
    log.close()
    job = loaded(qtbot, tmp_path).jobs("train")[0]
    assert job.view.attempt == 2 and job.view.notes and job.view.state == "crashed"


def test_a_lost_summary_of_a_long_log_is_kept_again(qtbot, tmp_path):
    root = make_runs(tmp_path, 1, 5000)[0]
    wanted = json.loads((root / SUMMARY).read_text())
    (root / SUMMARY).unlink()
    loaded(qtbot, tmp_path)
    assert json.loads((root / SUMMARY).read_text()) == wanted


def test_rows_are_those_of_the_file_and_the_overview_is_made_where_it_is_missing(tmp_path):
    root = make_runs(tmp_path, 1, STEPS)[0]
    rows, records = RunRows(root), read_metrics(root / "metrics.bin")[1]
    names = [name for name, _ in COLUMNS]
    assert rows.names == tuple(names) and rows.rows == STEPS
    for name, values in zip(("loss", "flops"), rows.read(("loss", "flops"), 17, 4711)):
        assert np.array_equal(values, records[17:4711, names.index(name)])
    (root / OVERVIEW).unlink()
    blocks = rows.blocks()
    assert (root / OVERVIEW).is_file() and blocks.rows == STEPS
    least, greatest, _ = blocks.columns["loss"]
    loss = records[:, names.index("loss")].astype(np.float32)
    assert (least.min(), greatest.max()) == (loss.min(), loss.max())
    assert rows.last("val_loss") == records[-1, names.index("val_loss")]
    tokens_per_s, flops_per_s = rows.speed()
    assert tokens_per_s == pytest.approx(8192 / 0.11) and flops_per_s == pytest.approx(5e10 / 0.11)


def test_a_cut_is_noticed_also_when_as_many_rows_stand_there_again(tmp_path):
    path = tmp_path / "metrics.bin"
    writer = MetricsWriter(path, COLUMNS)
    for step in range(1, 21):
        writer.append(step=step, loss=1.0)
    writer.close()
    rows = RunRows(tmp_path)
    assert rows.rows == 20 and not rows.poll()
    writer = MetricsWriter(path, COLUMNS, last_step=10)
    for step in range(11, 21):
        writer.append(step=step, loss=2.0)
    writer.close()
    assert rows.poll(live=True) and rows.cuts == 1 and rows.blocks() is None
    assert rows.read(("loss",), 0, 20)[0].tolist() == [1.0] * 10 + [2.0] * 10


def test_a_run_without_records_yet_is_drawn_when_they_come(qtbot, tmp_path):
    plot = LossPlot()
    qtbot.addWidget(plot)
    curves, view = RunCurves(plot), JobView(kind="train", state="running")
    curves.show([CurveRun(tmp_path, view, name="new")])
    plot.repaint_curves()
    assert not plot.canvas.frame.lines and not curves.refresh({tmp_path: view})
    writer = MetricsWriter(tmp_path / "metrics.bin", COLUMNS)
    writer.append(step=1, loss=3.0)
    assert curves.refresh({tmp_path: view})
    plot.repaint_curves()
    assert len(plot.canvas.frame.lines) == 1 and curves.last(tmp_path, "loss") == 3.0
    writer.close()


def test_all_runs_are_drawn_without_reading_their_records(qtbot, season, monkeypatch):
    workspace, roots = season
    plot = LossPlot()
    qtbot.addWidget(plot)
    curves = RunCurves(plot)
    monkeypatch.setattr(RunRows, "read", lambda *_: pytest.fail("records were read"))
    curves.show([CurveRun(root, read_view(root)) for root in roots])
    plot.repaint_curves()
    assert len(plot.canvas.frame.lines) == len(roots) == len(plot.list.names())
    assert plot.list.model.best == roots[0].name  # made to fall the lowest


def test_a_highlighted_run_keeps_it_while_the_selection_changes(qtbot, season):
    _, roots = season
    plot = LossPlot()
    qtbot.addWidget(plot)
    curves = RunCurves(plot)
    curves.show([CurveRun(root, JobView()) for root in roots[:3]])
    curves.highlight(roots[1])
    colour = plot.colours[roots[1].name]
    curves.show([CurveRun(root, JobView()) for root in roots[1:6]])
    assert plot.canvas.look.highlight == roots[1].name and plot.colours[roots[1].name] == colour
    assert curves.root_of(roots[5].name) == roots[5]


def test_what_happened_to_a_run_becomes_marks_with_a_sentence():
    spike = SpikeFound(step=900, what="loss", value=9.0, usual=3.0)
    back = RolledBack(from_step=910, to_step=800, skip_at=1, sequences=64)
    view = JobView(marks=(("spike", 900), ("rolled_back", 800), ("rate", 801), ("memory", 850), ("paused", 870)),
                   spikes=(spike,), rollbacks=(back,))  # fmt: skip
    told = {mark.kind: mark for mark in marks_of(view)}
    assert {kind: mark.step for kind, mark in told.items()} == {
        "spike": 900, "lr": 801, "oom": 850, "pause": 870, "rollback": 800, "skip": 800}  # fmt: skip
    assert "910" in told["rollback"].text and "64" in told["skip"].text
