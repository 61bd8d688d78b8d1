"""The corpus job: reads, cleans, holds out, and writes a corpus that can be browsed row by row.

What is read is cut into shards; the rules run over them in passes, each shard by whichever process is
free; at the end the shards become one corpus. Each step leaves whole files behind (core.data.stages), so
that a killed job goes on where it was, and comes to the same bytes whatever the number of processes.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.data.crew import Alone, Crew, worker_count
from core.data.intake import Intake
from core.data.merge import merge
from core.data.passes import PassRunner, Task
from core.data.readers.folder import Gathered, gather
from core.data.stages import Stages
from core.data.tally import Tally
from core.errors import LabError
from core.record.atomic import TEMPORARY, commit_file, write_json
from core.record.control import Control
from core.record.events import FileSkipped, Funnel, Noted, Phase, Progress
from core.record.folder import JobFolder
from core.record.log import read_events
from core.spec.base import map_paths
from core.spec.corpus import AnyRule, CorpusSpec

_REPORT_EVERY_S = 0.2
_ALONE_BYTES = 16 << 20  # less than this is cleaned before worker processes would have started
_REPORT = "report.json"


def run(spec: CorpusSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Import and clean; writes ``kept``, ``rejected`` and ``report.json`` into the folder.

    The report holds what is returned but for the time, and of every rule its part of the funnel (``steps``)
    and how its measures are spread (``histograms``).

    Returns:
        documents_read, documents_kept, bytes_read, bytes_kept (UTF-8 bytes of the texts), rejected
        {rule: documents}, held_out (documents), files_read, files_skipped, elapsed_s.
    Raises:
        LabError: nothing to read, nothing kept (what was rejected can still be browsed), the disk is full,
            or a worker process ended; what was finished is kept for a resume.
        StopRequested: asked to stop; a resume goes on from the shards that are finished.
    """
    started = time.perf_counter()
    report = _finished(folder)
    if report is None:
        emit(Phase(name="Listing files"))
        report = Cleaning(spec, folder, emit, control, gather(spec.sources)).run()
    result = {name: value for name, value in report.items() if name not in ("steps", "histograms", "problem")}
    if not result["documents_kept"]:
        raise _nothing_kept(spec, result, report["problem"])
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


