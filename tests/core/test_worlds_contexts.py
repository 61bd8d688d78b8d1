"""Notes and questions: what is asked stands in the notes, and held-out notes part ways with what is stated."""

from collections import Counter

import pytest

from core.data.documents import Documents
from core.data.worlds.contexts import AGREEING, CONTRADICTED, KNOWN, STRANGER
from core.data.worlds.facts import FactTable
from core.data.worlds.job import make_world
from core.errors import LabError
from core.jobs import launch
from core.record.folder import Workspace
from core.spec.base import build
from core.spec.world import Contexts, WorldSpec
from tests.kill_and_resume import finish


def spec(language="english", size=600, **world):
    return WorldSpec(world=Contexts(known=30, strangers=40, values=40, **world), size=size, language=language,
                     held_out=0.2, seed=7)  # fmt: skip


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_answer_stands_in_the_notes_and_the_document_goes_on_with_it(language):
    world = make_world(spec(language))
    items = [world.row(number) for number in range(world.n_rows)]
    where = Counter()
    for row in range(world.n_documents):
        document = world.document(row)
        item = items[document.line - 1]
        assert document.text.startswith(f"{item.prompt}{item.before}{item.answer}")
        assert document.split == item.split and row in item.documents
        where[item.id] += 1
    assert all(where[item.id] == len(item.documents) for item in items)
    for item in items:
        if item.task != KNOWN:
            notes = item.prompt.removesuffix(item.question)
            assert notes.count(f"{item.question}{item.before}{item.answer}") == 1  # the note that is asked for
            assert item.answer not in item.question and int(item.level) in (1, 2, 3, 4)


def test_only_held_out_notes_contradict_what_is_stated():
    world = make_world(spec())
    items = [world.row(number) for number in range(world.n_rows)]
    known = {item.question: item.answer for item in items if item.task == KNOWN}
    assert len(known) == 30
    for item in items:
        stated = known.get(item.question)
        assert (stated is None) == (item.task == STRANGER)
        assert item.task != AGREEING or item.answer == stated and item.split == "train"
        assert item.task != CONTRADICTED or item.answer != stated and item.split == "held_out"
    tasks = Counter((item.task, item.split) for item in items)
    assert tasks == {(KNOWN, "train"): 30, (STRANGER, "train"): 432, (AGREEING, "train"): 48,
                     (STRANGER, "held_out"): 60, (CONTRADICTED, "held_out"): 60}  # fmt: skip


def test_known_people_are_stated_as_often_as_was_asked():
    world = make_world(spec(counts=[1, 3, 9]))
    counts = Counter(len(world.row(number).documents) for number in range(30))
    assert counts == {1: 10, 3: 10, 9: 10}


def test_held_out_notes_may_be_more_than_those_of_training():
    usual, longer = make_world(spec()), make_world(spec(longest_held_out=9))
    lengths = {}
    for number in range(30, usual.n_rows):
        item = longer.row(number)
        lengths.setdefault(item.split, set()).add(int(item.level))
        assert item.split == "held_out" or item == usual.row(number)
    assert lengths == {"train": {1, 2, 3, 4}, "held_out": set(range(1, 10))}


def test_another_seed_makes_another_world_and_the_same_one_the_same():
    first, again = make_world(spec()), make_world(spec())
    assert [first.document(row) for row in range(50)] == [again.document(row) for row in range(50)]
    other = make_world(WorldSpec(world=spec().world, size=600, held_out=0.2, seed=8))
    assert [other.document(row).text for row in range(50)] != [first.document(row).text for row in range(50)]


def test_a_world_of_notes_is_made_as_a_job(tmp_path):
    workspace = Workspace(tmp_path)
    folder = launch.start(workspace, "world", "notes", build(WorldSpec, {
        "world": {"kind": "contexts", "known": 20, "strangers": 30, "values": 30}, "size": 200}))  # fmt: skip
    finish(folder)
    with FactTable(folder.root) as table, Documents(folder.root) as documents:
        got = table.world["got"]
        assert got["tasks"] == pytest.approx(table.world["asked"]["tasks"]) and len(table) == 220
        assert len(documents) == got["documents"]
        assert {item.task for item in table.items("held_out")} == {STRANGER, CONTRADICTED}


@pytest.mark.parametrize(("world", "said"), [
    ({"shortest": 5, "longest": 3}, "fewest notes"), ({"counts": []}, "counts")])  # fmt: skip
def test_a_world_that_cannot_be_is_refused_in_a_sentence(world, said):
    with pytest.raises(LabError, match=said):
        build(WorldSpec, {"world": {"kind": "contexts"} | world})
