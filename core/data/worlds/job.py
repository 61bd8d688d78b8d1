"""The world job: writes a corpus made by rule, and beside it the table of everything that is true in it."""

import time
from collections import Counter
from typing import NamedTuple

import msgspec

from core.data.documents import DocumentWriter
from core.data.worlds.biographies import BiographyWorld
from core.data.worlds.contexts import ContextWorld
from core.data.worlds.facts import STRATA, WORLD, Fact, FactWriter, Item
from core.data.worlds.tasks import TaskWorld
from core.record.atomic import write_json
from core.record.control import Control
from core.record.events import Funnel, Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.world import Biographies, Contexts, WorldSpec

TELL_EVERY_S = 0.2
EXAMPLE_SIZE = 200  # people or tasks of a world that is only looked at
MEASURED = 200  # documents of it from which the size of the whole is reckoned


def make_world(spec: WorldSpec) -> BiographyWorld | TaskWorld | ContextWorld:
    """The world of a spec: ``n_documents``, ``document(i)``, ``n_rows``, ``row(i)``.

    Raises:
        LabError: the spec asks for a world that cannot be.
    """
    makers = {Biographies: BiographyWorld, Contexts: ContextWorld}
    return makers.get(type(spec.world), TaskWorld)(spec)


class Glance(NamedTuple):
    """What a world would be like: a few documents, and about how large it would be."""

    texts: list[str]
    documents: int
    n_bytes: int
    rows: int


def glance(spec: WorldSpec, count: int = 3) -> Glance:
    """Look at such a world at once, whatever its size: at a small one of the same settings.

    Raises:
        LabError: the spec asks for a world that cannot be.
    """
    world = make_world(msgspec.structs.replace(spec, size=min(spec.size, EXAMPLE_SIZE)))
    texts = [world.document(row).text for row in range(min(MEASURED, world.n_documents))]
    documents, rows = world.n_documents, world.n_rows
    if isinstance(spec.world, Biographies):
        documents, rows = round(documents * spec.size / world.truth.people), rows * spec.size // world.truth.people
    elif spec.size > EXAMPLE_SIZE:
        whole = make_world(spec)
        documents, rows = whole.n_documents, whole.n_rows
    n_bytes = documents * sum(len(text.encode()) for text in texts) / len(texts)
    return Glance(texts[:count], documents, round(n_bytes), rows)


