"""What stands below a run's curve: the estimate beside the measured, how experts are used, neighbours of words."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from app.state import expert_use
from app.state.context import AppContext
from app.state.measured import error_text, figures, note, run_of
from app.state.settings import Settings
from app.views.run_view import RunView
from core.record.events import CheckpointSaved, Completed, ExpertsUsed, Started, Validated
from core.record.folder import Workspace
from core.record.lineage import write_outputs
from core.record.log import EventLog
from core.spec.base import build
from core.spec.experts import Experts
from core.spec.files import write_toml
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from widgets.expert_plot import ExpertPlot

ROOT = Path(__file__).resolve().parents[2]
ESTIMATES = {"memory_bytes": 110e6, "memory": {}, "elapsed_s": 90.0, "tokens_per_s": 5000.0, "energy_j": 2700.0}
RESULT = {"memory_bytes": 100e6, "elapsed_s": 100.0, "tokens_per_s": 4500.0, "energy_j": None, "steps": 10}
ALWAYS = ["layers", "batch", "differences", "notes", "checkpoints", "measured", "choices", "machine", "cluster"]
DENSE = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16)
SPARSE = msgspec.structs.replace(DENSE, experts=Experts(count=4, top=1))
VECTORS = build(ModelSpec, {"family": "word_vectors", "objective": {"task": "skip_gram"}, "window": 2, "d_model": 16})


@pytest.fixture
def context(tmp_path, qtbot):
    for room, kind in (("corpora", "corpus"), ("tokenizers", "tokenizer")):
        folder = tmp_path / "workspace" / room / "text"
        folder.mkdir(parents=True)
        write_toml(folder / "spec.toml", {"kind": kind, "spec": {}})
        write_outputs(folder)
    made = AppContext(tmp_path / "workspace", Settings())
    yield made
    made.close()


def add_run(context, name, model, *events, estimates=ESTIMATES):
    spec = build(TrainSpec, {"corpus": "text", "tokenizer": "text", "steps": 10, "model": msgspec.to_builtins(model)})
    folder = Workspace(context.workspace.root).create("train", name, spec)
    folder.write_choices({"estimates": estimates} if estimates else {})
    log = EventLog(folder.path("events.jsonl"))
    for event in (Started(pid=1, attempt=1), *events):
        log(event)
    log.close()
    return folder


def show(context, qtbot, folder):
    with qtbot.waitSignal(context.jobs.loaded):
        context.jobs.look_for_new()
    view = RunView(context)
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.show_run(folder.root)
    view.show()
    return view


def offered(view):
    tabs = view.panes.tabs
    return [key for place, key in enumerate(tabs.keys()) if tabs.isTabVisible(place)]


def test_an_estimate_too_high_by_a_tenth_is_said_to_be_so():
    assert (error_text(110, 100), error_text(90, 100), error_text(100.4, 100)) == ("+10 %", "−10 %", "±0 %")


def test_estimate_and_measured_stand_side_by_side_with_the_error(context, qtbot):
    view = show(context, qtbot, add_run(context, "done", DENSE, Completed(result=RESULT)))
    view.show_details("measured")
    rows = [(f.expected, f.measured, f.error) for f in view.panes.measured.figures]
    assert rows == [("110 MB", "100 MB", "+10 %"), ("1 min 30 s", "1 min 40 s", "−10 %"), ("5,000", "4,500", "+11 %"),
                    ("0.75 Wh", "", "")]  # fmt: skip
    assert "No meter" in view.panes.measured.note.text() and view.panes.measured.isVisible()
    texts = [cell.text() for cells in view.panes.measured._cells for cell in cells if cell.isVisible()]
    assert "+10 %" in texts and "110 MB" in texts and texts.count("–") == 2


def test_a_meter_that_can_be_read_is_believed(qtbot):
    shown = figures(ESTIMATES, RESULT | {"energy_j": 3000.0})[-1]
    assert (shown.measured, shown.error) == ("0.833 Wh", "−10 %")
    assert "No meter" not in note(ESTIMATES, RESULT | {"energy_j": 3000.0}, "completed")


def test_before_the_end_only_the_estimate_stands_there_and_an_old_run_says_that_it_has_none(context, qtbot):
    view = show(context, qtbot, add_run(context, "begun", DENSE, Validated(step=2, loss=1.0, elapsed_s=1.0)))
    view.show_details("measured")
    measured = view.panes.measured
    assert [f.measured for f in measured.figures] == [""] * 4 and "finished" in measured.note.text()
    assert figures({}, RESULT) == [] and "Nothing was estimated" in note({}, RESULT, "completed")


def test_a_design_finds_its_newest_finished_run_whatever_the_tokenizer(context, qtbot):
    add_run(context, "other", SPARSE, Completed(result=RESULT))
    folder = add_run(context, "done", msgspec.structs.replace(DENSE, vocab_size=300), Completed(result=RESULT))
    add_run(context, "running", VECTORS)
    with qtbot.waitSignal(context.jobs.loaded):
        context.jobs.look_for_new()
    assert run_of(context.jobs, msgspec.structs.replace(DENSE, vocab_size=999)).root == folder.root
    assert run_of(context.jobs, VECTORS) is None
    assert run_of(context.jobs, msgspec.structs.replace(DENSE, n_layers=2)) is None


def used(step, *blocks, dropped=0):
    return ExpertsUsed(step=step, use=[list(block) for block in blocks], dropped=[dropped] * len(blocks))


def test_shares_of_experts_sum_to_one_in_each_block_and_many_steps_are_drawn_together():
    events = tuple(used(step, (3, 1, 0, 0), (1, 1, 1, 1)) for step in range(1, 301))
    steps, shares = expert_use.shares(events)
    assert shares.shape == (expert_use.COLUMNS, 2, 4) and steps[-1] == 300 and steps == sorted(steps)
    assert shares.sum(-1) == pytest.approx(1) and shares[5, 0] == pytest.approx([0.75, 0.25, 0, 0])


def test_the_sentence_names_the_busiest_the_even_share_and_what_was_dropped():
    said = expert_use.sentence((used(7, (60, 20, 20, 0), dropped=10),))
    assert "step 7" in said and "60.0 %" in said and "25.0 %" in said
    assert said.count("1 experts get next to nothing") == 1 and "10.0 % of the choices" in said
    even = expert_use.sentence((used(7, (25, 25, 25, 25)),))
    assert "balance loss" not in even and "full" not in even
    assert "twice its share" in expert_use.sentence((used(7, (70, 10, 10, 10)),))


def test_experts_are_shown_for_runs_that_have_them_alone(context, qtbot):
    dense = show(context, qtbot, add_run(context, "dense", DENSE))
    assert offered(dense) == ["samples", *ALWAYS]
    view = show(context, qtbot, add_run(context, "sparse", SPARSE, used(2, (4, 4, 4, 4)), used(4, (10, 2, 2, 2))))
    assert "experts" in offered(view)
    view.show_details("experts")
    assert view.panes.experts.steps == [2, 4] and "62.5 %" in view.panes.experts_said.text()


def test_a_strip_says_what_lies_under_the_pointer_and_colours_by_the_even_share(qtbot):
    plot = ExpertPlot()
    qtbot.addWidget(plot)
    plot.set_use([10, 20], np.array([[[0.5, 0.5]], [[0.9, 0.1]]]))
    plot.resize(600, plot.sizeHint().height())
    plot.show()
    strip, bars = plot._places(0)
    assert "Expert 1: 50 %" in plot.told_at(strip.topLeft() + QPointF(2, 2))
    assert "Expert 2: 10 %" in plot.told_at(bars.bottomLeft() + QPointF(2, -2))
    image = plot._image(0)
    even, busy, idle = (image.pixelColor(*at) for at in ((0, 0), (1, 0), (1, 1)))
    assert len({even.name(), busy.name(), idle.name()}) == 3
    assert idle.blue() > idle.red() and busy.red() > busy.blue()
    assert not plot.grab().isNull() and plot.told_at(QPointF(-5, -5)) == ""


def test_a_run_of_word_vectors_offers_neighbours_instead_of_a_prompt(context, qtbot):
    saved = CheckpointSaved(step=2, path="checkpoints/step-00000002", bytes=1)
    view = show(context, qtbot, add_run(context, "vectors", VECTORS, saved))
    assert offered(view) == ["neighbours", *ALWAYS]
    asked = []
    view.talk_asked.connect(asked.append)
    assert view.head.talk.text() == "Look at its neighbours" and view.head.talk.isEnabled()
    view.show_details("measured")
    view.head.talk.click()
    assert view.panes.stack.currentWidget() is view.panes.neighbours and not asked
    assert view.panes.neighbours.source == "run:vectors"


MAKE = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests import tiny_tree
workspace = tiny_tree.make_workspace(Path(sys.argv[1]))
for name in ("word2vec", "nnlm"):
    tiny_tree.train(workspace, name, tiny_tree.train_spec(tiny_tree.tiny(name)))
"""


