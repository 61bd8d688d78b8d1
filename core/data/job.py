"""The corpus job: reads, cleans, holds out, and writes a corpus that can be browsed row by row."""

import time

from core.data.documents import Document, DocumentWriter, Rejected
from core.data.filters.rules import run_sample
from core.data.filters.verdict import Draft
from core.data.readers.document import EXCERPT_CHARACTERS, Origin, Raw, Reading, Refused, utf8_length
from core.data.readers.folder import gather
from core.data.split import Splitter, mended_share
from core.errors import LabError
from core.record.atomic import write_json
from core.record.control import Control
from core.record.events import FileSkipped, Funnel, Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.corpus import CorpusSpec

_REPORT_EVERY_S = 0.2


def run(spec: CorpusSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Import and clean; writes ``kept``, ``rejected`` and ``report.json`` into the folder.

    Returns:
        documents_read, documents_kept, bytes_read, bytes_kept (UTF-8 bytes of the texts), rejected
        {rule: documents}, held_out (documents), files_read, files_skipped, elapsed_s.
    Raises:
        LabError: nothing to read, nothing kept (what was rejected can still be browsed), or the disk is full.
        StopRequested: asked to stop; no half file is left.
    """
    started = time.perf_counter()
    emit(Phase(name="Listing files"))
    found = gather(spec.sources)
    _tell_passed_over(found, emit)
    emit(Phase(name="Reading and cleaning"))
    intake = Intake(spec, folder, emit, control, found.n_bytes)
    try:
        intake.read(found.origins)
        intake.commit()
    finally:
        intake.abandon()
    result = intake.result()
    write_json(folder.path("report.json"), result)  # without the time taken: equal requests give equal outputs
    if not intake.kept.count:
        raise _nothing_kept(spec, result, intake.first_problem)
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


class Intake:
    """Documents on their way from readers through rules to disk, and the count of what became of them."""

    def __init__(self, spec: CorpusSpec, folder: JobFolder, emit, control: Control, total_bytes: int) -> None:
        self.spec, self.folder, self.emit, self.control = spec, folder, emit, control
        self.drafts, self.splitter, self.held_out = [], Splitter(spec.held_out, spec.seed), 0
        self.kept = DocumentWriter(folder.root, "kept")
        self.rejected = DocumentWriter(folder.root, "rejected")
        self.by_rule: dict[str, int] = {}
        self.bytes_read = self.bytes_kept = self.files_read = self.files_skipped = 0
        self.first_problem: LabError | None = None
        self._done, self._total, self._told_s = 0, total_bytes, 0.0

    def read(self, origins: list[Origin]) -> None:
        """Take in everything, skipping what cannot be read."""
        reading = Reading(
            self.emit, self._advance, self.spec.text_field, self.spec.split_longer_than, self.spec.max_document_bytes)
        for origin in origins:
            before = self._done
            try:
                for item in origin.read(origin, reading):
                    self._take(item)
                    if self.full:
                        return
                self.files_read += 1
            except (LabError, OSError) as error:
                self._skip(origin, error)
            self._done = before + origin.n_bytes
            self._tell()

    @property
    def full(self) -> bool:
        """Whether as many documents were read as the spec allows."""
        return 0 < self.spec.max_documents <= len(self.drafts) + self.rejected.count

    def commit(self) -> None:
        """Finish the files and make sure that something is held out of two documents or more."""
        self.emit(Phase(name="Writing the corpus"))
        self._tell(now=True)
        self._judge_all()
        self.rejected.commit()
        self.kept.commit()

    def _judge_all(self) -> None:
        drafts = [draft for draft, _ in self.drafts]
        run = run_sample(self.spec.rules, drafts, self.folder.workspace, self.splitter)
        tally = run.tally
        share = mended_share(self.splitter.share, tally.kept, tally.held_out, tally.lowest, tally.highest)
        self.splitter.share = self.splitter.share if share is None else share
        for (draft, raw), reason in zip(self.drafts, run.outcomes, strict=True):
            if reason is not None:
                self._reject(draft.text, raw, reason.rule, reason.text, reason.values)
                continue
            split = self.splitter.side(draft.number)
            self.held_out += split == "held_out"
            self.bytes_kept += utf8_length(draft.text)
            self.kept.add(Document(
                id=self.kept.count, text=draft.text, source=raw.source, line=raw.line, split=split,
                changed=draft.text != raw.text))
        self._tell(now=True)

    def abandon(self) -> None:
        """Leave no half file; harmless after :meth:`commit`."""
        self.kept.abandon()
        self.rejected.abandon()

    def result(self) -> dict:
        """The counts so far."""
        return {
            "documents_read": self.kept.count + self.rejected.count, "documents_kept": self.kept.count,
            "bytes_read": self.bytes_read, "bytes_kept": self.bytes_kept, "rejected": dict(self.by_rule),
            "held_out": self.held_out, "files_read": self.files_read,
            "files_skipped": self.files_skipped,
        }  # fmt: skip

    def _take(self, item: Raw | Refused) -> None:
        if isinstance(item, Refused):
            self.bytes_read += item.n_bytes
            self._reject(item.text, item, item.rule, item.reason, item.values)
        else:
            self._judge(item)
        self._tell()

    def _judge(self, raw: Raw) -> None:
        n_bytes = utf8_length(raw.text)
        self.bytes_read += n_bytes
        if n_bytes > self.spec.max_document_bytes:
            limits = {"bytes": n_bytes, "limit": self.spec.max_document_bytes}
            reason = "The text is {bytes} bytes long; at most {limit} are allowed."
            return self._reject(raw.text[:EXCERPT_CHARACTERS], raw, "too_long", reason, limits)
        draft = Draft(_without_surrogates(raw.text), raw.source, raw.line, splitter=self.splitter)
        self.drafts.append((draft, raw))

    def _reject(self, text: str, item: Raw | Refused, rule: str, reason: str, values: dict) -> None:
        self.by_rule[rule] = self.by_rule.get(rule, 0) + 1
        self.rejected.add(Rejected(
            id=self.rejected.count, text=_without_surrogates(text), source=item.source, line=item.line, rule=rule,
            reason=reason, values=values))

    def _skip(self, origin: Origin, error: LabError | OSError) -> None:
        if not isinstance(error, LabError):
            error = LabError(
                "The file could not be read: {error}.", origin.source, "Check the file and its permissions.",
                error=error.strerror or type(error).__name__)
        self.files_skipped += 1
        self.first_problem = self.first_problem or error
        self.emit(FileSkipped(path=origin.source, problem=error.problem, remedy=error.remedy, values=error.values))

    def _advance(self, n_bytes: int) -> None:
        self._done += n_bytes
        self._tell()

    def _tell(self, now: bool = False) -> None:
        """Progress and funnel, and a look at the requests, about five times a second."""
        if not now and time.perf_counter() - self._told_s < _REPORT_EVERY_S:
            return
        self._told_s = time.perf_counter()
        self.control.check()
        done = min(self._done, self._total)
        self.emit(Progress(stage="reading", done=done, total=self._total, unit="bytes"))
        self.emit(Funnel(
            documents_read=self.kept.count + self.rejected.count, documents_kept=self.kept.count,
            bytes_read=self.bytes_read, bytes_kept=self.bytes_kept, rejected=dict(self.by_rule)))


def _without_surrogates(text: str) -> str:
    """The text as UTF-8 can hold it: lone surrogates, as JSON escapes may spell them, become U+FFFD."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tell_passed_over(found, emit) -> None:
    if found.unknown:
        endings = ", ".join(f"{ending} ({count})" for ending, count in sorted(found.unknown.items()))
        emit(Noted(
            text="{count} files were passed over because nothing reads their endings: {endings}.",
            values={"count": found.unknown.total(), "endings": endings}))
    if found.hidden:
        emit(Noted(text="{count} hidden files and folders were passed over.", values={"count": found.hidden}))


def _nothing_kept(spec: CorpusSpec, result: dict, problem: LabError | None) -> LabError:
    where = ", ".join(spec.sources)
    if not result["documents_read"]:
        first = problem.problem.format(**problem.values) if problem else "-"
        return LabError(
            "No document could be read; {files} files were skipped, the first because: {first}", where,
            "Choose other files.", files=result["files_skipped"], first=first)
    rule, count = max(result["rejected"].items(), key=lambda pair: pair[1])
    return LabError(
        "None of the {read} documents was kept; the rule {rule} set aside {count} of them.", where,
        "Loosen that rule or choose other text; what was set aside can be browsed.",
        read=result["documents_read"], rule=rule, count=count)