class Cleaning:
    """One cleaning from the sources to the corpus, in the process that coordinates it."""

    def __init__(self, spec: CorpusSpec, folder: JobFolder, emit, control: Control, found: Gathered) -> None:
        self.spec, self.folder, self.emit, self.control, self.found = spec, folder, emit, control, found
        self.stages = Stages(folder.root)
        self.runner = PassRunner(spec, self.stages, folder.workspace)
        self.passes = self.runner.rules.passes
        self.tally = Tally()  # of all that is finished
        self._done = self._total = 0.0
        self._unit = ""
        self._told_s = 0.0

    def run(self) -> dict:
        """Do it all; returns the report."""
        if not self.stages.prepare(self._plan(), len(self.passes) + 1):
            _tell_passed_over(self.found, self.emit)
        crew = self._crew()
        try:
            intake = self._read_and_first_pass(crew)
            n_shards = self.stages.shards()
            for number in range(1, len(self.passes)):
                self._decide(number - 1, n_shards)
                self._next_pass(crew, number, n_shards)
        finally:
            crew.close()
        return self._write(intake, n_shards)

    def _plan(self) -> dict:
        """What the finished shards depend on; trained filters are held to their hashes before the job begins."""
        origins = [[origin.source, origin.n_bytes, _stamp(origin.path)[1]] for origin in self.found.origins]
        spec = {name: value for name, value in msgspec.to_builtins(self.spec).items() if name != "workers"}
        return json.loads(json.dumps({"spec": spec, "origins": origins, "files": _stamps(self.spec.rules)}))

    def _crew(self) -> Alone | Crew:
        count = worker_count(self.spec.workers)
        if count == 1 or self.found.n_bytes < _ALONE_BYTES:
            return Alone(self.runner)
        return Crew(count, self.spec, self.stages, self.folder.workspace)

    def _read_and_first_pass(self, crew: Alone | Crew) -> Intake:
        self._phase("Reading and cleaning", self.found.n_bytes, "bytes")
        told = {record.event.path for record in read_events(self.folder.path("events.jsonl"))[0]
                if isinstance(record.event, FileSkipped)}
        intake = Intake(self.spec, self.found.origins, self.stages, self.emit, self._advance, told)
        for _ in self._each(crew, 0, intake.shards()):
            pass
        return intake

    def _next_pass(self, crew: Alone | Crew, number: int, n_shards: int) -> None:
        n_bytes = self.tally.remaining_bytes
        self._phase("Cleaning on", n_bytes, "bytes")
        for _ in self._each(crew, number, iter(range(n_shards))):
            self._advance(n_bytes / n_shards)  # they were cut to the same size

    def _each(self, crew: Alone | Crew, number: int, shards: Iterator[int]) -> Iterator[int]:
        """One pass over the shards; those that an earlier attempt finished are only counted."""
        ready: list[int] = []

        def tasks() -> Iterator[Task]:
            for shard in shards:
                if self.stages.is_done(number + 1, shard):
                    ready.append(shard)
                else:
                    yield Task(number, shard)

        for task in crew.each(tasks(), self._tell_within):
            yield from self._counted(number, [task.shard])
        yield from self._counted(number, ready)

    def _counted(self, number: int, shards: list[int]) -> Iterator[int]:
        for shard in shards:
            if number == 0:
                self.tally.merge(self.stages.result(0, shard).tally)
            self.tally.merge(self.stages.result(number + 1, shard).tally)
            self._tell()
            yield shard

    def _decide(self, number: int, n_shards: int) -> None:
        """What the rule at the end of a pass makes of all documents, unless it was decided before."""
        barrier, path = self.passes[number].closing.work, self.stages.decision(number)
        if path.is_dir():
            return
        self._phase("Comparing all documents", self.tally.remaining, "documents")

        def notes() -> Iterator[tuple[int, bytes]]:
            for shard in range(n_shards):
                found = self.stages.result(number + 1, shard).notes
                yield from found
                self._advance(len(found))

        def tell(done: int, total: int) -> None:
            if total:
                self._done, self._total = done, total
            self._tell()

        self.stages.decide(number, lambda folder: barrier.decide(notes(), folder, tell))

    def _write(self, intake: Intake, n_shards: int) -> dict:
        """The corpus and its report; the report is written last, and says that all is there."""
        self._phase("Writing the corpus", n_shards, "")
        held_out = merge(
            self.folder.root, self.stages, n_shards, len(self.passes), self.tally, self.runner.splitter,
            lambda done: self._advance(1))
        tally, place = self.tally, intake.place
        self._leave_findings()
        report = {
            "documents_read": tally.documents_read, "documents_kept": tally.kept, "bytes_read": tally.bytes_read,
            "bytes_kept": tally.remaining_bytes, "rejected": self._rejected(), "held_out": held_out,
            "files_read": place.files_read, "files_skipped": place.files_skipped + len(self.found.closed),
            "problem": place.problem,
            "steps": tally.report_steps(self.runner.rules.names), "histograms": tally.report_histograms(),
        }  # fmt: skip
        write_json(self.folder.path(_REPORT), report)
        self.stages.remove()
        return report

    def _leave_findings(self) -> None:
        """Put what rules that compared documents leave for people beside the corpus."""
        barriers = [(number, part.closing.work) for number, part in enumerate(self.passes[:-1])]
        for name in {name: None for _, work in barriers for name in getattr(work, "leaves", ())}:
            temporary = self.folder.path(f"{TEMPORARY}{name}")
            with open(temporary, "wb") as all_of_them:
                for number, work in barriers:
                    if name in getattr(work, "leaves", ()):
                        with open(self.stages.decision(number) / name, "rb") as file:
                            shutil.copyfileobj(file, all_of_them)
            commit_file(temporary, self.folder.path(name))

    def _rejected(self) -> dict[str, int]:
        """Documents by what set them aside: readers first, then the rules in their order."""
        order = [rule for rule, _ in self.runner.rules.names]
        counts = self.tally.rejected
        return {rule: counts[rule] for rule in sorted(
            counts, key=lambda rule: (order.index(rule) if rule in order else -1, rule))}

    def _phase(self, name: str, total: float, unit: str) -> None:
        self.emit(Phase(name=name))
        self._done, self._total, self._unit = 0.0, total, unit
        self._tell(now=True)

    def _advance(self, amount: float) -> None:
        self._done += amount
        self._tell()

    def _tell_within(self, task: Task | None, so_far: Tally | None) -> None:
        """Like :meth:`_tell`, in the middle of a shard of which something is known already."""
        if so_far is None or time.perf_counter() - self._told_s < _REPORT_EVERY_S:
            return self._tell()
        whole = msgspec.convert(msgspec.to_builtins(self.tally), Tally)
        if task.number == 0:
            whole.merge(self.stages.result(0, task.shard).tally)
        whole.merge(so_far)
        self._tell(tally=whole)

    def _tell(self, now: bool = False, tally: Tally | None = None) -> None:
        """Progress and funnel, and a look at the requests, about five times a second."""
        if not now and time.perf_counter() - self._told_s < _REPORT_EVERY_S:
            return
        self._told_s = time.perf_counter()
        self.control.check()
        tally = tally or self.tally
        self.emit(Progress(
            stage="cleaning", done=min(self._done, self._total), total=self._total, unit=self._unit))
        self.emit(Funnel(
            documents_read=tally.documents_read, documents_kept=tally.remaining, bytes_read=tally.bytes_read,
            bytes_kept=tally.remaining_bytes, rejected=dict(tally.rejected)))


