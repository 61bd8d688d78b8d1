"""A whole experiment with real children, the measuring on another corpus's text, and what a kill leaves."""

import json
import random
import subprocess
import sys
import time
from collections import Counter

import msgspec
import psutil
import pytest

from core.data.documents import Documents
from core.data.shards import TokenShard, write_shards
from core.errors import LabError
from core.jobs import launch
from core.jobs.crew import Child, Crew
from core.jobs.launch import ROOT
from core.record.control import Control, StopRequested, request
from core.record.events import Started
from core.record.folder import JobFolder, Workspace
from core.record.log import read_events
from core.record.view import read_view
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.experiment import ExperimentSpec
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import train
from core.tokens.tokenizer import Tokenizer
from tests.kill_and_resume import WORDS, finish

COPIES = {"plant": "duplicates", "share": 0.2, "copies": 4, "edited": 0.0}
SECRETS = {"plant": "canaries", "repetitions": [1, 8], "each": 1, "kinds": ["code"], "carriers": ["documents"]}


def request_of(source, **changes):
    """Two arms that differ in one rule, on text with copies and secrets planted."""
    return {
        "base": {"sources": [str(source)], "held_out": 0.2,
                 "rules": [{"rule": "minimum_length", "characters": 20}, {"rule": "exact_duplicates"}]},
        "tokenizer": {"kind": "bytes", "vocab_size": 257}, "model": {
            "d_model": 16, "n_layers": 1, "n_heads": 2, "context": 64},
        "train": {"steps": 6, "batch_size": 2, "warmup_steps": 2, "precision": "fp32", "kernels": "torch"},
        "seeds": 2, "at_once": 2, "candidates": 16, "arms": [
            {"name": "as planted", "plants": [COPIES, SECRETS], "without": ["exact_duplicates"]},
            {"name": "without copies", "plants": [COPIES, SECRETS]},
        ],
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("text"), random.Random(1)
    for i in range(60):
        (folder / f"{i}.txt").write_text(" ".join(draw.choices(WORDS, k=40)) + f" {i}.\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    """An experiment whose worker was killed when the first twin had ended, and that was then resumed."""
    workspace = Workspace(tmp_path_factory.mktemp("experiment"))
    folder = workspace.create("experiment", "copies", build(ExperimentSpec, request_of(source)))
    worker = launch.launch(folder)
    wait_for(folder, lambda view: any(twin.state == "completed" for twin in view.twins.values()))
    psutil.Process(worker.pid).kill()
    worker.wait()
    assert read_view(folder.root).state == "crashed"
    launch.resume(folder)
    launch.await_attempt(folder, 1)
    finish(folder)
    return folder


def wait_for(folder, condition, timeout_s=300.0):
    deadline = time.monotonic() + timeout_s
    while not condition(view := read_view(folder.root)):
        assert time.monotonic() < deadline and view.state != "failed", view
        time.sleep(0.05)
    return view


def inside(folder: JobFolder) -> Workspace:
    return Workspace(folder.path("workspace"))


def texts(folder: JobFolder, corpus: str) -> list[str]:
    with Documents(inside(folder).path("corpora", corpus)) as documents:
        return [document.text for document in documents]


def test_the_held_out_text_is_clean_and_in_no_arms_training_text(finished):
    held_out = texts(finished, "_held-out")
    assert len(held_out) >= 3 and len(set(held_out)) == len(held_out)
    for arm in ("as-planted", "without-copies"):
        trained = set(texts(finished, arm))
        assert len(trained) > 10 and not trained & set(held_out)
        run = inside(finished).path("runs", f"{arm}-seed-0")
        measured = TokenShard.open(run, "held_out")
        assert len(measured.doc_starts) == len(held_out)
        assert Tokenizer.load(run).decode(measured.tokens.tolist()) == "".join(held_out)


def test_the_arms_differ_in_the_rule_alone(finished):
    planted, cleaned = texts(finished, "as-planted"), texts(finished, "without-copies")
    assert set(planted) == set(cleaned) and len(planted) > len(cleaned) == len(set(cleaned))
    truth = json.loads(finished.path("raw", "as-planted.plants.json").read_text())
    for canary in truth["canaries"]:
        assert "\n".join(planted).count(canary["secret"]) == canary["repetitions"]
        assert "\n".join(cleaned).count(canary["secret"]) == 1


def test_the_table_says_what_the_trainings_came_to(finished):
    table = json.loads(finished.path("table.json").read_text())
    assert table["baseline"] == "as planted" and table["trained_tokens"] == 6 * 2 * 64
    for arm, slug in zip(table["arms"], ("as-planted", "without-copies"), strict=True):
        runs = [read_view(inside(finished).path("runs", f"{slug}-seed-{seed}")).result for seed in (0, 1)]
        assert arm["bits_per_byte"] == [run["last_val_bits_per_byte"] for run in runs]
        assert {run["threads"] for run in runs} == {1} and {run["tokens"] for run in runs} == {table["trained_tokens"]}
    first, second = (arm["bits_per_byte"] for arm in table["arms"])
    differences = [b - a for a, b in zip(first, second, strict=True)]
    assert table["arms"][1]["difference"][0] == pytest.approx(sum(differences) / 2)
    assert [(rate["arm"], rate["repetitions"], rate["asked"]) for rate in table["extraction"]] == [
        ("as planted", 1, 2), ("as planted", 8, 2), ("without copies", 1, 2), ("without copies", 8, 2)]
    assert "| as planted |" in finished.path("table.md").read_text("utf-8")


def test_the_log_tells_how_each_twin_stands(finished):
    view = read_view(finished.root)
    assert {(twin.arm, twin.seed) for twin in view.twins.values()} == {
        (arm, seed) for arm in ("as planted", "without copies") for seed in (0, 1)}
    assert all(twin.state == "completed" and twin.done == 6 and twin.bits_per_byte for twin in view.twins.values())
    assert view.result["findings"] and len(view.notes) >= 3
    assert all((finished.root / twin.folder / "spec.toml").is_file() for twin in view.twins.values())


def test_a_killed_experiment_goes_on_and_does_nothing_twice(finished):
    done = [child for room in ("corpora", "tokenizers", "runs") for child in inside(finished).jobs(room)]
    attempts = [sum(isinstance(r.event, Started) for r in read_events(child.path("events.jsonl"))[0]) for child in done]
    assert len(done) == 9 and set(attempts) == {1}
    assert sum(isinstance(r.event, Started) for r in read_events(finished.path("events.jsonl"))[0]) == 2


def test_a_stop_stops_what_is_at_work_and_begins_nothing_more(finished, tmp_path):
    events, workspace = [], inside(finished)
    control = Control(tmp_path, events.append)
    data = request_of("-")["train"] | {
        "corpus": "as-planted", "tokenizer": "bytes-257", "steps": 20_000, "model": request_of("-")["model"]}

    def watch(child, view):
        if view.phase == "Training" and view.done > 1 and not control.stop_requested:
            request(tmp_path, "stop")

    crew = Crew(workspace, events.append, control, lanes=1, watch=watch)
    with pytest.raises(StopRequested):
        crew.do([Child("train", "first", data), Child("train", "second", data)])
    view = read_view(workspace.path("runs", "first"))
    assert view.state == "stopped" and 0 < view.checkpoints[-1].step < 20_000
    assert not workspace.path("runs", "second").exists()


def test_a_child_that_fails_ends_the_whole_in_its_own_words(finished, tmp_path):
    control = Control(tmp_path, lambda event: None)
    bad = Child("corpus", "nothing", {"sources": [str(tmp_path / "nowhere.txt")]})
    with pytest.raises(LabError, match="no such file"):
        Crew(inside(finished), lambda event: None, control, lanes=2).do([bad])


def test_measuring_on_another_corpus_takes_its_held_out_split_or_all_of_it(source, tmp_path):
    workspace = Workspace(tmp_path)
    spec = CorpusSpec(sources=[str(source)], rules=[])
    parted = launch.start(workspace, "corpus", "parted", msgspec.structs.replace(spec, held_out=0.3))
    whole = launch.start(workspace, "corpus", "whole", msgspec.structs.replace(spec, held_out=0.0))
    finish(parted)
    finish(whole)
    tokenizer = Tokenizer(train(TokenizerSpec(corpus="-", kind="bytes"), [], Counter()))
    with Documents(parted.root) as documents:
        expected = [document.id for document in documents.iter("held_out")]
    for name in ("own", "other", "turned"):
        (tmp_path / name).mkdir()
    own = write_shards(tmp_path / "own", parted.root, tokenizer)
    other = write_shards(tmp_path / "other", whole.root, tokenizer, held_out=parted.root)
    turned = write_shards(tmp_path / "turned", parted.root, tokenizer, held_out=whole.root)
    assert TokenShard.open(tmp_path / "other", "held_out").doc_ids.tolist() == expected
    assert other["held_out_bytes"] == own["held_out_bytes"] and other["train_documents"] == 60
    assert turned["held_out_documents"] == 60 and turned["train_documents"] == own["train_documents"] < 60


@pytest.mark.parametrize(("changes", "word"), [
    ({"arms": [{"name": "alone"}]}, "two arms"),
    ({"arms": [{"name": "a b"}, {"name": "a-b"}]}, "called"),
    ({"arms": [{"name": "a"}, {"name": "b", "without": ["links"]}]}, "no rule called links"),
    ({"arms": [{"name": "a"}, {"name": "b", "shares": {"elsewhere": 1.0}}]}, "cannot take"),
    ({"baseline": "c"}, "no arm called c"),
    ({"train": {"stepps": 3}}, "Did you mean steps"),
])  # fmt: skip
def test_an_experiment_that_cannot_be_is_refused_in_words(source, changes, word):
    with pytest.raises(LabError, match=word):
        build(ExperimentSpec, request_of(source, **changes))


def test_the_command_tells_the_result_and_asked_again_does_nothing_twice(finished):
    command = [sys.executable, "main.py", "experiment", "--spec", str(finished.path("spec.toml")), "--out",
               str(finished.root), "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [arm["name"] for arm in result["arms"]] == ["as planted", "without copies"] and result["findings"]
    assert result["table"] == str(finished.path("table.md")) and read_view(finished.root).attempt == 2
