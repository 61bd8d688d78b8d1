"""What became of the documents: counts of every rule that add up over parts of a corpus."""

import msgspec

from core.data.filters.verdict import Draft, Reason
from core.data.histograms import Histogram, Measured
from core.data.readers.document import utf8_length


class StepTally(msgspec.Struct):
    """What one rule took away or changed."""

    removed: int = 0
    removed_bytes: int = 0
    changed: int = 0
    grown_bytes: int = 0  # of the documents that it changed; negative where it made them shorter
    passed_over: dict[str, int] = {}


class Tally(msgspec.Struct):
    """Counts of one part of a corpus in one pass; adding those of all parts and passes gives the whole.

    Attributes:
        documents_read, bytes_read: what readers found, refused or not; bytes as UTF-8.
        entered, entered_bytes: what came to the first rule.
        rejected: documents by the rule that set them aside, readers' refusals among them.
        steps: one a rule, in order.
        kept, held_out: documents that passed every rule, and those of them that are held out.
        lowest, highest: of their numbers, by which the split is decided (see core.data.split).
    """

    steps: list[StepTally] = []
    documents_read: int = 0
    bytes_read: int = 0
    entered: int = 0
    entered_bytes: int = 0
    rejected: dict[str, int] = {}
    histograms: dict[str, Histogram] = {}
    kept: int = 0
    held_out: int = 0
    lowest: float = 1.0
    highest: float = -1.0

    def refuse(self, rule: str) -> None:
        """A document was set aside."""
        self.rejected[rule] = self.rejected.get(rule, 0) + 1

    def merge(self, other: "Tally") -> None:
        """Add the counts of another part."""
        self.steps = self.steps or [StepTally() for _ in other.steps]
        for mine, its in zip(self.steps, other.steps, strict=bool(other.steps)):
            mine.removed += its.removed
            mine.removed_bytes += its.removed_bytes
            mine.changed += its.changed
            mine.grown_bytes += its.grown_bytes
            _add(mine.passed_over, its.passed_over)
        for name in ("documents_read", "bytes_read", "entered", "entered_bytes", "kept", "held_out"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add(self.rejected, other.rejected)
        for name, histogram in other.histograms.items():
            self.histograms.setdefault(name, Histogram()).merge(histogram)
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)

    @property
    def remaining(self) -> int:
        """Documents that no rule has set aside so far."""
        return self.documents_read - sum(self.rejected.values())

    @property
    def remaining_bytes(self) -> int:
        """Their size, bytes of UTF-8."""
        return self.entered_bytes + sum(step.grown_bytes - step.removed_bytes for step in self.steps)

    def report_steps(self, names: list[tuple[str, str]]) -> list[dict]:
        """One entry a rule: rule, title, documents and bytes in and out, changed, passed_over {why: documents}."""
        documents, n_bytes, found = self.entered, self.entered_bytes, []
        for step, (rule, title) in zip(self.steps or [StepTally() for _ in names], names, strict=True):
            left, left_bytes = documents - step.removed, n_bytes + step.grown_bytes - step.removed_bytes
            found.append({
                "rule": rule, "title": title, "documents_in": documents, "documents_out": left,
                "bytes_in": n_bytes, "bytes_out": left_bytes, "changed": step.changed,
                "passed_over": dict(sorted(step.passed_over.items()))})
            documents, n_bytes = left, left_bytes
        return found

    def report_histograms(self) -> dict[str, dict]:
        """{"rule.measure": {edges, kept, rejected}}, by name."""
        return {name: self.histograms[name].report() for name in sorted(self.histograms)}


class Counter:
    """Counts documents into a tally while the rules of one pass judge them."""

    def __init__(self, n_steps: int) -> None:
        self.tally = Tally(steps=[StepTally() for _ in range(n_steps)])
        self._measured = Measured(self.tally.histograms)

    def enter(self, text: str) -> None:
        """A document comes to the first rule."""
        self.tally.entered += 1
        self.tally.entered_bytes += utf8_length(text)

    def change(self, step: int, before: str, after: str) -> None:
        """A rule mended a document."""
        tally = self.tally.steps[step]
        tally.changed += 1
        tally.grown_bytes += utf8_length(after) - utf8_length(before)

    def remove(self, step: int, reason: Reason, text: str) -> None:
        """A rule set a document aside."""
        tally = self.tally.steps[step]
        tally.removed += 1
        tally.removed_bytes += utf8_length(text)
        self.tally.refuse(reason.rule)

    def measure(self, draft: Draft, reason: Reason | None, steps: dict[str, int]) -> None:
        """What the rules of a pass measured of a document, and which of them passed it over; ``steps`` by rule."""
        self._measured.add(draft.measures, reason.rule if reason else "")
        for rule, why in draft.passed_over.items():
            if rule in steps:
                passed_over = self.tally.steps[steps[rule]].passed_over
                passed_over[why] = passed_over.get(why, 0) + 1

    def keep(self, draft: Draft) -> None:
        """A document passed every rule; its split is decided now at the latest."""
        tally, split = self.tally, draft.split
        number = draft.number
        tally.kept += 1
        tally.held_out += split == "held_out"
        tally.lowest, tally.highest = min(tally.lowest, number), max(tally.highest, number)

    def finish(self) -> Tally:
        """The counts, once every document was seen."""
        self._measured.finish()
        return self.tally


def _add(counts: dict, more: dict) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
