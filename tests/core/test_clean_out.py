"""``clean --input FILE --split HOW --out DIR``: a corpus in a folder of its own."""

import json

import pytest

from core.cli.entry import run
from core.cli.place import claim
from core.data.documents import Documents
from core.record.folder import JobFolder, Workspace
from core.record.lineage import identity
from core.record.log import read_events
from core.spec.corpus import CorpusSpec
from core.spec.filters import ClassifierSpec
from core.spec.rules.classifier import QualityClassifier

TEXT = "The quick brown fox jumps over the lazy dog, again and again, until the evening comes. "


@pytest.fixture
def clean(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("\n\n".join(f"Document {i}. {TEXT}" for i in range(5)) + "\n\nshort")
    monkeypatch.chdir(tmp_path)  # a path is meant from where it is typed

    def call(*more, out="corpus"):
        arguments = ["clean", "--input", "a.txt", "--split", "blank-line", "--out", out, "--workspace", "w", "--json"]
        status = run([*arguments, *more], lambda *_a, **_k: 1)
        said = capsys.readouterr()
        return status, json.loads(said.out) if status == 0 else said.err
    return call


def test_the_folder_itself_becomes_the_corpus(tmp_path, clean):
    status, result = clean()
    assert status == 0 and (result["documents_read"], result["documents_kept"]) == (6, 5)
    assert result["rejected"] == {"minimum_length": 1} and result["folder"] == str(tmp_path / "corpus")
    names = {path.name for path in (tmp_path / "corpus").iterdir()}
    assert {"spec.toml", "events.jsonl", "kept.jsonl", "rejected.jsonl", "report.json"} <= names
    assert [d.line for d in Documents(tmp_path / "corpus")] == [1, 3, 5, 7, 9]
    (short,) = Documents(tmp_path / "corpus", "rejected")
    assert (short.rule, short.measure, short.value, short.limit) == ("minimum_length", "characters", 5, 64)
    assert not (tmp_path / "w/corpora").exists()


def test_the_same_request_again_answers_what_stands_there(tmp_path, clean):
    first = clean()[1]
    before = read_events(tmp_path / "corpus/events.jsonl")[0]
    assert clean() == (0, first)
    assert read_events(tmp_path / "corpus/events.jsonl")[0] == before


def test_the_same_request_takes_an_interrupted_one_up(tmp_path, clean):
    first = clean()[1]
    for name in ("outputs.json", "report.json", "kept.idx"):
        (tmp_path / "corpus" / name).unlink()
    log = tmp_path / "corpus/events.jsonl"
    log.write_bytes(b"".join(line for line in log.read_bytes().splitlines(True) if b'"completed"' not in line))
    status, again = clean()
    assert status == 0 and again | {"elapsed_s": 0} == first | {"elapsed_s": 0}
    assert len(Documents(tmp_path / "corpus")) == 5


@pytest.mark.parametrize("more, sentence", [
    (["--held-out", "0.2"], "result of another request"), (["--preset", "gopher"], "result of another request")])
def test_another_request_is_refused_and_nothing_is_touched(tmp_path, clean, more, sentence):
    clean()
    before = {path.name: path.read_bytes() for path in (tmp_path / "corpus").iterdir() if path.is_file()}
    status, said = clean(*more)
    assert status == 2 and sentence in said and len(said.splitlines()) == 1
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "corpus").iterdir() if path.is_file()}


def test_a_folder_that_holds_something_else_is_refused(tmp_path, clean):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    status, said = clean(out="mine")
    assert status == 2 and "holds something else" in said and len(said.splitlines()) == 1
    status, said = clean(out="a.txt")
    assert status == 2 and "This is a file" in said


def test_a_wrong_split_is_one_sentence(clean):
    status, said = clean("--split", "words:5")
    assert status == 2 and "chars:3000" in said and len(said.splitlines()) == 1


def test_files_that_rules_name_are_meant_from_where_they_are_typed_too(tmp_path, clean):
    (tmp_path / "words.txt").write_text("fox\n")
    status, result = clean("--set", 'rules=[{rule="word_list", file="words.txt", per_thousand=0}]')
    assert status == 0 and result["rejected"] == {"word_list": 5}
    (rule,) = JobFolder(tmp_path / "corpus").request["spec"]["rules"]
    assert rule["file"] == str(tmp_path / "words.txt")


def test_an_empty_input_is_refused_and_the_folder_one_stands_in_is_not_read(tmp_path, clean):
    status, said = clean("--input", "")
    assert status == 2 and said.splitlines()[-1].startswith("sources: A source is empty.")


def test_a_place_where_no_folder_can_be_is_one_sentence(clean):
    status, said = clean(out="a.txt/corpus")
    assert status == 2 and "cannot be made" in said and len(said.splitlines()) == 1


def test_a_folder_outside_the_workspace_knows_the_filters_it_builds_on_and_holds_them_to_their_hash(tmp_path, clean):
    asked = 'rules=[{rule="quality_classifier", filter="mine"}]'
    status, said = clean("--set", asked)
    assert status == 2 and "mine" in said and not (tmp_path / "corpus").exists()
    workspace = Workspace(tmp_path / "w")
    trained = workspace.create("classifier", "mine", ClassifierSpec(good_files=["a"], candidate_files=["b"]))
    trained.path("outputs.json").write_text("{}")
    folder = claim(tmp_path / "corpus", workspace, "corpus", CorpusSpec(
        sources=["a.txt"], rules=[QualityClassifier(filter="mine")]))
    assert folder.workspace.root == workspace.root
    assert folder.request["inputs"]["rules.0.filter"] == {
        "folder": "filters/mine", "part": "", "sha256": identity(trained.root)}
