"""Worlds of tasks: numbered problems, no two alike, some of them held out."""

from bisect import bisect_right
from collections import Counter
from itertools import accumulate

from core.data.documents import Document
from core.data.shares import fill_whole
from core.data.worlds.arithmetic import arithmetic_levels
from core.data.worlds.facts import SOURCE, Item
from core.data.worlds.layout import Layout
from core.data.worlds.levels import MOST, Problem
from core.data.worlds.numbers import Shuffle
from core.data.worlds.symbolic import symbolic_levels
from core.errors import LabError
from core.spec.world import Arithmetic, WorldSpec

QUESTION, STEPS, ANSWER = {"english": "Question: ", "chinese": "问题："}, {"english": "Steps:", "chinese": "步骤："}, {
    "english": "Answer:", "chinese": "答案："}  # fmt: skip
_PROBLEM, _HELD = 31, 32


class TaskWorld:
    """Any document and any item by number; tasks share equally, and so do the lengths of each."""

    def __init__(self, spec: WorldSpec) -> None:
        self.spec, self.language = spec, spec.language
        make = arithmetic_levels if isinstance(spec.world, Arithmetic) else symbolic_levels
        self.levels = make(spec.world, spec.language)
        if not self.levels:
            raise LabError("There are no tasks of these lengths.", "Longest", "Allow longer ones.")
        of_task = Counter(level.task for level in self.levels)
        weights = [1 / of_task[level.task] for level in self.levels]
        self.sizes = fill_whole(spec.size, weights, [min(level.space, MOST) for level in self.levels])
        self._starts = [0, *accumulate(self.sizes)]
        self.n_rows = self._starts[-1]
        self._problems = [Shuffle(min(level.space, MOST), spec.seed, _PROBLEM, place)
                          for place, level in enumerate(self.levels)]  # fmt: skip
        wanted = max(round(spec.held_out * self.n_rows), int(spec.held_out > 0))
        self.n_held = min(wanted, self.n_rows - 1)  # something must be left to train on
        self._held = Shuffle(self.n_rows, spec.seed, _HELD)
        self.layout = Layout(self.n_rows - self.n_held, self.n_held, spec.repeat_share, spec.repeat_times, spec.seed)
        self.n_documents = self.layout.n_documents

    def document(self, row: int) -> Document:
        """The document at a place in the corpus."""
        held_out, number = self.layout.at(row)
        item = self._held.inverse(number if held_out else number + self.n_held)
        _, problem = self._problem(item)
        return Document(id=row, text=self._text(problem), source=SOURCE, line=item + 1,
                        split="held_out" if held_out else "train")  # fmt: skip

    def row(self, number: int) -> Item:
        """A row of the table."""
        level, problem = self._problem(number)
        place = self._held(number)
        held_out = place < self.n_held
        return Item(
            id=number, task=level.task, level=level.level, question=problem.question, prompt=self._prompt(problem),
            steps=problem.steps if self.spec.world.steps else [], answer=problem.answer, before=self._before,
            split="held_out" if held_out else "train", documents=[self.layout.held_row(place)] if held_out else
            sorted(self.layout.rows(place - self.n_held)))  # fmt: skip

    def asked(self) -> dict:
        """What was asked for, to be set beside what came of it."""
        tasks = dict.fromkeys(level.task for level in self.levels)
        return {"tasks": {task: 1 / len(tasks) for task in tasks}, "size": self.spec.size,
                "held_out": self.spec.held_out, "repeated": self.spec.repeat_share}  # fmt: skip

    @property
    def _before(self) -> str:
        return " " if self.language == "english" else ""

    def _problem(self, item: int):
        place = bisect_right(self._starts, item) - 1
        level = self.levels[place]
        return level, level.problem(self._problems[place](item - self._starts[place]))

    def _prompt(self, problem: Problem) -> str:
        """The text up to the answer, or up to the first of the steps where they are shown."""
        lead = STEPS if self.spec.world.steps else ANSWER
        return f"{QUESTION[self.language]}{problem.question}\n{lead[self.language]}"

    def _text(self, problem: Problem) -> str:
        steps = ""
        if self.spec.world.steps:
            between = " " if self.language == "english" else ""
            steps = f"{self._before}{between.join(problem.steps)}\n{ANSWER[self.language]}"
        return f"{self._prompt(problem)}{steps}{self._before}{problem.answer}"
