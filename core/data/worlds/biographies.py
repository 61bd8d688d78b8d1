"""The biography world: documents that state facts of invented people, and the table of those facts.

Documents lie in one shuffled order; where a mention went, and what a document holds, are both
reckoned from numbers, so that neither list is ever in memory: 8 bytes a fact (or a person, where
documents are lives) are.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from core.data.documents import Document
from core.data.worlds.facts import SOURCE, Fact, Met, Stated
from core.data.worlds.layout import Layout
from core.data.worlds.numbers import Shuffle, draw
from core.data.worlds.strata import Person, Truth
from core.data.worlds.wordings import MEETINGS, WORDINGS
from core.errors import LabError
from core.spec.world import WorldSpec

LIVES_IN_MEMORY = 4096
_WORDING, _ROUND, _SENTENCES, _HELD = range(11, 15)


class Mention(NamedTuple):
    """One place in the text where a fact is stated, or its subject meets a wrong value."""

    base: int  # which training document, before copies and shuffling
    value: str
    wording: int  # of the relation, or of the meetings


class Placed(NamedTuple):
    """A mention, and the rows of the corpus where it stands: the document's and its copies'."""

    mention: Mention
    rows: list[int]


class BiographyWorld:
    """Any document and any fact of the world by number (see the module)."""

    def __init__(self, spec: WorldSpec) -> None:
        self.spec, self.seed, self.truth = spec, spec.seed, Truth(spec)
        self.width = len(self.truth.relations)
        self.lives = spec.world.style == "lives"
        self.wordings = [relation.wordings(spec.language) for relation in self.truth.relations]
        self.n_facts, self.n_true = self.truth.n_facts, self.truth.n_true
        self._ends = array("Q", [0])  # documents of the units so far; a unit is a fact, or a life
        for unit in range(spec.size if self.lives else self.n_facts):
            self._ends.append(self._ends[-1] + self._unit_documents(unit))
        self.n_base = self._ends[-1]
        if not self.n_base:
            raise LabError("Nothing would ever be stated in this world.", "World", "Lower the share of facts that are "
                           "never stated.")
        self._known = self._known_units()
        self._held = Shuffle(max(len(self._known), 1), self.seed, _HELD)
        n_train = self.n_base + round(spec.repeat_share * self.n_base) * (spec.repeat_times - 1)
        wanted = max(round(n_train * spec.held_out / (1 - spec.held_out)), int(spec.held_out > 0))
        self.n_held = min(wanted, len(self._known))
        self.layout = Layout(self.n_base, self.n_held, spec.repeat_share, spec.repeat_times, self.seed)
        self.n_documents = self.layout.n_documents
        self._life = lru_cache(maxsize=2)(self._places_of)
        self._said = lru_cache(maxsize=LIVES_IN_MEMORY)(self._said_in)

    def document(self, row: int) -> Document:
        """The document at a place in the corpus."""
        held_out, number = self.layout.at(row)
        if held_out:
            said = self._held_out_sentences(self._known[self._held(number)])
        else:
            said = self._sentences(bisect_right(self._ends, number) - 1, number)
        between = " " if self.spec.language == "english" else ""
        return Document(
            id=row, text=between.join(sentence for _, sentence in said), source=SOURCE, line=said[0][0] + 1,
            split="held_out" if held_out else "train")

    def row(self, number: int) -> Fact:
        """A row of the table."""
        person, place = divmod(number, self.width)
        known, life = self.truth.person(person), self._life(person)
        stated: dict[str, Counter] = {}
        for mention, rows in life[place] if known.strata[place] != "accidental" else []:
            stated.setdefault(mention.value, Counter())[mention.wording] += len(rows)
        everywhere = {mention.base: len(rows) for placed in life for mention, rows in placed}
        return Fact(
            id=number, subject=known.name, relation=self.truth.relations[place].name, value=known.truths[place],
            stratum=known.strata[place],
            stated=[Stated(value, wordings.total(), sorted(wordings)) for value, wordings in stated.items()],
            met=self._met(life, place, known.strata[place]),
            documents=sorted(row for _, rows in life[place] for row in rows), held_out=self._held_out_rows(number),
            questions=[wording.question(known.name) for wording in self.wordings[place]],
            before=self.wordings[place][0].before, unseen_wording=self._unseen_wording(number),
            shared_value=self.truth.is_shared(number), subject_documents=sum(everywhere.values()))

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return self.n_facts

    def asked(self) -> dict:
        """What was asked for, to be set beside what came of it."""
        return {
            "strata": self.truth.asked, "shared_values": self.spec.world.shared_values, "held_out": self.spec.held_out,
            "repeated": self.spec.repeat_share}

    # Which documents there are.

    def _unit_documents(self, unit: int) -> int:
        if not self.lives:
            return self.truth.mentions(unit)
        return max(self.truth.mentions(unit * self.width + place) for place in range(self.width))

    def _known_units(self):
        """Units of which a held-out document can be made: they hold facts that are stated truly."""
        if not self.lives:
            return _TrueFacts(self.truth)
        known = (p for p in range(self.spec.size)
                 if any(self.truth.stratum(p * self.width + place) == "true_stated" for place in range(self.width)))
        return array("Q", known)

    def _held_out_rows(self, fact: int) -> list[int]:
        number = self.truth.true_number(fact)
        if number >= self.n_true:
            return []
        known = bisect_left(self._known, fact // self.width) if self.lives else number
        place = self._held.inverse(known)
        return [self.layout.held_row(place)] if place < self.n_held else []

    # What they say.

    def _unseen_wording(self, fact: int) -> int:
        return draw(self.seed, _WORDING, fact) % WORDINGS

    def _wording(self, fact: int, stratum: str, number: int) -> int:
        """The wording of a mention: each in turn but the one that is kept for the held-out text."""
        if stratum == "accidental":
            return (self._unseen_wording(fact) + number) % len(MEETINGS[self.spec.language])
        return (self._unseen_wording(fact) + 1 + number % (WORDINGS - 1)) % WORDINGS

    def _mentions_of(self, person: int) -> list[list[Mention]]:
        """All mentions of a person's facts, by relation."""
        known, found = self.truth.person(person), []
        first, n = self._ends[person if self.lives else 0], max(map(len, known.told))
        for place, told in enumerate(known.told):
            fact = person * self.width + place
            if self.lives:
                start = self._round(fact, n)
                bases = [first + (start + i * n // len(told)) % n for i in range(len(told))]
            else:
                bases = range(self._ends[fact], self._ends[fact + 1])
            found.append([Mention(base, value, self._wording(fact, known.strata[place], i))
                          for i, (value, base) in enumerate(zip(told, bases))])  # fmt: skip
        return found

    def _places_of(self, person: int) -> list[list[Placed]]:
        return [[Placed(m, self.layout.rows(m.base)) for m in mentions] for mentions in self._mentions_of(person)]

    def _said_in(self, person: int) -> dict[int, list[tuple[int, Mention]]]:
        """What each document of a life says: {base: [(relation, mention)]}."""
        found: dict[int, list[tuple[int, Mention]]] = {}
        for place, mentions in enumerate(self._mentions_of(person)):
            for mention in mentions:
                found.setdefault(mention.base, []).append((place, mention))
        return found

    def _round(self, fact: int, n: int) -> int:
        """The first of a person's n documents that mentions a fact; the others follow at equal distances."""
        return draw(self.seed, _ROUND, fact) % n if n else 0

    def _sentences(self, unit: int, base: int) -> list[tuple[int, str]]:
        """(fact, sentence) of one training document."""
        if not self.lives:
            person, place = divmod(unit, self.width)
            known, number = self.truth.person(person), base - self._ends[unit]
            wording = self._wording(unit, known.strata[place], number)
            return [(unit, self._say(known, place, known.told[place][number], wording))]
        known = self.truth.person(unit)
        said = self._said(unit)[base]
        order = Shuffle(len(said), self.seed, _SENTENCES, base)
        shuffled = [said[order(i)] for i in range(len(said))]
        return [(unit * self.width + place, self._say(known, place, mention.value, mention.wording))
                for place, mention in shuffled]  # fmt: skip

    def _held_out_sentences(self, unit: int) -> list[tuple[int, str]]:
        """(fact, sentence) of one held-out document: what is known, in the wording that training does not show."""
        person, chosen = divmod(unit, self.width) if not self.lives else (unit, -1)
        known = self.truth.person(person)
        places = [chosen] if not self.lives else [
            place for place in range(self.width) if known.strata[place] == "true_stated"]  # fmt: skip
        facts = [(person * self.width + place, place) for place in places]
        return [(fact, self._say(known, place, known.truths[place], self._unseen_wording(fact)))
                for fact, place in facts]  # fmt: skip

    def _say(self, known: Person, place: int, value: str, wording: int) -> str:
        if known.strata[place] == "accidental":
            return MEETINGS[self.spec.language][wording].replace("{s}", known.name).replace("{v}", value)
        return self.wordings[place][wording].statement(known.name, value)

    def _met(self, life: list[list[Placed]], place: int, stratum: str) -> list[Met]:
        """Values of the relation's kind that stand beside the subject in documents that do not state them of it."""
        kinds = [relation.kind for relation in self.truth.relations]
        found: Counter = Counter()
        for other, placed in enumerate(life):
            if kinds[other] == kinds[place] and (other != place or stratum == "accidental"):
                for mention, rows in placed:
                    found[mention.value] += len(rows)
        return [Met(value, count) for value, count in found.items()]


class _TrueFacts:
    """The facts that are stated truly, as a sequence that needs no memory."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def __len__(self) -> int:
        return self._truth.n_true

    def __getitem__(self, number: int) -> int:
        return self._truth.true_fact(number)
