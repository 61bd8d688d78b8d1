"""The interactive engine: one long-lived process that answers the window over its own pipes.

Run as ``python -m core.jobs.session WORKSPACE``. Requests and events are those of
core.spec.messages, as frames on standard input and output. The main thread reads, so that a
cancellation arrives at any token; one worker thread does everything else, in order. The
process ends when its input closes: no window, no session.
"""

import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import BinaryIO

import msgspec

from core.errors import LabError
from core.jobs.opened import OpenModel
from core.record.channel import read_frame, take_stdio, write_frame
from core.spec import messages as m


class Session:
    """Holds one engine and answers requests; ``send`` is called with every event."""

    def __init__(self, workspace: Path, send) -> None:
        from core.record.folder import Workspace

        self.workspace, self._send = Workspace(workspace), send
        self._open = OpenModel(self.workspace)
        self._preview = self._vectors = self._examination = None
        self._waiting: queue.Queue = queue.Queue()
        self._cancelled: set[int] = set()
        self._answers = {
            m.Load: self._load, m.Generate: self._generate, m.Tokenize: self._tokenize, m.Score: self._score,
            m.Attribute: self._attribute, m.Document: self._document, m.Neighbours: self._neighbours,
            m.CountSources: self._count_sources, m.CleanPreview: self._clean_preview, m.LookInside: self._look_inside,
            m.Examine: self._examine,
        }  # fmt: skip

    # The main thread's side.

    def take(self, request: m.Request) -> None:
        """Accept a request; returns at once."""
        if isinstance(request, m.Cancel):
            self._cancelled.add(request.id)
        else:
            self._waiting.put(request)

    def finish(self) -> None:
        """Let the worker end after what it is doing, cut short where it can be."""
        self._cancelled = _Everything()
        self._waiting.put(None)

    # The worker thread's side.

    def work(self) -> None:
        """Answer requests until ``finish``; whatever goes wrong becomes a Problem."""
        while (request := self._waiting.get()) is not None:
            try:
                self._answers[type(request)](request)
            except BrokenPipeError:
                return  # the window is gone
            except LabError as error:
                self._send(_problem(request.id, error))
            except MemoryError:
                short = LabError("There is not enough memory.", "", "Choose a smaller model or a shorter text.")
                self._send(_problem(request.id, short))
            except Exception as error:  # the process must outlive any one request
                traceback.print_exc()
                self._send(_problem(request.id, _unforeseen(error)))
            finally:
                self._cancelled.discard(request.id)
        self._open.close()

    def _load(self, request: m.Load) -> None:
        self._open.load(request.source)
        self._send(self._open.told(request.id))

    def _generate(self, request: m.Generate) -> None:
        from core.infer.generate import Utf8Stream, generate

        engine = self._open.engine
        if request.refresh and hasattr(engine, "refresh") and engine.refresh():
            self._send(self._open.told(request.id))
        prompt, ids = self._open.prompt(request)
        run = generate(engine, ids, request.settings, lambda: request.id in self._cancelled)
        live = self._live_trace(prompt) if request.trace else None
        stream, text, produced, began = Utf8Stream(), [], [], time.perf_counter()
        for record in run:
            text.append(stream.feed(record.bytes))
            self._send(m.Token(id=request.id, index=len(produced), text=text[-1], record=record))
            produced.append(record.id)
            if live is not None and (spans := live.add(record.id)) is not None:
                self._send(m.Marked(id=request.id, spans=spans))
        text.append(stream.finish())
        elapsed_s = time.perf_counter() - began
        self._send(m.Finished(
            id=request.id, reason=run.reason, text="".join(text), tokens=len(produced), prompt=prompt,
            prompt_ids=run.prompt_ids, ids=produced, elapsed_s=elapsed_s,
            tokens_per_s=len(produced) / elapsed_s if elapsed_s > 0 else 0.0,
        ))  # fmt: skip

    def _live_trace(self, prompt: str):
        """What marks the spans of an answer while it is written; None where the training text cannot be asked."""
        from core.glass.live import LiveTrace

        try:
            return LiveTrace(self._open.tracer(), prompt)
        except LabError:
            return None  # why is told when the whole answer is to be traced

    def _tokenize(self, request: m.Tokenize) -> None:
        cutter = self._tokenizer(request.tokenizer) if request.tokenizer else self._open.engine
        tokens = [(id, cutter.token_bytes(id)) for id in cutter.encode(request.text)]
        self._send(m.Tokenized(id=request.id, tokens=tokens))

    def _tokenizer(self, name: str):
        from core.tokens.tokenizer import Tokenizer

        return Tokenizer.load(self.workspace.folder("tokenizers", name).root)

    def _score(self, request: m.Score) -> None:
        from core.infer.generate import score

        engine = self._open.engine
        ids = engine.encode(request.text) if request.ids is None else request.ids
        self._open.check_ids(ids)
        self._send(m.Scored(id=request.id, tokens=score(engine, ids)))

    def _attribute(self, request: m.Attribute) -> None:
        engine = self._open.engine
        ids = engine.encode(request.text) if request.ids is None else request.ids
        self._open.check_ids(ids)
        found = self._open.tracer().attribute(ids, request.prompt, request.rules)
        self._send(m.Attributed(
            id=request.id, ids=ids, spans=found.spans, training_tokens=found.training_tokens, support=found.support,
            closest=found.closest))

    def _look_inside(self, request: m.LookInside) -> None:
        from core.infer.engine import begin

        engine = self._open.engine
        prompt = engine.encode(request.prompt) if request.prompt_ids is None else request.prompt_ids
        prompt = begin(engine, prompt)
        ids = [*prompt, *request.ids]
        self._open.check_ids(ids)
        check = lambda: self._check_wanted(request.id)  # noqa: E731
        seen = self._open.inside().answer(engine, self._open.run, request.look, ids, check)
        tokens = [(id, engine.token_bytes(id)) for id in ids]
        self._send(m.InsideShown(id=request.id, tokens=tokens, prompt_tokens=len(prompt), seen=seen))

    def _examine(self, request: m.Examine) -> None:
        self._open.check_ids([*(request.prompt_ids or ()), *request.ids])
        if self._examination is None:
            from core.glass.examination import Examination

            self._examination = Examination(self._open)
        seen = self._examination.answer(request, lambda: self._check_wanted(request.id))
        self._send(m.Examined(id=request.id, seen=seen))

    def _check_wanted(self, id: int) -> None:
        if id in self._cancelled:
            raise LabError("This look is no longer wanted.")

    def _document(self, request: m.Document) -> None:
        from core.data.documents import Documents

        corpus = self.workspace.folder("runs", self._open.need_run()).request["spec"]["corpus"]
        documents = Documents(self.workspace.folder("corpora", corpus).root, "kept")
        if not 0 <= request.row < len(documents):
            raise LabError(
                "The corpus has no document {row}.", corpus, "Its documents are numbered 0 to {last}.",
                row=request.row, last=len(documents) - 1)  # fmt: skip
        found = documents[request.row]
        self._send(m.DocumentShown(
            id=request.id, row=request.row, text=found.text, source=found.source, line=found.line, split=found.split))

    def _neighbours(self, request: m.Neighbours) -> None:
        from core.infer.sources import checkpoint_path, split_run
        from core.infer.vectors import WordTable

        name, which = split_run(request.source)
        run = self.workspace.folder("runs", name).root
        if self._vectors is None or self._vectors.checkpoint != checkpoint_path(run, which):
            self._vectors = WordTable(run, which)
        self._send(m.NeighboursFound(id=request.id, tokens=self._vectors.neighbours(request.text, request.count)))

    def _count_sources(self, request: m.CountSources) -> None:
        self._send(self._cleaning().count(request.id, request.sources))

    def _clean_preview(self, request: m.CleanPreview) -> None:
        def check() -> None:
            if request.id in self._cancelled:
                raise LabError("This preview is no longer wanted.")

        check()
        self._send(self._cleaning().run(request.id, request.spec, request.known, check))

    def _cleaning(self):
        """What tries rules on a sample; imports no engine."""
        if self._preview is None:
            from core.data.preview import Preview

            self._preview = Preview(self.workspace.root)
        return self._preview


