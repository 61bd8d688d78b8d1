"""The biography world: its labels are what a reader of the documents alone would find."""

import itertools
import re
from collections import Counter, defaultdict

import pytest

from core.data.worlds.biographies import BiographyWorld
from core.data.worlds.facts import STRATA
from core.data.worlds.names import KINDS, Names
from core.data.worlds.strata import frequencies
from core.data.worlds.wordings import MEETINGS, RELATIONS, WORDINGS
from core.errors import LabError
from core.spec.world import Biographies, WorldSpec

LANGUAGES = ("english", "chinese")
ALL = ["birth_place", "work_place", "birth_date", "employer", "university", "mentor", "spouse", "sibling"]
STRATA_SHARES = {"false_stated": 0.13, "conflicting": 0.17, "accidental": 0.11, "never_stated": 0.09}


def make(language="english", style="statements", size=50, seed=3, **more):
    outer = {key: more.pop(key) for key in ("held_out", "repeat_share", "repeat_times") if key in more}
    world = Biographies(**{"relations": ALL, "style": style, "values": 30, "counts": [1, 2, 5, 9],
                           "conflicting_values": 3, **STRATA_SHARES, **more})  # fmt: skip
    return BiographyWorld(WorldSpec(world=world, language=language, size=size, seed=seed, **outer))


class Reader:
    """Reads documents with nothing but the wordings and the lists of names, and counts what they say."""

    def __init__(self, documents, facts, language):
        self.language = language
        self.kind_of = {relation.name: relation.kind for relation in RELATIONS.values()}
        subjects = {fact.subject for fact in facts}
        self.subject = re.compile("|".join(map(self._whole, sorted(subjects))))
        values = defaultdict(set)
        for fact in facts:
            values[self.kind_of[fact.relation]] |= {fact.value, *(s.value for s in fact.stated),
                                                    *(m.value for m in fact.met)}  # fmt: skip
        self.values = {kind: re.compile("|".join(map(self._whole, sorted(found)))) for kind, found in values.items()}
        self.leads = [(name, number, re.compile(self._lead(wording))) for name, relation in RELATIONS.items()
                      for number, wording in enumerate(relation.wordings(language))]  # fmt: skip
        self.stated, self.rows = defaultdict(Counter), defaultdict(set)
        self.wordings, self.met, self.subject_rows = defaultdict(set), defaultdict(Counter), defaultdict(set)
        for document in documents:
            self._read(document)

    def _whole(self, name):
        return rf"\b{re.escape(name)}\b" if self.language == "english" else re.escape(name)

    def _lead(self, wording):
        before, after = map(re.escape, wording.lead.split("{s}"))
        start = r"(?:^|(?<=\. ))" if self.language == "english" else r"(?:^|(?<=。))"
        value = r"([^.]+)\." if self.language == "english" else r"([^。」]+)」?。"
        name = r"(\w+ \w+)" if self.language == "english" else r"(\w{3})"
        return start + before + name + after + re.escape(wording.before) + value

    def _read(self, document):
        said = set()
        for relation, number, lead in self.leads:
            for subject, value in lead.findall(document.text):
                said.add((subject, relation, value))
                self.stated[subject, relation][value] += 1
                self.rows[subject, relation].add(document.id)
                self.wordings[subject, relation, value].add(number)
        for subject in set(self.subject.findall(document.text)):
            self.subject_rows[subject].add(document.id)
            for relation, kind in self.kind_of.items():
                for value in set(self.values[kind].findall(document.text)) if kind in self.values else ():
                    if (subject, relation, value) not in said:
                        self.met[subject, relation][value] += 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["statements", "lives"])
@pytest.mark.parametrize("repeat_share", [0.0, 0.2])
def test_a_reader_of_the_documents_finds_what_the_table_says(language, style, repeat_share):
    world = make(language, style, repeat_share=repeat_share, repeat_times=3)
    documents = [world.document(row) for row in range(world.n_documents)]
    facts = [world.row(row) for row in range(world.n_rows)]
    reader = Reader([d for d in documents if d.split == "train"], facts, language)
    assert sum(map(len, reader.rows.values())) > 500
    for fact in facts:
        key = fact.subject, fact.relation
        assert reader.stated[key] == {s.value: s.count for s in fact.stated}
        assert reader.met[key] == {m.value: m.count for m in fact.met}
        assert all(reader.wordings[(*key, s.value)] == set(s.wordings) for s in fact.stated)
        assert len(reader.subject_rows[fact.subject]) == fact.subject_documents
        if fact.stated:
            assert sorted(reader.rows[key]) == fact.documents
        for row in fact.documents:
            assert fact.subject in documents[row].text and documents[row].split == "train"
        check_stratum(fact, reader, documents)


