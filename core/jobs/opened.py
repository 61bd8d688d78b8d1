"""The model that a session holds open, and what belongs to it: its run, its indexed training text, looks into it."""

from pathlib import Path

from core.errors import LabError
from core.record.folder import Workspace
from core.spec import messages as m


class OpenModel:
    """At most one model at a time; a new one takes the old one's place."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.source, self.run = "", ""
        self._engine = self._inside = None
        self._tracers: dict[str, object] = {}

    @property
    def engine(self):
        """The loaded engine.

        Raises:
            LabError: none is loaded.
        """
        if self._engine is None:
            raise LabError("No model is open.", "", "Choose one first.")
        return self._engine

    def load(self, source: str) -> None:
        """Open a model (see core.infer.sources); the old one goes first: two may not fit into memory."""
        from core.infer.open import open_engine

        self.close()
        self._engine = open_engine(source, self.workspace)
        self.source = source
        run: Path | None = getattr(self._engine, "run", None)
        if run is not None and run.resolve().parent == self.workspace.root / "runs":
            self.run = run.name

    def close(self) -> None:
        """Let go of the model."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._inside = None
        self.source, self.run = "", ""

    def need_run(self) -> str:
        """The run that grew the model.

        Raises:
            LabError: it was grown elsewhere.
        """
        if not self.run:
            raise LabError(
                "{name} was not grown in this workspace, so its training text is not here.", "",
                "Choose one of your own runs.", name=self.engine.name)  # fmt: skip
        return self.run

    def tracer(self):
        """The opened index of the loaded run; opened anew when a newer one was built.

        Raises:
            LabError: there is no run, no index, or one that no longer fits.
        """
        run = self.need_run()
        from core.glass.attribution import Tracer
        from core.glass.index_job import attribution_index

        newest = str(attribution_index(self.workspace, run))
        if newest not in self._tracers:
            self._tracers = {newest: Tracer.open(self.workspace, run)}
        return self._tracers[newest]

    def inside(self):
        """What answers looks into models."""
        if self._inside is None:
            from core.glass.inside import Inside

            self._inside = Inside(self.workspace)
        return self._inside

    def check_ids(self, ids: list[int]) -> None:
        """Raise a LabError where a token does not exist."""
        engine = self.engine
        wrong = next((id for id in ids if not 0 <= id < engine.vocab_size), None)
        if wrong is not None:
            raise LabError(
                "Token {id} does not exist: this model has {vocab_size} tokens.", "", "Tokenize the text anew.",
                id=wrong, vocab_size=engine.vocab_size)  # fmt: skip

    def prompt(self, request: m.Generate) -> tuple[str, list[int]]:
        """What the model is to be given, as text and as ids."""
        engine = self.engine
        if request.ids is not None:
            self.check_ids(request.ids)
            return b"".join(map(engine.token_bytes, request.ids)).decode("utf-8", "replace"), request.ids
        if request.chat is None:
            return request.prompt, engine.encode(request.prompt)
        if not engine.chat_template:
            raise LabError(
                "{name} has no chat template: it was not taught to hold a conversation.", "",
                "Choose another prompt template, or a chat model.", name=engine.name)  # fmt: skip
        from core.prompt.chat import render_with_template

        prompt = render_with_template(engine.chat_template, request.chat, getattr(engine, "end_text", ""))
        return prompt, engine.encode(prompt, special=True)

    def told(self, id: int) -> m.Loaded:
        """What the window is told of it."""
        engine = self.engine
        return m.Loaded(
            id=id, source=self.source, name=engine.name, kind=engine.kind, vocab_size=engine.vocab_size,
            context=engine.context, chat=bool(engine.chat_template), attributable=bool(self.run), run=self.run,
            step=getattr(engine, "step_trained", None),
        )  # fmt: skip
