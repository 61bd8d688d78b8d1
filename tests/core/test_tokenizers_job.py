"""The tokenizer job: learns from the training split alone and reports what it measured."""

import json
import time

import pytest

from core.data.documents import Document, Documents, DocumentWriter
from core.errors import LabError
from core.record.control import Control, StopRequested, request
from core.record.events import Noted, Progress
from core.record.folder import Workspace
from core.record.lineage import write_outputs
from core.spec.corpus import CorpusSpec
from core.spec.tokenizer import TokenizerSpec
from core.tokens.job import Learner, run
from core.tokens.tokenizer import Tokenizer


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def write_corpus(workspace, texts, held_out=(), name="c"):
    folder = workspace.create("corpus", name, CorpusSpec(sources=["x"]))
    writer = DocumentWriter(folder.root, "kept")
    for i, (text, split) in enumerate([(t, "train") for t in texts] + [(t, "held_out") for t in held_out]):
        writer.add(Document(id=i, text=text, source="x", line=1, split=split))
    writer.commit()
    write_outputs(folder.root)


def learn(workspace, **spec):
    folder = workspace.create("tokenizer", "t", TokenizerSpec(**{"corpus": "c", "vocab_size": 300, **spec}))
    events = []
    return run(TokenizerSpec(**{"corpus": "c", "vocab_size": 300, **spec}), folder, events.append,
               Control(folder.root, events.append)), folder.root, events  # fmt: skip


def test_it_learns_from_the_training_split_alone(workspace):
    write_corpus(workspace, ["abc abc abc"] * 20, held_out=["xyz xyz xyz"] * 20)
    result, root, events = learn(workspace, kind="characters")
    tokenizer = Tokenizer.load(root)
    assert tokenizer.vocab_size == 2 + len(set("abc ")) == result["vocab_size"]
    assert result["measured_on"] == "held_out" and result["unknown"] == round(9 / 11, 6)
    assert json.loads((root / "report.json").read_text()) | {"elapsed_s": result["elapsed_s"]} == result


def test_bytes_per_token_are_those_of_the_held_out_text(workspace):
    write_corpus(workspace, ["the cat sat on the mat "] * 50, held_out=["the cat é"])
    result, root, _ = learn(workspace)
    n_tokens = len(Tokenizer.load(root).encode("the cat é"))
    assert result["bytes_per_token"] == round(len("the cat é".encode()) / n_tokens, 4)


def test_a_vocabulary_that_the_text_does_not_support_ends_smaller_and_says_so(workspace):
    write_corpus(workspace, ["tiny"])
    result, _, events = learn(workspace, vocab_size=5000)
    assert result["vocab_size"] < 300 and result["measured_on"] == "train"
    assert [e.values for e in events if isinstance(e, Noted)] == [{"found": result["vocab_size"], "asked": 5000}]
    assert any(isinstance(e, Progress) for e in events)


@pytest.mark.parametrize("texts, held_out", [([], []), ([], ["only held out"])])
def test_a_corpus_with_nothing_to_learn_from_is_told_in_one_sentence(workspace, texts, held_out):
    write_corpus(workspace, texts, held_out)
    with pytest.raises(LabError, match="no text to learn from"):
        learn(workspace)


def test_a_sample_is_spread_over_the_whole_corpus(workspace):
    write_corpus(workspace, [f"{i:04d} " + "x" * 95 for i in range(400)])
    documents = Documents(workspace.path("corpora", "c"))
    numbers = [int(t[:4]) for t in Learner(TokenizerSpec(corpus="c", sample_bytes=4096), documents).texts()]
    assert numbers[0] == 0 and numbers[-1] > 350 and sum(100 for _ in numbers) <= 4200


def test_a_stop_is_heard_within_a_second_while_the_library_learns(workspace):
    write_corpus(workspace, [f"{i * 2654435761 % 10**9:x} " * 40 for i in range(3000)])
    folder = workspace.create("tokenizer", "t", TokenizerSpec(corpus="c"))
    asked = []

    def emit(event):
        if isinstance(event, Progress) and not asked:
            asked.append(time.perf_counter())
            request(folder.root, "stop")

    with pytest.raises(StopRequested):
        run(TokenizerSpec(corpus="c", vocab_size=20_000), folder, emit, Control(folder.root, emit))
    assert time.perf_counter() - asked[0] < 1.0 and not (folder.root / "tokenizer.json").exists()
