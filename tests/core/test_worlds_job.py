"""The world job: a normal corpus folder, a table beside it, and questions that a model can go on from."""

import json

import pytest

from core.data.documents import Documents
from core.data.worlds.facts import Fact, FactTable, Item
from core.data.worlds.job import run
from core.errors import LabError
from core.record.control import Control, StopRequested, request
from core.record.events import Noted
from core.record.folder import Workspace
from core.spec.tokenizer import TokenizerSpec
from core.spec.world import Arithmetic, Biographies, Symbolic, WorldSpec
from core.tokens.kinds import train
from core.tokens.tokenizer import Tokenizer

SMALL = Biographies(relations=["birth_place", "work_place", "birth_date", "spouse"], counts=[1, 2, 4], values=20)


def make(tmp_path, name="w", **spec):
    """Run the job; the result, the folder, the events."""
    spec = WorldSpec(**{"world": SMALL, "size": 40, **spec})
    folder = Workspace(tmp_path).create("world", name, spec)
    events = []
    return run(spec, folder, events.append, Control(folder.root, events.append)), folder.root, events


def test_a_world_is_a_corpus_with_a_table_beside_it(tmp_path):
    result, root, _ = make(tmp_path)
    documents, table = Documents(root), FactTable(root)
    assert result["documents_kept"] == len(documents) and result["facts"] == len(table) == 160
    assert result["held_out"] == sum(d.split == "held_out" for d in documents) > 0
    assert result["bytes_kept"] == sum(len(d.text.encode()) for d in documents)
    assert len(Documents(root, "rejected")) == 0
    assert [d.id for d in documents] == list(range(len(documents)))
    assert json.loads((root / "report.json").read_text()).items() <= result.items()
    for document in documents:
        fact = table.of_document(document)
        assert fact.subject in document.text
        assert document.id in fact.documents + fact.held_out


def test_the_report_of_a_world_counts_what_its_table_holds(tmp_path):
    _, root, _ = make(tmp_path, repeat_share=0.1)
    with FactTable(root) as table:
        world = table.world
        for stratum, share in world["got"]["strata"].items():
            facts = list(table.facts(stratum))
            assert share == len(facts) / len(table) == pytest.approx(world["asked"]["strata"][stratum], abs=0.01)
            assert world["got"]["facts"][stratum] == len(facts)
            counts = world["got"]["documents_of_a_fact"][stratum]
            assert counts == {str(n): sum(len(f.documents) == n for f in facts)
                              for n in sorted({len(f.documents) for f in facts})}  # fmt: skip
        assert world["spec"]["size"] == 40 and world["got"]["repeated"] == pytest.approx(0.1, abs=0.002)
        assert isinstance(table[0], Fact) and table[-1].id == 159
        with pytest.raises(IndexError):
            table[160]


def test_a_table_of_tasks_is_read_by_split_and_task(tmp_path):
    _, root, events = make(tmp_path, world=Symbolic(tasks=["parity", "coin_flip"], longest=3), size=500, held_out=0.2)
    table = FactTable(root)
    held_out, trained = list(table.items("held_out")), list(table.items("train"))
    assert len(held_out) == 100 and len(trained) == 400
    assert {item.task for item in table.items(task="parity")} == {"parity"}
    assert not list(table.facts()) and isinstance(table[3], Item)
    assert table.world["got"]["tasks"]["coin_flip"] == pytest.approx(1 - 12 / 500)


def test_too_few_tasks_of_the_lengths_asked_for_are_told(tmp_path):
    result, _, events = make(tmp_path, world=Arithmetic(digits=1, operations=["add"]), size=5000)
    assert result["facts"] == 100
    assert [e.values for e in events if isinstance(e, Noted)] == [{"count": 100, "asked": 5000}]


def test_the_same_request_gives_the_same_bytes(tmp_path):
    roots = [make(tmp_path, name)[1] for name in "ab"]
    for name in ("kept.jsonl", "kept.idx", "facts.jsonl", "facts.idx", "world.json", "report.json", "rejected.idx"):
        assert (roots[0] / name).read_bytes() == (roots[1] / name).read_bytes()
    assert (make(tmp_path, "c", seed=9)[1] / "kept.jsonl").read_bytes() != (roots[0] / "kept.jsonl").read_bytes()


def test_a_stopped_world_leaves_no_half_file(tmp_path):
    spec = WorldSpec(world=SMALL, size=40)
    folder = Workspace(tmp_path).create("world", "w", spec)
    request(folder.root, "stop")
    with pytest.raises(StopRequested):
        run(spec, folder, lambda _: None, Control(folder.root, lambda _: None))
    assert {path.name for path in folder.root.iterdir()} == {"spec.toml", "control"}
    with pytest.raises(LabError, match="no finished world"):
        FactTable(folder.root)


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "bytes", "characters"])
@pytest.mark.parametrize("language", ["english", "chinese"])
def test_a_question_is_a_prefix_of_its_document_in_tokens_too(tmp_path, kind, language):
    _, root, _ = make(tmp_path, language=language, size=25)
    documents = Documents(root)
    tokenizer = learn(kind, documents)
    for fact in FactTable(root).facts("true_stated", "false_stated", "conflicting"):
        for row in fact.documents:
            check_prefix(tokenizer, documents[row].text, [
                question for question in fact.questions if documents[row].text.startswith(question)])


@pytest.mark.parametrize("kind", ["bpe", "bytes"])
@pytest.mark.parametrize("language", ["english", "chinese"])
@pytest.mark.parametrize("world", [Arithmetic(digits=2), Arithmetic(steps=True), Symbolic(longest=4)],
                         ids=["plain", "steps", "symbolic"])  # fmt: skip
def test_a_prompt_is_a_prefix_of_its_document_in_tokens_too(tmp_path, kind, language, world):
    _, root, _ = make(tmp_path, world=world, language=language, size=200)
    documents = Documents(root)
    tokenizer = learn(kind, documents)
    for item in FactTable(root).items():
        check_prefix(tokenizer, documents[item.documents[0]].text, [item.prompt])


def learn(kind, documents):
    from collections import Counter

    texts = [document.text for document in documents]
    spec = TokenizerSpec(corpus="w", kind=kind, vocab_size=600)
    return Tokenizer(train(spec, texts, Counter("".join(texts))))


def check_prefix(tokenizer, text, prompts):
    whole = tokenizer.encode(text)
    assert len(prompts) == 1
    asked = tokenizer.encode(prompts[0])
    assert len(asked) < len(whole) and whole[: len(asked)] == asked, prompts
