"""A world in which the answer stands in the text before the question: notes are read, and then asked for.

A document asks for all of its notes in several rounds, each in an order of its own, so that there is much to be
copied; its item asks for the first of them, as the first question after the notes.
Some people are known: where they live is stated in documents of its own, more or less often. Others are strangers,
who live somewhere else in every document. Most readings ask for a stranger, so that only the notes can help; some for
a known person, about whom the notes agree with what is stated elsewhere. The held-out readings ask for strangers, or
for known people about whom the notes say something else: there memory and notes part ways.
"""

from array import array
from bisect import bisect_right
from itertools import accumulate, count
from typing import NamedTuple

from core.data.documents import Document
from core.data.shares import apportion
from core.data.worlds.facts import SOURCE, Item
from core.data.worlds.layout import Layout
from core.data.worlds.names import Names
from core.data.worlds.numbers import Shuffle, draw, sample
from core.spec.world import WorldSpec

KNOWN, STRANGER, AGREEING, CONTRADICTED = "known", "read_stranger", "read_agreeing", "read_contradicted"
LEAD = {"english": "{s}", "chinese": "{s}："}  # the value follows at once, so that a small model learns to copy
BEFORE, AFTER, BETWEEN = ({"english": word, "chinese": other} for word, other in ((" ", ""), (".", "。"), (" ", "")))
NOTES, QUESTION = {"english": "Who lives where:", "chinese": "谁住哪里："}, {"english": "Asked:", "chinese": "所问："}
ROUNDS = 3  # in which a document asks for all of its notes
_COUNTS, _LEVEL, _PEOPLE, _VALUE, _KIND = range(41, 46)


class Reading(NamedTuple):
    """Notes (subject, value), and in which orders they are asked for, round by round; the first is the question."""

    task: str
    notes: list[tuple[str, str]]
    rounds: list[list[int]]

    @property
    def asked(self) -> str:
        return self.notes[self.rounds[0][0]][0]

    @property
    def answer(self) -> str:
        return self.notes[self.rounds[0][0]][1]


