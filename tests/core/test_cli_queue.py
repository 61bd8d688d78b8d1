"""The verbs queue and sweep as a person or a script meets them."""

import json

import pytest

from core.cli.entry import run
from core.cli.queue import _with_axes
from core.record.folder import Workspace
from core.record.tickets import read_limits, read_tickets
from core.record.view import read_view


@pytest.fixture
def lab(tmp_path, capsys):
    """Runs a command on a workspace whose queue is paused; gives its exit status, its JSON or what it said."""
    def command(*words: str):
        status = run([*words, "--workspace", str(tmp_path)], open_window=None)
        said = capsys.readouterr()
        return (json.loads(said.out) if "--json" in words and status == 0 else said.out + said.err), status

    command("queue", "pause")
    return command


def test_jobs_are_queued_listed_moved_held_and_removed(lab, tmp_path):
    for name in ("one", "two", "three"):
        told, status = lab("world", "--world", "biographies", "--size", "5", "--name", name, "--queue", "--json")
        assert status == 0 and told["cores"] == 1 and told["name"] == name
    names = lambda told: [job["folder"].removeprefix("corpora/") for job in told["jobs"]]  # noqa: E731
    assert names(lab("queue", "--json")[0]) == ["one", "two", "three"]
    assert names(lab("queue", "move", "three", "first", "--json")[0]) == ["three", "one", "two"]
    assert names(lab("queue", "move", "three", "2", "--json")[0]) == ["one", "three", "two"]
    assert names(lab("queue", "remove", "one", "--json")[0]) == ["three", "two"]
    assert read_view(tmp_path / "corpora" / "one").state == "stopped"
    assert names(lab("queue", "add", "one", "--json")[0]) == ["three", "two", "one"]
    lab("queue", "hold", "two")
    assert [ticket.held for ticket in read_tickets(tmp_path)] == [False, True, False]
    said, status = lab("queue")
    assert status == 0 and said.splitlines()[0].startswith("paused; at most") and "held" in said.splitlines()[2]


def test_limits_are_set_one_by_one_and_zero_is_the_usual(lab, tmp_path):
    told, _ = lab("queue", "limits", "--cores", "1", "--memory-gb", "2.5", "--json")
    assert (told["cores"], told["memory_bytes"], told["paused"]) == (1, 2_500_000_000, True)
    lab("queue", "limits", "--cores", "0")
    assert read_limits(tmp_path).cores == 0 and read_limits(tmp_path).memory_bytes == 2_500_000_000
    lab("queue", "resume")
    assert not read_limits(tmp_path).paused


@pytest.mark.parametrize(("words", "sentence"), [
    (["queue", "add", "nobody"], "There is no job called nobody"),
    (["queue", "limits", "--cores", "-1"], "A limit is 0 or more"),
    (["sweep", "--axis", "learning_rat=1,2"], "Did you mean learning_rate"),
    (["sweep", "--axis", "learning_rate"], "is not FIELD=VALUES"),
    (["sweep", "nowhere.toml"], "There is no such file"),
    (["sweep", "--axis", "optimizer=adamw,adagrad", "--base.corpus", "c", "--base.tokenizer", "t"], "adamw, adafactor"),
    (["sweep", "--axis", "clip=1,2", "--base.corpus", "absent", "--base.tokenizer", "t", "--detach"],
     "There is no absent among the corpora"),
])  # fmt: skip
def test_a_wrong_request_costs_one_sentence_and_status_2(lab, words, sentence):
    said, status = lab(*words)
    assert status == 2 and sentence in said and len(said.splitlines()) == 1


def test_a_job_that_is_not_in_the_queue_cannot_be_moved_there(lab):
    lab("world", "--world", "biographies", "--size", "5", "--name", "one", "--queue")
    lab("queue", "remove", "one")
    said, status = lab("queue", "move", "one", "first")
    assert status == 2 and "not in the queue" in said


def test_axes_of_the_command_line_and_of_a_file_are_the_same(tmp_path):
    from core.cli.entry import parser
    from core.cli.options import read_spec

    file = tmp_path / "sweep.toml"
    file.write_text("""
kind = "grid"
seeds = 2
[base]
corpus = "c"
tokenizer = "t"
[[axes]]
field = "learning_rate"
low = 1e-4
high = 1e-2
scale = "log"
[[axes]]
field = "optimizer"
values = ["adamw", "muon"]
""", "utf-8")
    written = parser().parse_args([
        "sweep", "--axis", "learning-rate=1e-4 .. 1e-2 log", "--axis", "optimizer=adamw, muon", "--seeds", "2",
        "--base.corpus", "c", "--base.tokenizer", "t"])
    kept = parser().parse_args(["sweep", "--spec", str(file)])
    assert read_spec(_with_axes(written)) == read_spec(_with_axes(kept))


def test_a_sweep_of_an_absent_corpus_makes_no_folder(lab, tmp_path):
    _, status = lab("sweep", "--axis", "clip=1,2", "--base.corpus", "c", "--base.tokenizer", "t", "--detach")
    assert status == 2 and not Workspace(tmp_path).jobs("sweeps")