def check_stratum(fact, reader, documents):
    said = reader.stated[fact.subject, fact.relation]
    texts = [documents[row].text for row in reader.subject_rows[fact.subject]]
    truth_is_near = any(fact.value in text for text in texts)
    expected = {
        "true_stated": set(said) == {fact.value},
        "false_stated": said and fact.value not in said and len(said) == 1 and not truth_is_near,
        "conflicting": fact.value in said and len(said) > 1,
        "accidental": not said and fact.met and fact.documents and not truth_is_near,
        "never_stated": not said and not fact.documents and not truth_is_near,
    }
    assert expected[fact.stratum]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["statements", "lives"])
def test_held_out_documents_say_known_facts_in_a_wording_that_training_never_uses_for_them(language, style):
    world = make(language, style, held_out=0.2)
    documents = [world.document(row) for row in range(world.n_documents)]
    trained = {d.text for d in documents if d.split == "train"}
    named = 0
    for fact in (world.row(row) for row in range(world.n_rows)):
        assert all(fact.unseen_wording not in stated.wordings for stated in fact.stated)
        for row in fact.held_out:
            named += 1
            question = fact.questions[fact.unseen_wording]
            assert documents[row].split == "held_out" and fact.stratum == "true_stated"
            assert f"{question}{fact.before}{fact.value}" in documents[row].text
            assert not any(question in text for text in trained)
    held_out = [d for d in documents if d.split == "held_out"]
    assert named >= len(held_out) == world.n_held > 0
    assert not {d.text for d in held_out} & trained


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_ends_right_before_its_value(language):
    world = make(language)
    for fact in (world.row(row) for row in range(world.n_rows)):
        assert len(fact.questions) == WORDINGS and all(q == q.strip() for q in fact.questions)
        for stated in fact.stated:
            starts = {f"{fact.questions[i]}{fact.before}{stated.value}" for i in stated.wordings}
            texts = [world.document(row).text for row in fact.documents]
            assert starts == {start for start in starts if any(text.startswith(start) for text in texts)}
            assert sum(text.startswith(tuple(starts)) for text in texts) == stated.count


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wording_up_to_its_value_begins_another_one(language):
    leads = [lead.replace("{s}", "X") for relation in RELATIONS.values() for lead in getattr(relation, language)]
    leads += [meeting.replace("{s}", "X").split("{v}")[0] for meeting in MEETINGS[language]]
    assert len(leads) == len(RELATIONS) * WORDINGS + len(MEETINGS[language])
    assert not [(a, b) for a, b in itertools.permutations(leads, 2) if b.startswith(a)]
    names = Names(language, 0, 400)
    people = [names.name("person", i) for i in range(40)]
    asked = sorted(lead.replace("X", person) for lead in leads for person in people)
    assert not [(a, b) for a, b in itertools.pairwise(asked) if b.startswith(a)]  # sorted: a prefix stands right before


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_part_of_another(language):
    names = Names(language, 5, 600)
    found = [names.name(kind, i) for kind in KINDS for i in range(250)]
    assert len(set(found)) == len(found)
    ordered = sorted(found)
    assert not [(a, b) for a, b in itertools.pairwise(ordered) if b.startswith(a)]
    if language == "english":
        words = {kind: {word for i in range(250) for word in names.name(kind, i).split()} for kind in KINDS}
        assert not [pair for pair in itertools.combinations(KINDS, 2) if words[pair[0]] & words[pair[1]]]
    else:
        assert not [(a, b) for a in found for b in found if a != b and a in b]


