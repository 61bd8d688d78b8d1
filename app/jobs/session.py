"""The window's end of the interactive engine: requests out, signals in, and a process that may die."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Qt, Signal

from core.jobs.launch import ROOT
from core.record.channel import FrameBuffer, pack
from core.spec import messages as m
from core.spec.corpus import CorpusSpec
from core.spec.doubt import AnyExam
from core.spec.glass import AttributionRules
from core.spec.inside import AnyLook
from core.spec.sampling import SamplingSpec

KEPT_STDERR_BYTES = 64_000
END_WAIT_MS = 1500


class EngineSession(QObject):
    """One engine process, started with the first request and anew after a crash.

    Every request returns its id at once; the answer comes as a signal whose event carries that
    id. Each request that cannot be answered, for whatever reason, gets one ``problem_raised``.
    After a crash the next request opens the last model again by itself.
    """

    loaded = Signal(object)  # core.spec.messages.Loaded
    token_produced = Signal(object)  # Token
    marked = Signal(object)  # Marked
    finished = Signal(object)  # Finished
    tokenized = Signal(object)  # Tokenized
    scored = Signal(object)  # Scored
    attributed = Signal(object)  # Attributed
    inside_shown = Signal(object)  # InsideShown
    examined = Signal(object)  # Examined
    document_shown = Signal(object)  # DocumentShown
    sources_counted = Signal(object)  # SourcesCounted
    clean_previewed = Signal(object)  # CleanPreviewed
    neighbours_found = Signal(object)  # NeighboursFound
    problem_raised = Signal(object)  # Problem
    process_ended = Signal(str)  # one plain sentence; only when it was not asked to end

    def __init__(self, workspace: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = Path(workspace)
        self._process: QProcess | None = None
        self._frames = FrameBuffer()
        self._stderr = b""
        self._last_id = 0
        self._open: dict[int, m.Request] = {}  # requests without an answer yet
        self._source = ""  # what the process has been asked to load
        self._signals = {
            m.Loaded: self.loaded, m.Token: self.token_produced, m.Finished: self.finished,
            m.Tokenized: self.tokenized, m.Scored: self.scored, m.Attributed: self.attributed,
            m.Marked: self.marked, m.Examined: self.examined,
            m.InsideShown: self.inside_shown, m.DocumentShown: self.document_shown,
            m.SourcesCounted: self.sources_counted, m.CleanPreviewed: self.clean_previewed,
            m.NeighboursFound: self.neighbours_found, m.Problem: self.problem_raised,
        }  # fmt: skip

    def load(self, source: str) -> int:
        """Open a model (see core.infer.sources); answered by ``loaded``."""
        self._source = source
        return self._ask(m.Load(id=self._next_id(), source=source))

    def generate(
        self,
        prompt: str = "",
        settings: SamplingSpec = SamplingSpec(),
        *,
        chat: Sequence[m.ChatMessage] | None = None,
        ids: list[int] | None = None,
        refresh: bool = False,
        trace: bool = False,
    ) -> int:
        """Continue a text, ids or a chat; answered by many ``token_produced`` (and ``marked``), then ``finished``."""
        turns = None if chat is None else list(chat)
        return self._ask(m.Generate(
            id=self._next_id(), prompt=prompt, ids=ids, chat=turns, settings=settings, refresh=refresh,
            trace=trace))  # fmt: skip

    def cancel(self, id: int) -> None:
        """Stop a generation (``finished`` still comes, its reason "cancelled") or a preview (``problem_raised``)."""
        if self.is_running and id in self._open:
            self._process.write(pack(m.Cancel(id=id)))

    def tokenize(self, text: str, tokenizer: str = "") -> int:
        """Cut a text into tokens (of the open model, or of a tokenizer by name); answered by ``tokenized``."""
        return self._ask(m.Tokenize(id=self._next_id(), text=text, tokenizer=tokenizer))

    def score(self, text: str = "", ids: list[int] | None = None) -> int:
        """Measure each token of a given text; answered by ``scored``."""
        return self._ask(m.Score(id=self._next_id(), text=text, ids=ids))

    def attribute(
        self,
        text: str = "",
        ids: list[int] | None = None,
        prompt: str = "",
        rules: AttributionRules = AttributionRules(),
    ) -> int:
        """Find an answer's words in the training text; answered by ``attributed``."""
        return self._ask(m.Attribute(id=self._next_id(), text=text, ids=ids, prompt=prompt, rules=rules))

    def look_inside(
        self, look: AnyLook, prompt: str = "", ids: Sequence[int] = (), prompt_ids: list[int] | None = None
    ) -> int:
        """Look into the open model while it reads a prompt and ``ids``; answered by ``inside_shown``."""
        return self._ask(m.LookInside(
            id=self._next_id(), look=look, prompt=prompt, ids=list(ids), prompt_ids=prompt_ids))  # fmt: skip

    def examine(
        self, exam: AnyExam, prompt: str = "", ids: Sequence[int] = (), prompt_ids: list[int] | None = None
    ) -> int:
        """Examine an answer to a prompt; answered by ``examined``."""
        return self._ask(m.Examine(
            id=self._next_id(), exam=exam, prompt=prompt, ids=list(ids), prompt_ids=prompt_ids))  # fmt: skip

    def document(self, row: int) -> int:
        """Fetch a training document; answered by ``document_shown``."""
        return self._ask(m.Document(id=self._next_id(), row=row))

    def neighbours(self, source: str, text: str, count: int = 10) -> int:
        """Find the tokens most like each of a text's, by a run's word vectors; answered by ``neighbours_found``."""
        return self._ask(m.Neighbours(id=self._next_id(), source=source, text=text, count=count))

    def count_sources(self, sources: list[str]) -> int:
        """Count files and bytes; answered by ``sources_counted``."""
        return self._ask(m.CountSources(id=self._next_id(), sources=sources))

    def preview_cleaning(self, spec: CorpusSpec, known: str = "") -> int:
        """Try rules on a sample of their sources; answered by ``clean_previewed``."""
        return self._ask(m.CleanPreview(id=self._next_id(), spec=spec, known=known))

    @property
    def source(self) -> str:
        """The model that was last asked for; empty when it could not be opened."""
        return self._source

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def is_busy(self) -> bool:
        """Whether a request is still without its answer."""
        return bool(self._open)

    @property
    def details(self) -> str:
        """The last lines that the process wrote to its standard error."""
        return self._stderr.decode("utf-8", "replace")

    def start(self) -> None:
        """Start the process ahead of the first request; harmless when it runs already."""
        if self._process is not None:
            return
        self._frames, self._stderr = FrameBuffer(), b""
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONPATH", str(ROOT))
        environment.insert("PYTHONIOENCODING", "utf-8")
        process.setProcessEnvironment(environment)
        process.setWorkingDirectory(str(ROOT))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_stderr)
        process.finished.connect(self._on_finished)
        # queued: a failure may come while start() still runs, before the caller knows its request's id
        process.errorOccurred.connect(self._on_error, Qt.ConnectionType.QueuedConnection)
        self._process = process
        process.start(sys.executable, ["-m", "core.jobs.session", str(self._workspace)])

    def close(self) -> None:
        """End the process and forget what was asked; no signal follows."""
        process, self._process = self._process, None
        self._open.clear()
        self._source = ""
        if process is None:
            return
        process.blockSignals(True)
        if process.state() != QProcess.ProcessState.NotRunning:
            process.write(pack(m.Shutdown()))
            process.closeWriteChannel()
            if not process.waitForFinished(END_WAIT_MS):
                process.kill()
                process.waitForFinished(END_WAIT_MS)
        process.deleteLater()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _ask(self, request: m.Request) -> int:
        if self._process is None:
            self.start()
            if self._source and not isinstance(request, m.Load):
                self._send(m.Load(id=self._next_id(), source=self._source))
        self._send(request)
        return request.id

    def _send(self, request: m.Request) -> None:
        self._open[request.id] = request
        if self.is_running:  # otherwise its end is about to be told, and answers this too
            self._process.write(pack(request))

    def _read(self) -> None:
        process = self._process
        data = bytes(process.readAllStandardOutput())
        try:
            events = [msgspec.convert(frame, m.Event) for frame in self._frames.feed(data)]
        except (ValueError, msgspec.MsgspecError):  # the channel is out of step: nothing after it can be trusted
            process.kill()
            return
        for event in events:
            self._settle(event)
            self._signals[type(event)].emit(event)

    def _settle(self, event: m.Event) -> None:
        """Close the request that an event answers; forget a model that could not be opened."""
        request = self._open.get(event.id)
        if isinstance(request, m.Generate) and isinstance(event, (m.Token, m.Marked, m.Loaded)):
            return  # more is to come
        self._open.pop(event.id, None)
        if isinstance(event, m.Problem) and isinstance(request, m.Load) and request.source == self._source:
            self._source = ""

    def _read_stderr(self) -> None:
        self._stderr = (self._stderr + bytes(self._process.readAllStandardError()))[-KEPT_STDERR_BYTES:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(self.tr("The engine could not be started."))

    def _on_finished(self, *_) -> None:
        self._read()
        self._read_stderr()
        self._end(self.tr("The engine stopped unexpectedly. The next question starts it again."))

    def _end(self, sentence: str) -> None:
        """Forget a dead process, answer what is open, and say so."""
        process, self._process = self._process, None
        if process is None:
            return
        process.blockSignals(True)
        process.deleteLater()
        unanswered, self._open = sorted(self._open), {}
        for id in unanswered:
            self.problem_raised.emit(m.Problem(
                id=id, problem="The engine stopped before it had answered.", remedy="Ask again."))  # fmt: skip
        self.process_ended.emit(sentence)