class _Everything(set):
    """A set that holds whatever it is asked about."""

    def __contains__(self, _) -> bool:
        return True


def _problem(id: int, error: LabError) -> m.Problem:
    return m.Problem(id=id, problem=error.problem, where=error.where, remedy=error.remedy, values=error.values)


def _unforeseen(error: Exception) -> LabError:
    return LabError(
        "Something went wrong in the engine: {error}.", "", "Try again; the engine's log has the details.",
        error=f"{type(error).__name__}: {error}".rstrip("."))  # fmt: skip


def _request(frame) -> m.Request:
    """A typed request.

    Raises:
        LabError: what came is no request, or one of its fields does not fit.
    """
    try:
        return msgspec.convert(frame, m.Request)
    except msgspec.ValidationError as error:
        raise LabError(
            "The engine was asked for something it does not understand: {error}.", "", "Correct that value.",
            error=str(error).rstrip(".")) from None  # fmt: skip


def serve(workspace: Path, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests from ``source`` with events to ``sink`` until it closes or Shutdown comes."""
    writing = threading.Lock()

    def send(event: m.Event) -> None:
        with writing:
            write_frame(sink, event)

    session = Session(workspace, send)
    worker = threading.Thread(target=session.work, name="engine", daemon=True)
    worker.start()
    while worker.is_alive() and (frame := read_frame(source)) is not None:
        try:
            request = _request(frame)
        except LabError as error:
            id = frame.get("id") if isinstance(frame, dict) else None
            send(_problem(id if isinstance(id, int) else -1, error))
            continue
        if isinstance(request, m.Shutdown):
            break
        session.take(request)
    session.finish()
    worker.join(timeout=5)


def main() -> None:
    """Entry of the process."""
    source, sink = take_stdio()
    # One core stays free for the window and for a run that trains meanwhile; read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    serve(Path(sys.argv[1]), source, sink)
    sys.stderr.flush()
    os._exit(0)  # a library's own threads must not keep the process alive


if __name__ == "__main__":
    main()