def run(spec: WorldSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Write ``kept``, an empty ``rejected``, ``facts``, ``world.json`` and ``report.json`` into the folder.

    Returns:
        documents_read and documents_kept (equal), bytes_read, bytes_kept, rejected {}, held_out, facts (rows of the
        table), elapsed_s.
    Raises:
        LabError: the world cannot be, or the disk is full.
        StopRequested: asked to stop; no half file is left.
    """
    started = time.perf_counter()
    emit(Phase(name="Thinking up the world"))
    world = make_world(spec)
    if world.n_rows < spec.size:
        emit(Noted(text="There are only {count} different tasks of these lengths; {asked} were asked for.",
                   values={"count": world.n_rows, "asked": spec.size}))
    scribe = Scribe(folder, emit, control)
    documents, facts = DocumentWriter(folder.root, "kept"), FactWriter(folder.root)
    rejected = DocumentWriter(folder.root, "rejected")
    try:
        emit(Phase(name="Writing documents"))
        counts = scribe.write_documents(world, documents)
        emit(Phase(name="Writing what is true"))
        tally = Tally(world)
        scribe.write_rows(world, facts, tally)
        for writer in (rejected, facts, documents):
            writer.commit()
    finally:
        for writer in (rejected, facts, documents):
            writer.abandon()
    got = tally.got(counts)
    write_json(folder.path(WORLD), {"spec": msgspec.to_builtins(spec), "asked": world.asked(), "got": got})
    result = {
        "documents_read": world.n_documents, "documents_kept": world.n_documents, "bytes_read": counts["bytes"],
        "bytes_kept": counts["bytes"], "rejected": {}, "held_out": counts["held_out"], "facts": world.n_rows}
    write_json(folder.path("report.json"), result)
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


class Scribe:
    """Writes a world row by row and tells how far it is."""

    def __init__(self, folder: JobFolder, emit, control: Control) -> None:
        self.folder, self.emit, self.control = folder, emit, control
        self._told_s = 0.0

    def write_documents(self, world, writer: DocumentWriter) -> Counter:
        """All documents; the counts of bytes, and of documents by split."""
        counts: Counter = Counter(train=0, held_out=0, bytes=0)
        for row in range(world.n_documents):
            document = world.document(row)
            writer.add(document)
            counts[document.split] += 1
            counts["bytes"] += len(document.text.encode())
            if self._tell("documents", row, world.n_documents):
                self._tell_funnel(row + 1, counts["bytes"])
        self._tell_funnel(world.n_documents, counts["bytes"])
        return counts

    def write_rows(self, world, writer: FactWriter, tally: "Tally") -> None:
        """The whole table."""
        for row in range(world.n_rows):
            made = world.row(row)
            writer.add(made)
            tally.add(made)
            self._tell("facts", row, world.n_rows)

    def _tell(self, stage: str, done: int, total: int) -> bool:
        """Progress and a look at the requests, about five times a second; whether it was time."""
        if time.perf_counter() - self._told_s < TELL_EVERY_S:
            return False
        self._told_s = time.perf_counter()
        self.control.check()
        self.emit(Progress(stage=stage, done=done, total=total, unit=stage))
        return True

    def _tell_funnel(self, documents: int, n_bytes: int) -> None:
        self.emit(Funnel(
            documents_read=documents, documents_kept=documents, bytes_read=n_bytes, bytes_kept=n_bytes, rejected={}))


class Tally:
    """What came of the shares that were asked for, counted from the rows themselves."""

    def __init__(self, world) -> None:
        self.world = world
        self.rows = self.shared = 0
        self.strata, self.tasks, self.splits, self.conflicts = Counter(), Counter(), Counter(), Counter()
        self.counts: dict[str, Counter] = {}

    def add(self, row: Fact | Item) -> None:
        """Count one row."""
        self.rows += 1
        if isinstance(row, Item):
            self.tasks[row.task] += 1
            self.splits[row.split] += 1
            return
        self.strata[row.stratum] += 1
        self.shared += row.shared_value
        self.counts.setdefault(row.stratum, Counter())[len(row.documents)] += 1
        if row.stratum == "conflicting":
            true = sum(stated.count for stated in row.stated if stated.value == row.value)
            false = max(stated.count for stated in row.stated if stated.value != row.value)
            self.conflicts["truth_leads" if true > false else "truth_ties" if true == false else "truth_trails"] += 1

    def got(self, documents: Counter) -> dict:
        """Numbers and shares, beside what was asked for in ``world.json``."""
        n = documents["train"] + documents["held_out"]
        found = {"documents": n, "rows": self.rows, "held_out": documents["held_out"] / n,
                 "repeated": self.world.layout.n_repeated / self.world.layout.n_base}  # fmt: skip
        if self.tasks:
            return found | {"tasks": {task: k / self.rows for task, k in self.tasks.items()}, "of_task": self.tasks,
                            "items_held_out": self.splits["held_out"]}  # fmt: skip
        sharing = self.world.truth.n_sharing
        return found | {
            "strata": {stratum: self.strata[stratum] / self.rows for stratum in STRATA},
            "facts": {stratum: self.strata[stratum] for stratum in STRATA},
            "shared_values": self.shared / sharing if sharing else 0.0, "conflicts": dict(self.conflicts),
            "documents_of_a_fact": {stratum: {str(k): v for k, v in sorted(counts.items())}
                                    for stratum, counts in self.counts.items()}}  # fmt: skip
