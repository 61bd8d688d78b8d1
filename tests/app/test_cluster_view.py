"""Runs over several processes in the window: their mesh in words, lines to copy, a run followed over a shared drive."""

import msgspec
import pytest
from PySide6.QtGui import QGuiApplication

from app.state.context import AppContext
from app.state.settings import Settings
from app.views.cluster_view import ClusterView
from core.record import events as ev
from core.record.folder import JobFolder
from core.record.log import EventLog
from core.spec.base import build
from core.spec.files import write_toml
from core.spec.train import TrainSpec
from widgets.cards import Button, Text

SPEC = build(TrainSpec, {
    "corpus": "c", "tokenizer": "t", "batch_size": 16, "mesh": {"shard": 2, "tensor": 2, "pipeline": 1, "data": 2},
    "model": {"d_model": 64, "n_layers": 4, "n_heads": 4, "vocab_size": 512},
})  # fmt: skip


@pytest.fixture
def view(tmp_path, qtbot):
    context = AppContext(tmp_path / "workspace", Settings())
    made = ClusterView(context)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.attached.run.close()
    context.close()


def words(widget) -> str:
    return "\n".join(text.text() for text in widget.findChildren(Text))


def test_the_mesh_is_told_in_words_and_numbers_of_one_process(view):
    view.show_spec(SPEC, None)
    told = words(view.mesh)
    assert "8 processes" in told and "4 of the batch's 16" in told and "2 of 4 query heads" in told
    view.show_spec(build(TrainSpec, {"corpus": "c", "tokenizer": "t"}), None)
    assert "8 processes" not in view.mesh.total.text() and view.mesh.grid.count() == 0


def test_the_lines_follow_what_is_set_and_are_copied_whole(view, tmp_path):
    view.show_spec(SPEC, tmp_path / "run")
    copy = view.lines.findChildren(Button)[0]
    copy.click()
    line = QGuiApplication.clipboard().text()
    assert "--nproc-per-node 8" in line and line.endswith(str(tmp_path / "run"))
    view.lines.nodes.setText("4")
    view.lines.partition.setText("gpu")
    assert "--nnodes 4 --nproc-per-node 2" in view.lines.line.text()
    assert "--partition=gpu" in view.lines.script.toPlainText()
    view.lines.nodes.setText("")
    assert "--nnodes 4" in view.lines.line.text(), "an empty field changes nothing yet"
    view.lines.nodes.setText("3")
    assert not view.lines.problem.isHidden() and not view.lines.line.text()


def test_a_run_elsewhere_is_followed_and_its_silence_told_as_silence(view, tmp_path, monkeypatch):
    folder = JobFolder(tmp_path / "drive" / "far")
    folder.root.mkdir(parents=True)
    write_toml(folder.path("spec.toml"), {"kind": "train", "spec": msgspec.to_builtins(SPEC)})
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1, host="node-7"))
    view.attached.follow(folder.root)
    log(ev.Progress(done=30, total=90, unit="steps"))
    log(ev.Validated(step=30, loss=2.5))
    view.attached.run.look()
    assert "node-7" in view.attached.name.text()
    assert "Step 30 of 90" in view.attached.state.text() and "no sign" not in view.attached.state.text()
    monkeypatch.setattr("app.state.attached.time.time", lambda: view.attached.run.view.updated_t + 600)
    view.attached.run.look()
    assert "no sign of life for 10 min" in view.attached.state.text()
    log(ev.Failed(problem="The disk is full, so this file could not be written."))
    log.close()
    view.attached.run.look()
    assert "The disk is full" in view.attached.state.text()
    assert sorted(path.name for path in folder.root.iterdir()) == ["events.jsonl", "spec.toml"], "it is only read"


def test_a_folder_without_a_run_is_refused(view, tmp_path):
    heard = []
    view.context.noticed.connect(lambda sentence, tone: heard.append(sentence))
    view.attached.follow(tmp_path)
    assert heard and "There is no run" in heard[0] and not view.attached.following.isVisible()
