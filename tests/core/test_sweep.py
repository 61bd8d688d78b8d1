"""Sweeps: what is asked for, and what real runs make of it."""

import time

import msgspec
import psutil
import pytest

from core.errors import LabError
from core.jobs import launch, queue
from core.jobs.sweep_cost import cost, planned, starts
from core.jobs.sweep_table import SweepTable
from core.record.control import request
from core.record.events import Resumed, Started
from core.record.folder import Workspace
from core.record.lineage import sha256_file
from core.record.lock import is_alive
from core.record.log import read_events
from core.record.metrics import read_metrics
from core.record.tickets import place, read_tickets
from core.record.view import read_view
from core.spec.base import build
from core.spec.sweep import SweepSpec, Trial, put, read_axis
from tests.kill_and_resume import prepare

BASE = {
    "corpus": "text", "tokenizer": "text", "steps": 20, "batch_size": 4, "warmup_steps": 2, "validate_every": 5,
    "validation_tokens": 512, "checkpoint_every": 100, "sample_tokens": 0, "precision": "fp32", "kernels": "torch",
    "threads": 1, "layers_every": 0,
    "model": {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 16, "dropout": 0.1},
}  # fmt: skip
RATES = {"field": "learning_rate", "values": [1e-3, 1e-2]}


def sweep(*axes, base=None, **more) -> SweepSpec:
    return build(SweepSpec, {"base": BASE | (base or {}), "axes": list(axes), **more})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = prepare(tmp_path_factory.mktemp("sweep"))
    queue.set_limits(made, cores=2)
    yield made
    until(lambda: not is_alive(place(made.root)))


