"""One pass of the rules over one shard: the piece of work that a worker process does at a time."""

import time
from array import array
from collections.abc import Callable
from typing import NamedTuple

from core.data.dedup.exact import fingerprint
from core.data.documents import Document, Rejected, line_of
from core.data.filters.rules import Pass, Rules
from core.data.filters.verdict import Draft, Reason
from core.data.split import Splitter
from core.data.stages import Blobs, Held, Kept, Result, Stages
from core.data.tally import Counter, Tally
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec

_TELL_EVERY_S = 0.2


class Task(NamedTuple):
    """A pass, from 0, over a shard, from 0."""

    number: int
    shard: int


class PassRunner:
    """Carries out tasks, in whichever process; what it leaves depends on the task alone."""

    def __init__(self, spec: CorpusSpec, stages: Stages, workspace: Workspace) -> None:
        self.stages, self.splitter = stages, Splitter(spec.held_out, spec.seed)
        self.rules = Rules(spec.rules, workspace)
        self._opened = 0  # the pass whose decision is open

    def run(self, task: Task, tell: Callable[[Tally], None] = lambda so_far: None) -> None:
        """Judge the documents of a shard and commit what is left of it; ``tell`` may raise to stop.

        Raises:
            LabError: the disk is full.
        """
        self.open(task.number)
        part, counter = self.rules.passes[task.number], self.rules.counter()
        out = _Out(part)
        told_s = time.monotonic()
        for held in self.stages.documents(task.number, task.shard):
            draft = Draft(held.text, held.source, held.line, held.row, splitter=self.splitter, number=held.number)
            draft.marks = held.marks
            if held.mark is not None:
                draft.tell(fingerprint, held.mark)
            out.add(held, draft, part.judge(draft, counter), counter)
            if time.monotonic() - told_s > _TELL_EVERY_S:
                tell(counter.tally)
                told_s = time.monotonic()
        result = Result(tally=counter.finish(), notes=Blobs.pack(out.note_rows, out.notes))
        self.stages.write(task.number + 1, task.shard, out.documents(), out.aside(), result)

    def open(self, number: int) -> None:
        """Make ready for a pass, with what was decided at the end of the one before."""
        if number == self._opened:
            return
        self.close()
        part = self.rules.passes[number]
        part.decision = part.opening.work.open(self.stages.decision(number - 1))
        self._opened = number

    def close(self) -> None:
        """Let go of the decision: a mapped file cannot be removed on every system."""
        self.rules.passes[self._opened].decision = None
        self._opened = 0


class _Out:
    """What one pass leaves of a shard."""

    def __init__(self, part: Pass) -> None:
        self.closing = part.closing
        self.held: list[Held] = []
        self.notes: list[bytes] = []
        self.note_rows: list[int] = []
        self._kept: list[bytes] = []
        self._kept_rows: list[int] = []
        self._numbers = array("d")
        self._aside: list[bytes] = []
        self._aside_rows: list[int] = []

    def add(self, held: Held, draft: Draft, reason: Reason | None, counter: Counter) -> None:
        """One document, judged."""
        if reason is not None:
            self._aside_rows.append(draft.row)
            self._aside.append(line_of(Rejected(
                id=0, text=draft.text, source=draft.source, line=draft.line, rule=reason.rule, reason=reason.text,
                values=reason.values, row=draft.row, measure=reason.measure, value=reason.value, limit=reason.limit)))
            return
        changed = held.changed or draft.text is not held.text
        if self.closing is not None:
            self.note_rows.append(draft.row)
            self.notes.append(self.closing.work.remember(draft))  # may ask for the split, and so decide it
            self.held.append(Held(
                draft.row, draft.text, draft.source, draft.line, changed, draft.number, draft.marks,
                draft.known(fingerprint)))
            return
        counter.keep(draft)
        self._kept_rows.append(draft.row)
        self._numbers.append(draft.number)
        self._kept.append(line_of(Document(
            id=0, text=draft.text, source=draft.source, line=draft.line, split=draft.split, changed=changed,
            row=draft.row, marks=draft.marks)))

    def documents(self) -> list[Held] | Kept:
        """What stays in, for the next pass or for the corpus."""
        if self.closing is not None:
            return self.held
        return Kept(Blobs.pack(self._kept_rows, self._kept), self._numbers.tobytes())

    def aside(self) -> Blobs:
        """What was set aside."""
        return Blobs.pack(self._aside_rows, self._aside)
