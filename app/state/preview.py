"""A cleaning preview as the window sees it: asked for at leisure, answered once, stale answers dropped."""

from dataclasses import dataclass, field
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal

from core.spec import messages as m
from core.spec.corpus import CorpusSpec

PAUSE_MS = 120  # so long nothing may change before a question is put


@dataclass(frozen=True)
class SampleDocument:
    """One document of a sample, and what became of it; ``before`` is its text as it was found."""

    id: int
    text: str
    before: str
    source: str
    line: int
    rule: str = ""
    reason: str = ""
    values: dict = field(default_factory=dict)
    measure: str = ""
    value: float | None = None
    limit: float | None = None

    @property
    def changed(self) -> bool:
        """Whether a rule mended it."""
        return self.text != self.before


class CleaningPreview(QObject):
    """Puts questions to the cleaning process; of many quick changes only the last is asked.

    ``previewed`` carries the CleanPreviewed; the documents of its sample are in ``documents``.
    """

    counted = Signal(object)  # SourcesCounted
    previewed = Signal(object)  # CleanPreviewed
    failed = Signal(object)  # Problem
    busy_changed = Signal(bool)

    def __init__(self, context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._session = context, None
        self._spec: CorpusSpec | None = None
        self._asked = self._counting = -1
        self._asked_t = 0.0
        self._sample, self._texts, self._sources = "", [], []
        self.documents: list[SampleDocument] = []
        self.busy, self.elapsed_s = False, 0.0
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self._ask)

    def count(self, sources: list[str]) -> None:
        """Count files and bytes at once."""
        self._counting = self._engine().count_sources(sources)

    def ask(self, spec: CorpusSpec) -> None:
        """Ask what these rules do, once nothing changes for a moment; an older question is given up."""
        self._spec = spec
        self._pause.start()
        self._set_busy(True)

    def forget(self) -> None:
        """Ask nothing and expect nothing."""
        self._pause.stop()
        self._cancel()
        self._set_busy(False)

    def _engine(self):
        session = self._context.cleaning_session
        if session is not self._session:
            self._session, self._sample = session, ""
            session.sources_counted.connect(self._on_counted)
            session.clean_previewed.connect(self._on_previewed)
            session.problem_raised.connect(self._on_problem)
        return session

    def _cancel(self) -> None:
        if self._asked >= 0 and self._session is not None:
            self._session.cancel(self._asked)
        self._asked = -1

    def _ask(self) -> None:
        self._cancel()
        self._asked_t = perf_counter()
        self._asked = self._engine().preview_cleaning(self._spec, self._sample)

    def _on_counted(self, event: m.SourcesCounted) -> None:
        if event.id == self._counting:
            self.counted.emit(event)

    def _on_previewed(self, event: m.CleanPreviewed) -> None:
        if event.texts is not None:  # the texts are worth keeping even of an answer nobody waits for
            self._sample, self._texts, self._sources = event.sample, event.texts, event.sources
        if event.id != self._asked:
            return
        self._asked = -1
        self.elapsed_s = perf_counter() - self._asked_t
        self.documents = [self._document(fate) for fate in event.fates]
        self._set_busy(self._pause.isActive())
        self.previewed.emit(event)

    def _document(self, fate: m.Fate) -> SampleDocument:
        before, (source, line) = self._texts[fate.row], self._sources[fate.row]
        return SampleDocument(
            fate.row, before if fate.text is None else fate.text, before, source, line, fate.rule, fate.reason,
            fate.values, fate.measure, fate.value, fate.limit)

    def _on_problem(self, event: m.Problem) -> None:
        if event.id not in (self._asked, self._counting):
            return
        if event.id == self._asked:
            self._asked = -1
            self._set_busy(self._pause.isActive())
        else:
            self._counting = -1
        self.failed.emit(event)

    def _set_busy(self, busy: bool) -> None:
        if busy != self.busy:
            self.busy = busy
            self.busy_changed.emit(busy)
