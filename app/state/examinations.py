"""Examinations of one answer that a panel has asked the engine for, and their replies."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.state.context import AppContext
from app.state.look import Look
from app.translations import translate
from core.errors import say
from core.spec.doubt import AnyExam
from core.spec.messages import Examined, Problem


class Examinations(QObject):
    """Asks for one panel; what another panel asked for is none of its business.

    Args:
        context: of the window.
        load: opens a source in the engine, unless it is open.
    """

    found = Signal(str, object)  # what it was asked as, core.spec.doubt.AnyExamined
    refused = Signal(str, str)  # what it was asked as, one sentence

    def __init__(self, context: AppContext, load: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._load = context, load
        self._waiting: dict[int, str] = {}
        context.session.examined.connect(self._on_examined)
        context.session.problem_raised.connect(self._on_problem)

    def ask(self, key: str, exam: AnyExam, look: Look) -> None:
        """Examine an answer; the reply names ``key``."""
        self._load(look.source)
        id = self._context.session.examine(exam, look.prompt, [record.id for record in look.records], look.prompt_ids)
        self._waiting[id] = key

    def forget(self) -> None:
        """Nothing that was asked is of interest any more."""
        for id in self._waiting:
            self._context.session.cancel(id)
        self._waiting.clear()

    def waits(self, key: str = "") -> bool:
        """Whether a reply, or one to ``key``, is still to come."""
        return key in self._waiting.values() if key else bool(self._waiting)

    def _on_examined(self, event: Examined) -> None:
        if key := self._waiting.pop(event.id, ""):
            self.found.emit(key, event.seen)

    def _on_problem(self, event: Problem) -> None:
        if key := self._waiting.pop(event.id, ""):
            self.refused.emit(key, say(event.problem, event.where, event.remedy, event.values, translate))