def until(condition, timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def finish(folder, state: str = "completed"):
    until(lambda: not read_view(folder.root).live)
    view = read_view(folder.root)
    assert view.state == state, view.error
    return view


def said(folder, kind):
    return [record.event for record in read_events(folder.path("events.jsonl"))[0] if isinstance(record.event, kind)]


def last_weights(folder) -> dict[str, str]:
    newest = sorted(folder.path("checkpoints").glob("step-*"))[-1]
    return {"step": newest.name} | {
        part: sha256_file(newest / part) for part in ("model.safetensors", "optimizer.safetensors")}


def steps_made(run) -> float:
    """Steps that a run says it has made; 0 while it still prepares."""
    if not run.joinpath("spec.toml").is_file():
        return 0
    view = read_view(run)
    return view.done if view.phase == "Training" else 0


def table(folder) -> SweepTable:
    return msgspec.json.decode(folder.path("results.json").read_bytes(), type=SweepTable)


# what is asked for


def test_a_grid_is_every_combination_and_seeds_change_only_the_seed():
    spec = sweep(RATES, {"field": "model.d_model", "values": [16, 32]}, seeds=3)
    choices = spec.choices()
    assert [trial.number for trial in choices] == [1, 2, 3, 4]
    assert choices[1].values == {"learning_rate": 1e-3, "model.d_model": 32}
    runs = [spec.run(choices[1], seed) for seed in range(3)]
    assert [run.seed for run in runs] == [0, 1, 2] and {run.model.d_model for run in runs} == {32}
    assert msgspec.structs.replace(runs[2], seed=0) == runs[0]
    assert planned(spec, choices) == 4 * 3 * 20


def test_a_random_sweep_draws_the_same_possible_combinations_every_time():
    axes = ({"field": "model.n_heads", "values": [2, 3, 4]}, {
        "field": "learning_rate", "low": 1e-4, "high": 1e-2, "scale": "log"})
    spec = sweep(*axes, kind="random", trials=20)
    values = [trial.values for trial in spec.choices()]
    assert values == [trial.values for trial in spec.choices()] and len({repr(v) for v in values}) == 20
    assert {v["model.n_heads"] for v in values} == {2, 4}, "16 numbers do not part into three heads"
    rates = sorted(v["learning_rate"] for v in values)
    assert 1e-4 <= rates[0] < 1e-3 < rates[-1] <= 1e-2
    assert [t.values for t in sweep(*axes, kind="random", trials=20, draw_seed=1).choices()] != values
    few = sweep({"field": "batch_size", "values": [2, 4]}, kind="random", trials=50)
    assert len(few.choices()) == 2, "there are no more"


def test_an_axis_is_read_as_people_write_it():
    assert read_axis("learning_rate", "1e-4 .. 1e-2 log 3").grid() == [0.0001, 0.001, 0.01]
    assert read_axis("model.d_model", "16..48").grid() == [16, 32, 48]
    assert read_axis("model.d_model", " 16, 1e2 ").grid() == [16, 100]
    assert read_axis("optimizer", "adamw, lion").grid() == ["adamw", "lion"]
    assert read_axis("model.tied_head", "true, false").grid() == [True, False]
    assert read_axis("retention.best", "1,2").grid() == [1, 2]


@pytest.mark.parametrize(("axes", "more", "words"), [
    ([{"field": "learning_rat", "values": [1]}], {}, "Did you mean learning_rate"),
    ([{"field": "optimizer", "values": ["adamw", "adagrad"]}], {}, "optimizer = adagrad.*Choose one of: adamw"),
    ([{"field": "model.n_heads", "values": [2, 3]}], {}, "model.n_heads = 3"),
    ([RATES, RATES], {}, "varied twice"),
    ([{"field": "seed", "values": [1, 2]}], {}, "varied twice"),
    ([{"field": "learning_rate"}], {}, "Nothing is said about the values"),
    ([{"field": "learning_rate", "low": 0, "high": 1, "scale": "log"}], {}, "cannot go from"),
    ([{"field": "optimizer", "low": 0, "high": 1}], {}, "has no range"),
    ([{"field": "learning_rate", "low": 1e-4, "high": 1, "count": 1000}, {
        "field": "weight_decay", "low": 0, "high": 1, "count": 1000}], {}, "1000000 combinations"),
    ([RATES], {"eta": 1}, "all of them"),
    ([{"field": "steps", "values": [10, 20]}], {"eta": 2}, "none in common"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(axes, more, words):
    with pytest.raises(LabError, match=words):
        sweep(*axes, **more)


def test_rungs_fall_on_measurements_and_the_best_share_goes_on():
    spec = sweep(RATES, eta=3, first_rung=12, base={"steps": 100, "validate_every": 5})
    assert spec.rungs() == [10, 30, 90]
    assert all(step % spec.run(Trial(1, {}), 0).validate_every == 0 for step in spec.rungs())
    early = sweep(RATES, eta=2, first_rung=3, base={"steps": 20, "validate_every": 5})
    assert early.rungs() == [3, 6, 12] and early.run(Trial(1, {}), 0).validate_every == 3
    nine = sweep({"field": "learning_rate", "low": 1e-4, "high": 1e-2, "count": 9}, eta=3, first_rung=10, seeds=2,
                 base={"steps": 100, "validate_every": 10})  # fmt: skip
    assert planned(nine, nine.choices()) == 2 * (9 * 10 + 3 * 20 + 1 * 70)
    assert starts(nine, nine.choices()) == 2 * (9 + 3 + 1)


def test_an_estimate_grows_with_the_work_and_shrinks_with_the_room(tmp_path):
    here = Workspace(tmp_path)
    queue.set_limits(here, cores=1)
    model = BASE["model"] | {"vocab_size": 500}
    small, large, twice = (
        cost(spec, spec.choices(), here) for spec in (
            sweep(RATES, base={"model": model, "steps": 10**6}), sweep(RATES, base={
                "model": model | {"d_model": 64}, "steps": 10**6}),
            sweep(RATES, base={"model": model, "steps": 10**6}, seeds=2)))
    assert (small.runs, twice.runs) == (2, 4) and small.lanes == 1
    assert small.elapsed_s < large.elapsed_s and twice.elapsed_s == pytest.approx(2 * small.elapsed_s)
    assert small.energy_j > 0 and small.memory_bytes < large.memory_bytes
    queue.set_limits(here, cores=2)
    spec = sweep(RATES, base={"model": model, "steps": 10**6})
    assert cost(spec, spec.choices(), here).elapsed_s == pytest.approx(small.elapsed_s / 2)
    assert cost(spec, spec.choices(), here, flops_per_s=1e12).elapsed_s < small.elapsed_s / 2


def test_runs_with_other_tokens_are_ranked_by_bits_per_byte():
    assert sweep(RATES).measure == "loss"
    assert sweep({"field": "tokenizer", "values": ["a", "b"]}).measure == "bits_per_byte"


def test_a_dotted_value_lands_where_it_belongs():
    data = {"model": {"d_model": 1}}
    put(data, "model.experts.count", 4)
    put(data, "seed", 2)
    assert data == {"model": {"d_model": 1, "experts": {"count": 4}}, "seed": 2}


# what real runs make of it


def test_a_killed_sweep_goes_on_with_what_its_runs_have_done_meanwhile_and_tells_which_was_best(workspace: Workspace):
    folder = launch.start(workspace, "sweep", "rates", sweep(
        {"field": "learning_rate", "values": [1e-7, 1e-2]}, seeds=2, patience=3))
    until(lambda: is_alive(workspace.path("runs", "rates-001")))
    psutil.Process(said(folder, Started)[0].pid).kill()
    until(lambda: read_view(folder.root).state == "crashed")
    launch.resume(folder)
    until(lambda: len(said(folder, Started)) == 2)
    view = finish(folder)
    runs = [workspace.folder("runs", f"rates-{number:03d}") for number in range(1, 5)]
    assert [read_view(run.root).state for run in runs] == ["completed"] * 4
    assert [len(said(run, Started)) for run in runs] == [1] * 4, "no run was begun anew"
    assert not workspace.path("runs", "rates-005").exists()
    until(lambda: not read_tickets(workspace.root))
    found = table(folder)
    assert [(run.trial, run.seed) for run in found.runs] == [(1, 0), (2, 0), (1, 1), (2, 1)]
    assert found.best in ("rates-002", "rates-004") and found.best_trial == 2
    assert view.result["values"] == {"learning_rate": 1e-2} and view.result["best"] == found.best
    best = min(measured.loss for measured in read_view(workspace.path("runs", found.best)).validations)
    assert next(run.best_loss for run in found.runs if run.run == found.best) == best == view.result["best_loss"]
    made = runs[3].request
    assert made["part_of"] == {
        "job": "sweeps/rates", "number": 2, "seed": 1, "values": {"learning_rate": 1e-2}}
    assert made["spec"]["patience"] == 3 and made["inputs"]["corpus"]["sha256"]
    assert {event.state for event in view.trials.values()} == {"completed"}


def test_a_survivor_of_halving_ends_with_the_same_bytes_as_the_same_run_trained_through(workspace: Workspace):
    spec = sweep({"field": "learning_rate", "values": [1e-7, 1e-2, 1e-6]}, eta=2, first_rung=5)
    assert spec.rungs() == [5, 10]
    folder = launch.start(workspace, "sweep", "halving", spec)
    view = finish(folder)
    assert [(rung.step, rung.kept, rung.fell) for rung in view.rungs] == [(5, [2], [1, 3])]
    survivor = workspace.folder("runs", "halving-002")
    assert [resumed.from_step for resumed in said(survivor, Resumed)] == [5]
    fallen = workspace.folder("runs", "halving-001")
    assert read_view(fallen.root).state == "stopped" and last_weights(fallen)["step"] == "step-00000005"
    through = launch.start(workspace, "train", "through", spec.run(spec.choices()[1], 0))
    finish(through)
    assert last_weights(survivor) == last_weights(through)
    ours, theirs = (read_metrics(run.path("metrics.bin"))[1] for run in (survivor, through))
    assert ours[:, 0].tolist() == theirs[:, 0].tolist() == list(range(21))

    launch.resume(fallen)  # by hand: then it goes to its end
    until(lambda: read_view(fallen.root).state == "completed")
    assert last_weights(fallen)["step"] == "step-00000020"


def test_a_stopped_sweep_stops_its_runs_and_takes_them_up_again(workspace: Workspace):
    queue.set_limits(workspace, cores=1)
    folder = launch.start(workspace, "sweep", "long", sweep(RATES, base={"steps": 3000}))
    runs = [workspace.path("runs", f"long-{number:03d}") for number in (1, 2)]
    until(lambda: steps_made(runs[0]) > 0)
    request(folder.root, "pause")
    until(lambda: read_view(folder.root).state == "paused" and read_view(runs[0]).state == "paused")
    assert [ticket.held for ticket in read_tickets(workspace.root)] == [False, True]
    request(folder.root, "stop")
    finish(folder, "stopped")
    assert [read_view(run).state for run in runs] == ["stopped", "stopped"] and not read_tickets(workspace.root)
    step = read_view(runs[0]).checkpoints[-1].step
    assert 0 < step < 3000
    launch.resume(folder)
    until(lambda: read_view(runs[0]).attempt == 2 and steps_made(runs[0]) > step)
    request(folder.root, "stop")
    finish(folder, "stopped")
    queue.set_limits(workspace, cores=2)
