"""Ways to make a model say less that is not so: tried on the question at hand, and compared over many questions."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.examinations import Examinations
from app.state.look import Look
from app.state.run_questionings import RunQuestionings
from app.views.mitigation_compare import ComparePanel
from app.views.mitigation_rows import MitigationRows
from core.spec.doubt import MitigationExam, MitigationSeen
from widgets import theme
from widgets.cards import Button, Card, Text

TRIED = ("plain", "limits", "retrieval", "dola", "contrastive")


class MitigationsPanel(QWidget):
    """One card for this question, one for many."""

    def __init__(
        self, context: AppContext, load: Callable[[str], None], questionings: RunQuestionings,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.look: Look | None = None
        self.exams = Examinations(context, load, self)
        self.exams.found.connect(self._on_found)
        self.exams.refused.connect(self._on_refused)
        self.once = Card(self.tr("The same question, another way"))
        self.caption = Text(self.tr(
            "Every way answers with the sampler's settings above. Risk is by the model itself, whoever chose the "
            "words; lower is better, but a short answer has less to lose."), "caption")
        self.try_all = Button(self.tr("Try all"), "primary")
        self.try_all.clicked.connect(self._try)
        self.rows = MitigationRows(TRIED)
        self.many = ComparePanel(questionings)
        head = QHBoxLayout()
        head.setSpacing(theme.space(1))
        head.addWidget(self.caption, 1)
        head.addWidget(self.try_all, 0, Qt.AlignmentFlag.AlignTop)
        self.once.body.addLayout(head)
        self.once.body.addWidget(self.rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        column.addWidget(self.once)
        column.addWidget(self.many)
        column.addStretch(1)

    def show_look(self, look: Look) -> None:
        """Another answer, or more of the same."""
        if look is not self.look or not look.finished:
            self.exams.forget()
            self.rows.clear()
        self.look = look
        self.try_all.setEnabled(look.finished and bool(look.records))
        self.many.show_run(look.run)

    def _try(self) -> None:
        look = self.look
        if self.exams.waits():
            return
        self.rows.clear()
        for name in TRIED:
            self.rows.set_waiting(name)
            self.exams.ask(name, MitigationExam(name, look.prompt, look.chat, look.settings), look)

    def _on_found(self, name: str, seen: MitigationSeen) -> None:
        self.rows.show_seen(seen)

    def _on_refused(self, name: str, sentence: str) -> None:
        self.rows.show_refusal(name, sentence)

    def shown(self) -> Sequence[str]:
        """The ways that have an answer on screen."""
        return self.rows.answered()
