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
from core.record.channel import read_frame, take_stdio, write_frame
from core.spec import messages as m


class Session:
    """Holds one engine and answers requests; ``send`` is called with every event."""

    def __init__(self, workspace: Path, send) -> None:
        from core.record.folder import Workspace

        self.workspace, self._send = Workspace(workspace), send
        self._engine, self._source, self._run = None, "", ""
        self._tracers: dict[str, object] = {}
        self._preview = self._vectors = self._inside = None
        self._waiting: queue.Queue = queue.Queue()
        self._cancelled: set[int] = set()
        self._answers = {
            m.Load: self._load, m.Generate: self._generate, m.Tokenize: self._tokenize, m.Score: self._score,
            m.Attribute: self._attribute, m.Document: self._document, m.Neighbours: self._neighbours,
            m.CountSources: self._count_sources, m.CleanPreview: self._clean_preview, m.LookInside: self._look_inside,
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
        if self._engine is not None:
            self._engine.close()

    def _load(self, request: m.Load) -> None:
        from core.infer.open import open_engine

        # The old model goes first: two of them may not fit into memory.
        if self._engine is not None:
            self._engine.close()
        self._engine, self._source, self._run, self._inside = None, "", "", None
        self._engine = open_engine(request.source, self.workspace)
        self._source = request.source
        run = getattr(self._engine, "run", None)
        if run is not None and run.resolve().parent == self.workspace.root / "runs":
            self._run = run.name
        self._tell_loaded(request.id)

    def _tell_loaded(self, id: int) -> None:
        engine = self._engine
        self._send(m.Loaded(
            id=id, source=self._source, name=engine.name, kind=engine.kind, vocab_size=engine.vocab_size,
            context=engine.context, chat=bool(engine.chat_template), attributable=bool(self._run), run=self._run,
            step=getattr(engine, "step_trained", None),
        ))  # fmt: skip

    def _generate(self, request: m.Generate) -> None:
        from core.infer.generate import Utf8Stream, generate

        engine = self._loaded()
        if request.refresh and hasattr(engine, "refresh") and engine.refresh():
            self._tell_loaded(request.id)
        prompt, ids = self._prompt(request)
        run = generate(engine, ids, request.settings, lambda: request.id in self._cancelled)
        stream, text, produced, began = Utf8Stream(), [], [], time.perf_counter()
        for record in run:
            text.append(stream.feed(record.bytes))
            self._send(m.Token(id=request.id, index=len(produced), text=text[-1], record=record))
            produced.append(record.id)
        text.append(stream.finish())
        elapsed_s = time.perf_counter() - began
        self._send(m.Finished(
            id=request.id, reason=run.reason, text="".join(text), tokens=len(produced), prompt=prompt,
            prompt_ids=run.prompt_ids, ids=produced, elapsed_s=elapsed_s,
            tokens_per_s=len(produced) / elapsed_s if elapsed_s > 0 else 0.0,
        ))  # fmt: skip

    def _prompt(self, request: m.Generate) -> tuple[str, list[int]]:
        """What the model is to be given, as text and as ids."""
        engine = self._engine
        if request.ids is not None:
            self._check_ids(request.ids)
            return b"".join(map(engine.token_bytes, request.ids)).decode("utf-8", "replace"), request.ids
        if request.chat is None:
            return request.prompt, engine.encode(request.prompt)
        if not engine.chat_template:
            raise LabError(
                "{name} has no chat template: it was not taught to hold a conversation.", "",
                "Choose another prompt template, or a chat model.", name=engine.name)  # fmt: skip
        from core.prompt.chat import render_with_template

        prompt = render_with_template(engine.chat_template, request.chat, _end_text(engine))
        return prompt, engine.encode(prompt, special=True)

    def _tokenize(self, request: m.Tokenize) -> None:
        cutter = self._tokenizer(request.tokenizer) if request.tokenizer else self._loaded()
        tokens = [(id, cutter.token_bytes(id)) for id in cutter.encode(request.text)]
        self._send(m.Tokenized(id=request.id, tokens=tokens))

    def _tokenizer(self, name: str):
        from core.tokens.tokenizer import Tokenizer

        return Tokenizer.load(self.workspace.folder("tokenizers", name).root)

    def _score(self, request: m.Score) -> None:
        from core.infer.generate import score

        engine = self._loaded()
        ids = engine.encode(request.text) if request.ids is None else request.ids
        self._check_ids(ids)
        self._send(m.Scored(id=request.id, tokens=score(engine, ids)))

    def _attribute(self, request: m.Attribute) -> None:
        engine = self._loaded()
        ids = engine.encode(request.text) if request.ids is None else request.ids
        self._check_ids(ids)
        found = self._tracer().attribute(ids, request.prompt, request.rules)
        self._send(m.Attributed(
            id=request.id, ids=ids, spans=found.spans, training_tokens=found.training_tokens, support=found.support,
            closest=found.closest))

    def _tracer(self):
        """The opened index of the loaded run; opened anew when a newer one was built."""
        self._need_run()
        from core.glass.attribution import Tracer
        from core.glass.index_job import attribution_index

        newest = str(attribution_index(self.workspace, self._run))
        if newest not in self._tracers:
            self._tracers = {newest: Tracer.open(self.workspace, self._run)}
        return self._tracers[newest]

    def _look_inside(self, request: m.LookInside) -> None:
        from core.infer.engine import begin

        engine = self._loaded()
        prompt = engine.encode(request.prompt) if request.prompt_ids is None else request.prompt_ids
        prompt = begin(engine, prompt)
        ids = [*prompt, *request.ids]
        self._check_ids(ids)
        if self._inside is None:
            from core.glass.inside import Inside

            self._inside = Inside(self.workspace)
        seen = self._inside.answer(engine, self._run, request.look, ids, lambda: self._check_wanted(request.id))
        tokens = [(id, engine.token_bytes(id)) for id in ids]
        self._send(m.InsideShown(id=request.id, tokens=tokens, prompt_tokens=len(prompt), seen=seen))

    def _check_wanted(self, id: int) -> None:
        if id in self._cancelled:
            raise LabError("This look is no longer wanted.")

    def _document(self, request: m.Document) -> None:
        self._need_run()
        from core.data.documents import Documents

        corpus = self.workspace.folder("runs", self._run).request["spec"]["corpus"]
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

    def _loaded(self):
        if self._engine is None:
            raise LabError("No model is open.", "", "Choose one first.")
        return self._engine

    def _need_run(self) -> None:
        engine = self._loaded()
        if not self._run:
            raise LabError(
                "{name} was not grown in this workspace, so its training text is not here.", "",
                "Choose one of your own runs.", name=engine.name)  # fmt: skip

    def _check_ids(self, ids: list[int]) -> None:
        wrong = next((id for id in ids if not 0 <= id < self._engine.vocab_size), None)
        if wrong is not None:
            raise LabError(
                "Token {id} does not exist: this model has {vocab_size} tokens.", "", "Tokenize the text anew.",
                id=wrong, vocab_size=self._engine.vocab_size)  # fmt: skip


class _Everything(set):
    """A set that holds whatever it is asked about."""

    def __contains__(self, _) -> bool:
        return True


def _end_text(engine) -> str:
    """What a chat template knows as ``eos_token``, where the engine can say it."""
    return getattr(engine, "end_text", "")


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