def test_neighbours_come_from_a_real_session_and_so_does_a_refusal(tmp_path, qtbot):
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-c", MAKE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    context = AppContext(tmp_path / "workspace", Settings())
    try:
        folder = context.workspace.folder("runs", "word2vec")
        view = show(context, qtbot, folder)
        neighbours = view.panes.neighbours
        assert neighbours.table.isHidden()
        with qtbot.waitSignal(context.session.neighbours_found, timeout=60_000):
            neighbours.ask("frost")
        header = neighbours.table.horizontalHeaderItem(0).text()
        rows = neighbours.rows()
        assert header.startswith("␣") and len(rows) == 10 and neighbours.find.isEnabled()
        cosines = [float(row[0].rsplit(" ", 1)[1]) for row in rows]
        assert cosines == sorted(cosines)[::-1] and header not in [row[0].rsplit("   ", 1)[0] for row in rows]
        neighbours.set_source("run:nnlm")
        with qtbot.waitSignal(context.session.problem_raised, timeout=60_000):
            neighbours.ask("frost")
        assert "does not hold word vectors" in neighbours.problem.text.text() and neighbours.problem.isVisible()
        assert neighbours.table.isHidden()
    finally:
        context.close()
        QApplication.processEvents()


def test_the_playground_asks_word_vectors_for_neighbours_and_others_for_sentences(context, qtbot):
    from app.pages.playground import PlaygroundPage

    for name, model in (("vectors", VECTORS), ("writes", DENSE)):
        folder = add_run(context, name, model)
        folder.path("checkpoints.json").write_text("{}")
    with qtbot.waitSignal(context.jobs.loaded):
        context.jobs.look_for_new()
    page = PlaygroundPage(context)
    qtbot.addWidget(page)
    page.model.setCurrentIndex(page.model.findData("run:vectors"))
    page.model.activated.emit(page.model.currentIndex())
    assert page.likeness.isVisibleTo(page) and not page.editor.isVisibleTo(page) and not page.side.isVisibleTo(page)
    assert page.neighbours.source == "run:vectors" and context.session.source == ""
    page.model.setCurrentIndex(page.model.findData("run:writes"))
    page.model.activated.emit(page.model.currentIndex())
    assert page.editor.isVisibleTo(page) and not page.likeness.isVisibleTo(page)
    assert context.session.source == "run:writes"
