"""The training page: any number of runs in one plot, what differs, notes, layers, batches, the rate, sweeps, export."""

import json
import shutil
import time

import msgspec
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication

from app.bootstrap import make_window
from app.views.run_export import export_runs
from core.record import events as ev
from core.record.folder import JobFolder
from core.record.lock import WorkerLock
from core.record.log import EventLog
from core.record.notes import Notes, read_notes
from tests.made_runs import make_run, make_seeds


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"


@pytest.fixture
def window(qtbot, workspace):
    workspace.mkdir()
    made = make_window(QApplication.instance(), workspace)
    made.resize(1280, 800)
    made.show()
    yield made
    made.languages.apply("en")
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def opened(qtbot, window):
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()
    window.show_page("training")
    return window.page("training")


def names(page):
    return [run.name for run in page.shelf.list.runs.runs]


def place_of(page, root, tick=False):
    listed = page.shelf.list
    box = listed.visualRect(listed.runs.index(listed.runs.row_of(root)))
    return QPoint(box.left() + (15 if tick else 120), box.center().y())


def click(qtbot, page, root, tick=False, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(page.shelf.list.viewport(), Qt.MouseButton.LeftButton, modifier, place_of(page, root, tick))


def test_ticked_runs_stand_in_the_plot_with_the_one_shown_in_full(window, qtbot, workspace):
    runs = [make_run(workspace, f"run-{n}", steps=40, age_s=60 - n, end=2 + 0.1 * n) for n in range(4)]
    page = opened(qtbot, window)
    assert names(page) == ["run-3", "run-2", "run-1", "run-0"]
    assert page.run.root == runs[3] and set(page.run.plot.series) == {"run-3"}
    click(qtbot, page, runs[1], tick=True)
    click(qtbot, page, runs[0], tick=True)
    assert page.run.root == runs[3], "a tick shows no other run in full"
    assert set(page.run.plot.series) == {"run-3", "run-1", "run-0"}
    colours = page.run.colours()
    click(qtbot, page, runs[2])
    assert page.run.root == runs[2] and set(page.run.plot.series) == {"run-2", "run-1", "run-0"}
    assert {root: page.run.colours()[root] for root in runs[:2]} == {root: colours[root] for root in runs[:2]}
    click(qtbot, page, runs[1], tick=True)
    assert set(page.run.plot.series) == {"run-2", "run-0"}
    page.shelf.clear.click()
    assert set(page.run.plot.series) == {"run-2"}


def test_shift_ticks_all_rows_between_and_the_box_above_all_that_are_listed(window, qtbot, workspace):
    runs = [make_run(workspace, f"run-{n}", steps=20, age_s=60 - n, layers=False) for n in range(6)]
    page = opened(qtbot, window)
    click(qtbot, page, runs[5], tick=True)
    click(qtbot, page, runs[2], tick=True, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert set(page.shelf.ticked_runs()) == set(runs[2:])
    assert page.shelf.all.checkState() == Qt.CheckState.PartiallyChecked
    page.shelf.all.click()
    assert set(page.shelf.ticked_runs()) == set(runs) and page.shelf.all.checkState() == Qt.CheckState.Checked
    page.shelf.search.setText("run-1")
    page.shelf.all.click()
    assert set(page.shelf.ticked_runs()) == set(runs) - {runs[1]}, "only what is listed is unticked"


def test_the_best_of_the_runs_in_the_plot_has_a_star_and_space_ticks(window, qtbot, workspace):
    runs = [make_run(workspace, f"run-{n}", steps=40, age_s=60 - n, end=end) for n, end in enumerate((2.5, 2.0, 1.5))]
    page = opened(qtbot, window)
    listed = page.shelf.list
    assert listed.runs.best is None, "one run alone is not the best of anything"
    click(qtbot, page, runs[0])
    listed.setFocus()
    qtbot.keyClick(listed, Qt.Key.Key_Space)
    click(qtbot, page, runs[1], tick=True)
    assert listed.runs.best == runs[1]
    click(qtbot, page, runs[2], tick=True)
    assert listed.runs.best == runs[2]


def test_runs_are_found_by_name_tag_note_and_state_and_sorted_by_what_they_reached(window, qtbot, workspace):
    make_run(workspace, "run-10", steps=20, end=2.5, age_s=30, notes=Notes(("keep",), "warm-up twice as long"))
    make_run(workspace, "run-9", steps=20, end=1.5, age_s=20, state="failed")
    make_run(workspace, "other", steps=20, end=2.0, age_s=10)
    page = opened(qtbot, window)
    shelf = page.shelf
    for words, found in (("KEEP", ["run-10"]), ("warm twice", ["run-10"]), ("run", ["run-9", "run-10"]), ("zzz", [])):
        shelf.search.setText(words)
        assert names(page) == found, words
    assert shelf.nothing.isVisible()
    shelf.search.clear()
    orders = {"best": ["run-9", "other", "run-10"], "name": ["other", "run-9", "run-10"],
              "newest": ["other", "run-9", "run-10"]}  # fmt: skip
    for order, found in orders.items():
        shelf.order.setCurrentIndex(shelf.order.findData(order))
        shelf.order.activated.emit(0)
        assert names(page) == found, order
    shelf.group.setCurrentIndex(shelf.group.findData("ended"))
    shelf.group.activated.emit(0)
    assert names(page) == ["run-9"]


def test_seeds_of_one_setting_are_a_group_and_only_lines_that_differ_are_shown(window, qtbot, workspace):
    make_seeds(workspace, 4, 2, steps=40, layers=False)
    page = opened(qtbot, window)
    page.shelf.all.click()
    groups = {name: series.run.group for name, series in page.run.plot.series.items()}
    assert len(set(groups.values())) == 2 and groups["lr-1e-03-seed-0"] == groups["lr-1e-03-seed-1"] == "lr-1e-03"
    page.run.show_details("differences")
    model = page.run.panes.differences.model
    assert [line.name for line in model.lines] == ["learning_rate", "seed"]
    shown = dict(zip(model.names, zip(*(line.values for line in model.lines))))
    assert shown["lr-1e-03-seed-1"] == ("0.001", "1") and shown["lr-5e-04-seed-0"] == ("0.0005", "0")
    page.shelf.clear.click()
    assert not model.lines and "second run" in page.run.panes.differences.sentence.text()


def test_notes_are_kept_beside_the_run_and_found_by_the_search(window, qtbot, workspace):
    one, other = (make_run(workspace, name, steps=20, age_s=age) for name, age in (("one", 20), ("other", 10)))
    page = opened(qtbot, window)
    page.show_run(one)
    page.run.show_details("notes")
    notes = page.run.panes.notes
    notes.tags.setText("baseline, 保留，baseline")
    notes.text.setPlainText("The first that held.")
    page.show_run(other)
    assert read_notes(one) == Notes(("baseline", "保留"), "The first that held.")
    assert notes.tags.text() == "" and read_notes(other) == Notes() and not (other / "notes.json").exists()
    page.shelf.search.setText("保留 held")
    assert names(page) == ["one"]
    page.show_run(one)
    notes.tags.clear()
    notes.text.clear()
    notes.save()
    assert not (one / "notes.json").exists()


def test_layers_stand_under_the_plot_and_follow_its_zoom(window, qtbot, workspace):
    run = make_run(workspace, "deep", steps=400)
    page = opened(qtbot, window)
    page.run.show_details("layers")
    layers, canvas = page.run.panes.layers, page.run.plot.canvas
    qtbot.waitUntil(lambda: layers.strip.values.size > 0 and canvas.frame is not None)
    canvas.draw_frame()
    strip = layers.strip
    assert strip.names == ["Embed", "Block 1", "Block 2", "Block 3", "Block 4", "Norm"]
    left = strip.mapToGlobal(QPoint(strip.gutter_px, 0)).x()
    assert left == canvas.mapToGlobal(QPoint(round(canvas.area.left()), 0)).x() and strip.area_px == canvas.area.width()
    scale = canvas.bottom_scale()
    assert strip.places[-1] == pytest.approx(scale.place(400.0))
    canvas.view = (100.0, 200.0)
    canvas.draw_frame()
    assert strip.cell_at(QPoint(strip.gutter_px + 2, 3))[1] == 5, "the sixth look is that at step 100"
    page.run.plot.set_axis("tokens")
    canvas.draw_frame()
    assert strip.places[-1] == pytest.approx(canvas.bottom_scale().place(400 * 4096.0), rel=1e-3)
    layers.measure._buttons["dead"].click()
    strip.pointed.emit(strip.names.index("Block 3"), len(strip.places) - 1)
    assert "Block 3, step 400: 40.0 %" in layers.about.text()
    shutil.rmtree(run)


def test_samples_are_a_time_lapse_that_follows_the_newest_until_one_scrubs(window, qtbot, workspace):
    make_run(workspace, "writer", steps=40)
    page = opened(qtbot, window)
    lapse = page.run.panes.samples
    assert len(lapse.samples) == 10 and lapse.step.text() == "Step 40" and "(40)" in lapse.text.text()
    lapse.slider.setValue(0)
    assert lapse.step.text() == "Step 4" and "(4)" in lapse.text.text()
    more = (*lapse.samples, ev.Sampled(step=44, prompt="Return", text=" more", requested=True))
    lapse.set_samples(more)
    assert lapse.step.text() == "Step 4", "who looks back is not pulled away"
    lapse.slider.setValue(lapse.slider.maximum())
    assert lapse.asked_for.isVisible() and "more" in lapse.text.text()
    lapse.set_samples((*more, ev.Sampled(step=48, prompt="", text="newest")))
    assert lapse.step.text() == "Step 48"
    lapse.slider.setValue(9)
    lapse.toggle()
    lapse._timer.timeout.emit()
    lapse._timer.timeout.emit()
    assert lapse.step.text() == "Step 48" and not lapse._timer.isActive(), "it stops at its end"


def live_run(workspace, name="live"):
    """A run whose worker seems to be at work: this process holds its lock."""
    root = make_run(workspace, name, steps=40, state="running")
    lock = WorkerLock(root)
    lock.acquire()
    return root, lock


def requests(root):
    return [json.loads(path.read_text()) for path in sorted((root / "control").glob("*.json"))]


def test_the_rate_and_a_batch_are_asked_of_a_running_run(window, qtbot, workspace):
    root, lock = live_run(workspace)
    try:
        page = opened(qtbot, window)
        head, batch = page.run.head, page.run.panes.batch
        assert head.rate.isVisible() and head.rate.isEnabled()
        head.rate.menu().actions()[0].trigger()
        page.run.show_details("batch")
        batch.ask.click()
        asked = requests(root)
        assert [(one["name"], one["args"]) for one in asked] == [("rate", {"factor": 0.5}), ("batch", {})]
        (root / "batches").mkdir()
        (root / "batches" / "step-00000041.json").write_bytes(msgspec.json.encode({
            "step": 41, "sequences": 2, "weights_of": 40, "bytes": {5: "a", 6: "\xe6", 7: "\xb1\x89"},
            "windows": [{"place": 0, "ids": [5, 6, 7], "losses": [None, 0.0, 3.0],
                         "documents": [{"row": 14, "start": 0, "end": 3}]}] * 2}))  # fmt: skip
        log = EventLog(root / "events.jsonl")
        log(ev.BatchShown(step=41, path="batches/step-00000041.json"))
        log(ev.Acknowledged(request="batch", id=asked[1]["id"]))
        log.close()
        window.context.jobs.follow()
        assert batch.strip.text() == "a汉" and "Sequence 1 of 2" in batch.said.text() and "14" in batch.said.text()
        assert [token.probability for token in batch.strip.tokens] == [None, 1.0, pytest.approx(0.0498, abs=1e-3)]
        assert head.asked.text() == "Next batch ✓" and "has seen it: Next batch" in head.asked.accessibleName()
    finally:
        lock.release()


def test_a_spike_and_the_return_are_marked_on_the_curve(window, qtbot, workspace):
    make_run(workspace, "healed", steps=100, spike=60)
    page = opened(qtbot, window)
    kinds = {event.kind for event in page.run.plot.series["healed"].events}
    assert {"spike", "rollback", "checkpoint"} <= kinds
    assert page.shelf.list.runs.runs[0].spikes == 1


def test_what_a_person_was_doing_survives_a_change_of_language(window, qtbot, workspace):
    runs = make_seeds(workspace, 4, 2, steps=20, layers=False)
    page = opened(qtbot, window)
    page.show_run(runs[1])
    page.shelf.set_ticked(runs[2:])
    page.run.show_details("notes")
    window.set_language("zh_CN")
    again = window.page("training")
    assert again is not page and again.run.root == runs[1] and set(again.shelf.ticked_runs()) == set(runs[2:])
    assert again.run.panes.tabs.value() == "notes" and again.shelf.group.currentText() == "全部"


def test_sweeps_and_the_queue_have_their_own_side_and_one_primary_action(window, qtbot, workspace):
    make_run(workspace, "one", steps=20)
    page = opened(qtbot, window)
    assert page.header.primary.text() == "New run" and page.rooms.isVisible()
    page.rooms._buttons["sweeps"].click()
    assert page._shown() is page.no_sweep and page.header.primary.text() == "New sweep"
    page.header.primary.click()
    assert page._shown() is page.sweep_form and not page.header.primary.isVisible()
    page.sweep_form.cancelled.emit()
    page.rooms._buttons["queue"].click()
    assert page._shown() is page.queue
    page.rooms._buttons["runs"].click()
    assert page._shown() is page.run and page.room == "runs"


def test_shown_runs_are_written_for_tensorboard_one_folder_each(window, qtbot, workspace, tmp_path):
    runs = [make_run(workspace, name, steps=20) for name in ("a", "b")]
    opened(qtbot, window)
    said = []
    window.context.noticed.connect(lambda sentence, tone: said.append((sentence, tone)))
    export_runs(window.context, runs, tmp_path / "board")
    qtbot.waitUntil(lambda: bool(said))
    assert said[0][1] == "success" and "2 runs" in said[0][0]
    assert all(len(list((tmp_path / "board" / name).glob("events.out.tfevents.*"))) == 1 for name in "ab")


def test_a_deleted_run_leaves_the_plot_and_the_ticks(window, qtbot, workspace):
    runs = [make_run(workspace, f"run-{n}", steps=20, age_s=60 - n) for n in range(3)]
    page = opened(qtbot, window)
    page.shelf.set_ticked(runs[:2])
    shutil.rmtree(runs[0])
    window.context.jobs.look_for_new()
    assert page.shelf.ticked_runs() == [runs[1]] and set(page.run.plot.series) == {"run-1", "run-2"}
    shutil.rmtree(runs[2])
    window.context.jobs.look_for_new()
    assert page.run.root == runs[1]


def test_hundreds_of_runs_are_listed_at_once_and_not_one_by_one(window, qtbot, workspace, monkeypatch):
    for number in range(30):
        make_run(workspace, f"run-{number}", steps=10, layers=False, age_s=100 - number)
    page = window.page("training")
    filled = []
    monkeypatch.setattr(page.shelf, "set_jobs", lambda jobs: filled.append((len(jobs), time.perf_counter())))
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()
    assert len(filled) <= 3 and filled[-1][0] == 30


def test_a_run_just_started_is_chosen_and_drawn_as_soon_as_its_folder_is_read(window, qtbot, workspace, monkeypatch):
    make_run(workspace, "before", steps=20)
    page = opened(qtbot, window)
    monkeypatch.setattr(window.context, "start_job", lambda kind, name, spec: JobFolder(
        make_run(workspace, name, steps=20, age_s=1)))
    page._start("new", None)
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()
    assert page.run.root.name == "new" and set(page.run.plot.series) == {"new"}
    assert page.shelf.list.current() == page.run.root and page.run.head.name.text() == "new"