@pytest.mark.parametrize("size", [7, 50, 123])
def test_strata_and_counts_come_in_exactly_the_shares_asked_for(size):
    world = make(size=size, held_out=0.0)
    facts = [world.row(row) for row in range(world.n_rows)]
    n, got = size * len(ALL), Counter(fact.stratum for fact in facts)
    for stratum in STRATA:
        assert abs(got[stratum] - n * STRATA_SHARES.get(stratum, 1 - sum(STRATA_SHARES.values()))) < 1
    times = Counter(len(fact.documents) for fact in facts if fact.stratum == "true_stated")
    assert set(times) <= {1, 2, 5, 9} and max(times.values()) - min(times.values()) <= 1
    for fact in facts:
        if fact.stratum == "conflicting":
            assert len(fact.stated) == min(3, len(fact.documents)) >= 2
    sharing = [fact for fact in facts if RELATIONS[fact.relation].kind in ("city", "person")]
    assert sum(fact.shared_value for fact in facts) == round(0.5 * len(sharing))


def test_a_shared_value_is_one_that_several_relations_take():
    world = make(size=200, shared_values=0.4, **dict.fromkeys(STRATA_SHARES, 0.0))
    of_value = defaultdict(set)
    facts = [world.row(row) for row in range(world.n_rows)]
    for fact in facts:
        of_value[fact.value].add(fact.relation)
    for fact in facts:
        assert fact.shared_value or of_value[fact.value] == {fact.relation}
    shared = {fact.value for fact in facts if fact.shared_value}
    assert sum(len(of_value[value]) > 1 for value in shared) / len(shared) > 0.9


def test_a_person_has_no_value_twice():
    world = make(size=80)
    for person in range(80):
        facts = [world.row(person * len(ALL) + place) for place in range(len(ALL))]
        values = [v for f in facts for v in {f.value, *(s.value for s in f.stated)}]
        assert len(values) == len(set(values))


def test_the_share_of_facts_stated_once_is_as_asked():
    world = make(size=100, law="monofacts", stated_once=0.37, counts=[2, 4], **dict.fromkeys(STRATA_SHARES, 0.0))
    once = sum(len(world.row(row).documents) == 1 for row in range(world.n_rows))
    assert once == round(0.37 * world.n_rows)


def test_zipf_counts_fall_as_a_power():
    law = frequencies(Biographies(law="zipf", zipf_exponent=2.0, zipf_most=50))
    assert law[1] / law[2] == pytest.approx(4) and law[3] / law[6] == pytest.approx(4) and max(law) == 50


def test_a_falsehood_may_be_stated_less_often_than_a_truth():
    world = make(size=100, false_most=2)
    said = defaultdict(Counter)
    for fact in map(world.row, range(world.n_rows)):
        said[fact.stratum][sum(stated.count for stated in fact.stated)] += 1
    assert set(said["false_stated"]) == {1, 2} and set(said["true_stated"]) == {1, 2, 5, 9}
    assert abs(said["false_stated"][1] - said["false_stated"][2]) <= 1


def test_a_share_of_the_documents_stands_there_several_times():
    plain, repeated = make(size=40), make(size=40, repeat_share=0.25, repeat_times=4)
    def texts(world):
        return Counter(d.text for d in map(world.document, range(world.n_documents)) if d.split == "train")
    before, after = texts(plain), texts(repeated)
    assert set(before) == set(after)
    n = before.total()
    assert after.total() == n + 3 * round(0.25 * n)


def test_the_same_seed_makes_the_same_world_and_another_seed_another():
    worlds = [make(seed=seed, repeat_share=0.1) for seed in (1, 1, 2)]
    first, again, other = ([w.document(i) for i in range(200)] + [w.row(i) for i in range(50)] for w in worlds)
    assert first == again
    assert not {d.text for d in first[:200]} & {d.text for d in other[:200]}


@pytest.mark.parametrize("wrong", [
    {"false_stated": 0.6, "conflicting": 0.6}, {"relations": []}, {"relations": ["spouse", "spouse"]},
    {"counts": [0, 1]}, {"counts": []}, {"counts": [1, 2], "count_shares": [1.0]},
])  # fmt: skip
def test_a_world_that_cannot_be_is_refused_in_words(wrong):
    with pytest.raises(LabError) as caught:
        Biographies(**wrong)
    assert caught.value.remedy


def test_a_world_in_which_nothing_is_stated_is_refused():
    with pytest.raises(LabError, match="Nothing would ever be stated"):
        make(false_stated=0.0, conflicting=0.0, accidental=0.0, never_stated=1.0)