def _finished(folder: JobFolder) -> dict | None:
    """The report of a cleaning that was killed after its last file stood; what it left behind is removed."""
    path = folder.path(_REPORT)
    if not path.is_file() or not folder.path("kept.idx").is_file():
        return None
    report = json.loads(path.read_text("utf-8"))
    if not report["documents_kept"]:
        return None  # what there is to read may have changed since
    Stages(folder.root).remove()
    return report


def _stamps(rules: list[AnyRule]) -> list[list]:
    """[path, bytes, time of change] of every file that the rules name, or that lies in a folder that they name."""
    named: list[str] = []
    map_paths(rules, lambda path: named.append(path) or path)
    found = []
    for path in map(Path, dict.fromkeys(named)):
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            found.append([str(file), *_stamp(file)])
    return found


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of the last change, ns; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _tell_passed_over(found: Gathered, emit) -> None:
    for path, why in found.closed.items():
        emit(FileSkipped(path=path, problem="The file could not be read: {error}.",
                         remedy="Check the file and its permissions.", values={"error": why}))
    if found.unknown:
        endings = ", ".join(f"{ending} ({count})" for ending, count in sorted(found.unknown.items()))
        emit(Noted(
            text="{count} files were passed over because nothing reads their endings: {endings}.",
            values={"count": found.unknown.total(), "endings": endings}))
    if found.hidden:
        emit(Noted(text="{count} hidden files and folders were passed over.", values={"count": found.hidden}))


def _nothing_kept(spec: CorpusSpec, result: dict, problem: str) -> LabError:
    where = ", ".join(spec.sources)
    if not result["documents_read"]:
        return LabError(
            "No document could be read; {files} files were skipped, the first because: {first}", where,
            "Choose other files.", files=result["files_skipped"], first=problem or "-")
    rule, count = max(result["rejected"].items(), key=lambda pair: pair[1])
    return LabError(
        "None of the {read} documents was kept; the rule {rule} set aside {count} of them.", where,
        "Loosen that rule or choose other text; what was set aside can be browsed.",
        read=result["documents_read"], rule=rule, count=count)
