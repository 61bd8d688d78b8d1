"""The index job, from a run's folder to an index that the Glass room finds and opens."""

import json
import shutil

import numpy as np
import pytest

from core.data.documents import Document, DocumentWriter
from core.errors import LabError
from core.glass import index_job
from core.glass.attribution import Tracer
from core.glass.document_ranking import DocumentRanking
from core.glass.suffix_array import META, SuffixArray
from core.glass.training_text import training_documents
from core.record.control import Control, StopRequested
from core.record.events import Noted, Phase
from core.record.folder import Workspace
from core.record.lineage import identity, write_outputs
from core.spec.export import IndexSpec
from core.spec.files import write_toml

TOKENS = np.array([0, 1, 2, 3, 0, 2, 3], "<u2")


@pytest.fixture
def workspace(tmp_path):
    """A workspace with the training tokens of one run, as training leaves them."""
    tokens = tmp_path / "runs" / "small" / "tokens"
    tokens.mkdir(parents=True)
    TOKENS.tofile(tokens / "train.bin")
    np.array([[0, 0], [4, 1]], "<u8").tofile(tokens / "train.docs")
    (tokens / "meta.json").write_text(json.dumps({"dtype": "<u2", "train_tokens": len(TOKENS)}))
    write_toml(tokens.parent / "spec.toml", {"kind": "train", "spec": {"corpus": "texts"}})
    write_outputs(tokens.parent)
    return Workspace(tmp_path)


def build_index(workspace, name="small"):
    folder, events = workspace.create("index", name, IndexSpec(run="small")), []
    result = index_job.run(IndexSpec(run="small"), folder, events.append, Control(folder.root, events.append))
    return folder, events, result


def test_a_run_is_indexed_and_its_index_is_found(workspace):
    assert index_job.attribution_index(workspace, "small") is None
    folder, events, result = build_index(workspace)
    assert result["tokens"] == len(TOKENS)
    files = [*folder.root.glob("*.bin"), folder.path(META)]
    assert result["bytes"] == sum(path.stat().st_size for path in files)
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases == ["Reading the training tokens", "Sorting the training text"]
    assert any("not ranked" in event.text for event in events if isinstance(event, Noted))  # there is no corpus
    found = index_job.attribution_index(workspace, "small")
    assert found == folder.root
    assert SuffixArray(TOKENS, found).count([2, 3]) == 2


def test_the_newest_finished_index_is_taken_and_others_are_left_alone(workspace):
    build_index(workspace)
    newer, _, _ = build_index(workspace, "small-2")
    workspace.create("index", "small-3", IndexSpec(run="small"))  # begun, never finished
    assert index_job.attribution_index(workspace, "small") == newer.root
    assert index_job.attribution_index(workspace, "another") is None


def test_a_stopped_job_leaves_no_index(workspace):
    folder = workspace.create("index", "small", IndexSpec(run="small"))
    control = Control(folder.root, lambda event: None)
    control.stop_requested = True
    with pytest.raises(StopRequested):
        index_job.run(IndexSpec(run="small"), folder, lambda event: None, control)
    assert index_job.attribution_index(workspace, "small") is None


def test_asking_where_words_come_from_without_an_index_says_what_to_do(workspace):
    with pytest.raises(LabError, match="Build its index first"):
        Tracer.open(workspace, "small")


def test_an_index_ranks_the_documents_of_the_corpus_by_their_words(workspace):
    corpus = workspace.path("corpora", "texts")
    corpus.mkdir(parents=True)
    writer = DocumentWriter(corpus, "kept")
    for row, text in enumerate(["the red lamp", "snow on the harbour"]):
        writer.add(Document(id=row, text=text, source="a.txt", line=1 + row))
    writer.commit()
    folder, events, result = build_index(workspace)
    assert [row for row, _ in DocumentRanking.open(folder.root).closest("a harbour", 5)] == [1]
    assert result["bytes"] == sum(path.stat().st_size for path in [*folder.root.rglob("*")]
                                  if path.is_file() and path.name != "spec.toml")  # fmt: skip


@pytest.mark.parametrize(("change", "told"), [
    (lambda corpus: write_toml(corpus / "other.toml", {"changed": 1}), "has changed since small was trained"),
    (shutil.rmtree, "is gone"),
])
def test_a_corpus_that_is_not_the_one_trained_on_is_told_in_one_sentence(workspace, change, told):
    corpus = workspace.path("corpora", "texts")
    corpus.mkdir(parents=True)
    writer = DocumentWriter(corpus, "kept")
    writer.add(Document(id=0, text="the red lamp", source="a.txt", line=1))
    writer.commit()
    write_outputs(corpus)
    run = workspace.folder("runs", "small")
    request = run.request | {"inputs": {"corpus": {"folder": "corpora/texts", "part": "", "sha256": identity(corpus)}}}
    write_toml(run.path("spec.toml"), request)
    assert len(training_documents(workspace, run)) == 1
    change(corpus)
    if corpus.is_dir():
        write_outputs(corpus)
    with pytest.raises(LabError, match=told):
        training_documents(workspace, run)