class ContextWorld:
    """Any document and any item by number: first the known people, then the readings, the held-out ones last."""

    def __init__(self, spec: WorldSpec) -> None:
        self.spec, self.world, self.language, self.seed = spec, spec.world, spec.language, spec.seed
        known = self.world.known
        self.names = Names(spec.language, spec.seed, known + self.world.strangers)
        sizes = apportion(known, [1.0] * len(self.world.counts))
        counts = [times for times, size in zip(self.world.counts, sizes, strict=True) for _ in range(size)]
        order = Shuffle(known, self.seed, _COUNTS)
        self._ends = array("Q", accumulate((counts[order(person)] for person in range(known)), initial=0))
        self.n_held = min(max(round(spec.held_out * spec.size), int(spec.held_out > 0)), spec.size - 1)
        self.n_read = spec.size - self.n_held
        self.n_contradicted = round(self.world.contradicted * self.n_held) if known else 0
        self.n_agreeing = round(self.world.agreeing * self.n_read) if known else 0
        self._agreeing = Shuffle(self.n_read, self.seed, _KIND)
        self.layout = Layout(
            self._ends[-1] + self.n_read, self.n_held, spec.repeat_share, spec.repeat_times, self.seed)
        self.n_documents, self.n_rows = self.layout.n_documents, known + spec.size

    def document(self, row: int) -> Document:
        """The document at a place in the corpus."""
        held_out, number = self.layout.at(row)
        item = self._item(held_out, number)
        if item < self.world.known:
            text = self._sentence(*self._known(item))
        else:
            reading = self.reading(item - self.world.known)
            text = self._whole(reading)
        return Document(id=row, text=text, source=SOURCE, line=item + 1, split="held_out" if held_out else "train")

    def row(self, number: int) -> Item:
        """A row of the table."""
        before, known = BEFORE[self.language], self.world.known
        if number < known:
            name, town = self._known(number)
            rows = [row for base in range(self._ends[number], self._ends[number + 1]) for row in self.layout.rows(base)]
            return Item(id=number, task=KNOWN, level=str(self._ends[number + 1] - self._ends[number]),
                        question=self._lead(name), prompt=self._lead(name), steps=[], answer=town, before=before,
                        split="train", documents=sorted(rows))  # fmt: skip
        place = number - known
        reading, held_out = self.reading(place), place >= self.n_read
        rows = [self.layout.held_row(place - self.n_read)] if held_out else sorted(
            self.layout.rows(self._ends[-1] + place))
        return Item(id=number, task=reading.task, level=str(len(reading.notes)),
                    question=self._lead(reading.asked), prompt=self._prompt(reading), steps=[],
                    answer=reading.answer, before=before, split="held_out" if held_out else "train",
                    documents=rows)  # fmt: skip

    def reading(self, place: int) -> Reading:
        """The notes and the question of one reading."""
        task, world = self._task(place), self.world
        longest = world.longest if place < self.n_read else max(world.longest, world.longest_held_out)
        length = world.shortest + draw(self.seed, _LEVEL, place) % (longest - world.shortest + 1)
        rounds = [sample(length, length, self.seed, _LEVEL, place, number) for number in range(1, ROUNDS + 1)]
        strangers = Shuffle(world.strangers, self.seed, _PEOPLE, place)
        towns = Shuffle(world.values, self.seed, _VALUE, place)
        notes = [(self.names.name("person", world.known + strangers(i)), self.names.name("city", towns(i)))
                 for i in range(length)]  # fmt: skip
        if task != STRANGER:
            name, town = self._known(draw(self.seed, _PEOPLE, place, 1) % world.known)
            others = (self.names.name("city", towns(i)) for i in count(length))
            notes = [(who, where if where != town else next(others)) for who, where in notes]
            first = rounds[0][0]
            notes[first] = (name, town if task == AGREEING else notes[first][1])
        return Reading(task, notes, rounds)

    def asked(self) -> dict:
        """What was asked for, to be set beside what came of it."""
        numbers = {KNOWN: self.world.known, STRANGER: self.spec.size - self.n_agreeing - self.n_contradicted,
                   AGREEING: self.n_agreeing, CONTRADICTED: self.n_contradicted}  # fmt: skip
        return {"tasks": {task: n / self.n_rows for task, n in numbers.items() if n}, "size": self.spec.size,
                "held_out": self.spec.held_out, "repeated": self.spec.repeat_share}  # fmt: skip

    def _item(self, held_out: bool, number: int) -> int:
        """The row of the table that a document is made from, by its number among its like."""
        stated = self._ends[-1]
        if held_out:
            return self.world.known + self.n_read + number
        return bisect_right(self._ends, number) - 1 if number < stated else self.world.known + number - stated

    def _task(self, place: int) -> str:
        if place < self.n_read:
            return AGREEING if self._agreeing(place) < self.n_agreeing else STRANGER
        return CONTRADICTED if place - self.n_read < self.n_contradicted else STRANGER

    def _known(self, person: int) -> tuple[str, str]:
        """A known person, and where they live."""
        town = draw(self.seed, _VALUE, person, 1) % self.world.values
        return self.names.name("person", person), self.names.name("city", town)

    def _lead(self, name: str) -> str:
        return LEAD[self.language].replace("{s}", name)

    def _sentence(self, name: str, town: str) -> str:
        return f"{self._lead(name)}{BEFORE[self.language]}{town}{AFTER[self.language]}"

    def _whole(self, reading: Reading) -> str:
        """The notes, and then all of them again in every round."""
        words = [NOTES[self.language], *(self._sentence(*note) for note in reading.notes)]
        for order in reading.rounds:
            words += [QUESTION[self.language], *(self._sentence(*reading.notes[place]) for place in order)]
        return BETWEEN[self.language].join(words)

    def _prompt(self, reading: Reading) -> str:
        """The text up to where the answer goes on."""
        words = [NOTES[self.language], *(self._sentence(*note) for note in reading.notes), QUESTION[self.language],
                 self._lead(reading.asked)]
        return BETWEEN[self.language].join(words)
