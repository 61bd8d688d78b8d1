"""What a list of runs knows of each: how good it is, its notes, and whether it is wanted."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication

from app.state.jobs import Job
from app.state.summary import summary
from core.errors import LabError
from core.record.folder import JobFolder
from core.record.notes import FILE, Notes, read_notes

GROUPS = {
    "all": (), "live": ("queued", "running", "paused"), "completed": ("completed",),
    "ended": ("stopped", "failed", "crashed"),
}  # fmt: skip
ORDERS = ("newest", "best", "name")


@dataclass(frozen=True)
class RunFacts:
    """One run as a list shows it."""

    root: Path
    name: str
    state: str
    line: str
    born_t: float
    then_t: float
    bits: float | None  # the least bits per byte measured, which compares any two runs
    loss: float | None  # the least loss on held-out text, nats a token
    spikes: int
    notes: Notes

    @property
    def score(self) -> tuple[bool, float]:
        """Sorts the better run first; a run without a measurement comes last."""
        if self.bits is not None:
            return (False, self.bits)
        return (True, self.loss if self.loss is not None else float("inf"))


def facts_of(job: Job, notes: Notes) -> RunFacts:
    """What a list says of this job now."""
    view = job.view
    return RunFacts(
        job.root, job.name, view.state, _line(job), job.born_t, view.updated_t or job.born_t,
        _least(v.bits_per_byte for v in view.validations), _least(v.loss for v in view.validations),
        len(view.spikes), notes)


def _line(job: Job) -> str:
    """What came of a run in a few words; of one that goes on or went wrong, what any list says of it."""
    view = job.view
    if view.live or view.state in ("failed", "crashed") or not view.validations:
        return summary(job)
    last, say = view.validations[-1], QCoreApplication.translate
    steps = say("run", "{count} steps").format(count=f"{last.step:,}")
    if last.bits_per_byte is None:
        return say("run", "loss {loss}").format(loss=f"{last.loss:.3f}") + f" · {steps}"
    return say("run", "{bits} bits/byte").format(bits=f"{last.bits_per_byte:.3f}") + f" · {steps}"


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None and value == value), default=None)


@dataclass
class Wanted:
    """What a person wants to see in the list."""

    words: str = ""
    group: str = "all"
    order: str = "newest"

    def takes(self, run: RunFacts) -> bool:
        """Whether every word stands in the run's name, tags or remark, and its state is asked for."""
        states = GROUPS[self.group]
        text = "\n".join((run.name, *run.notes.tags, run.notes.text)).casefold()
        return (not states or run.state in states) and all(word in text for word in self.words.casefold().split())

    def arrange(self, runs: Iterable[RunFacts]) -> list[RunFacts]:
        """The runs that are wanted, in the order that is wanted."""
        found = sorted((run for run in runs if self.takes(run)), key=lambda run: run.born_t, reverse=True)
        if self.order == "best":
            found.sort(key=lambda run: run.score)
        elif self.order == "name":
            found.sort(key=lambda run: _natural(run.name))
        return found


def _natural(name: str) -> list:
    """So that run-10 follows run-9."""
    parts, number = [], ""
    for char in name.casefold() + "\0":
        if char.isdecimal():
            number += char
            continue
        if number:
            parts.append((0, int(number), ""))
            number = ""
        parts.append((1, 0, char))
    return parts


def best_of(runs: Iterable[RunFacts]) -> RunFacts | None:
    """The run with the best measurement; None where fewer than two were measured alike."""
    runs = list(runs)
    measured = [run for run in runs if run.bits is not None] or [run for run in runs if run.loss is not None]
    return min(measured, key=lambda run: run.score) if len(measured) > 1 else None


@dataclass
class NoteBook:
    """Notes of many jobs; each file is read once, and again when it has changed."""

    _kept: dict[Path, tuple[int, Notes]] = field(default_factory=dict)

    def of(self, root: Path) -> Notes:
        """The notes on one job."""
        try:
            changed = os.stat(root / FILE).st_mtime_ns
        except OSError:
            return Notes()
        if self._kept.get(root, (0,))[0] != changed:
            self._kept[root] = (changed, read_notes(root))
        return self._kept[root][1]


@dataclass
class SpecBook:
    """What each run was asked to do, as plain values; read once."""

    _kept: dict[Path, dict] = field(default_factory=dict)

    def of(self, root: Path) -> dict:
        """The request's ``spec`` table; empty where it cannot be read."""
        if root not in self._kept:
            try:
                self._kept[root] = JobFolder(root).request.get("spec", {})
            except (LabError, KeyError, OSError):
                return {}
        return self._kept[root]

    def knows(self, root: Path) -> bool:
        """Whether the request of a run was read already."""
        return root in self._kept

    def kin(self, root: Path) -> str:
        """The same text for runs that differ in nothing but the seed."""
        values = {key: value for key, value in self.of(root).items() if key != "seed"}
        return msgspec.json.encode(values, order="sorted").decode() if values else str(root)


def group_names(books: SpecBook, runs: list[tuple[Path, str]]) -> dict[Path, str]:
    """{run: name of its group} of the runs that have a sibling with another seed among these; others have none."""
    together: dict[str, list[tuple[Path, str]]] = {}
    for root, name in runs:
        together.setdefault(books.kin(root), []).append((root, name))
    found, taken = {}, set()
    for members in together.values():
        if len(members) < 2:
            continue
        name = stem = _stem([name for _, name in members])
        number = 1
        while name in taken:
            number += 1
            name = f"{stem} ({number})"
        taken.add(name)
        found |= {root: name for root, _ in members}
    return found


def _stem(names: list[str]) -> str:
    """What several names begin with alike, without the number at its end."""
    common = os.path.commonprefix(names).rstrip("0123456789").rstrip("-_. ")
    for word in ("seed", "s"):
        if common.endswith(f"-{word}"):
            common = common.removesuffix(f"-{word}")
    return common or names[0]


