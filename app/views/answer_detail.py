"""One answer: the ways it was asked, what was drawn beside it, and what the training text says of it."""

from collections import Counter
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.translations import translate
from app.views.world_words import stratum_help, stratum_text
from core.data.documents import Documents
from core.errors import LabError
from core.glass.answers import VERDICTS, Answered, Evidence, verdict
from core.record.folder import JobFolder
from widgets import theme
from widgets.cards import Button, Text
from widgets.notice import Notice

LEVELS = {"says_so": "info", "says_both": "warning", "says_otherwise": "warning", "names_both": "warning",
          "silent": "warning"}  # fmt: skip


class AnswerDetail(QWidget):
    """Shows an answer of the run it was told of; one click puts its question under the glass."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.run = context, ""
        self.answer: Answered | None = None
        self.asked, self.marked = Text("", "strong"), Text("", "body")
        self.says = Notice("info", "")
        self.drawn = Text("", "body")
        self.texts = QPlainTextEdit()
        self.texts.setReadOnly(True)
        self.texts.setFixedHeight(theme.space(14))
        self.texts.setAccessibleName(self.tr("Training documents"))
        self.glass = Button(self.tr("Put it under the glass"), "secondary", "glass")
        self.glass.clicked.connect(self._look)
        row = QHBoxLayout()
        row.addWidget(self.asked, 1)
        row.addWidget(self.glass)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.space(1), 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(row)
        for widget in (self.marked, self.says, self.drawn, self.texts):
            column.addWidget(widget)
        self.hide()

    def show_run(self, root: Path) -> None:
        """The answers shown from now on are those of this questioning."""
        self.run = JobFolder(root).request["spec"]["run"] if (root / "spec.toml").is_file() else ""
        self.answer = None
        self.hide()

    def show_answer(self, answer: Answered) -> None:
        """Show one answer."""
        self.answer = answer
        self.asked.setText(f"{answer.question.prompt} … {answer.answer}")
        truth = self.tr("Right.") if not answer.wrong else self.tr("Wrong: in this world it is {truth}.").format(
            truth=answer.label.truth)
        kind = answer.label.stratum
        told = "" if answer.p_wrong is None else self.tr("Risk told: {share} %.").format(
            share=f"{100 * answer.p_wrong:.0f}")
        self.marked.setText(" ".join(filter(None, (
            truth, told, self.tr("{stratum}: {meaning}").format(stratum=stratum_text(kind),
                                                                meaning=stratum_help(kind))))))  # fmt: skip
        self._show_evidence(answer.evidence)
        self.drawn.setText("\n".join(filter(None, (
            self.tr("Drawn {count} times: {answers}").format(
                count=len(answer.samples), answers=_counted(answer.samples)),
            self.tr("Asked in other words: {answers}").format(answers=_counted(answer.others))
            if answer.others else ""))))  # fmt: skip
        self.show()

    def _show_evidence(self, evidence: Evidence) -> None:
        found = verdict(evidence)
        counted = self.tr(
            "Of {about} training documents that name the subject, {together} name this answer too, and {stated} state "
            "it.").format(about=f"{evidence.about:,}", together=f"{evidence.together:,}", stated=f"{evidence.stated:,}")
        others = ", ".join(f"{value} ×{count}" for value, count in evidence.others.items())
        said = self.tr("Others say: {others}.").format(others=others) if others else ""
        self.says.show_message(LEVELS[found], " ".join(filter(None, (translate(VERDICTS[found]), counted, said))))
        self.texts.setPlainText("\n".join(self._documents(evidence)))
        self.texts.setVisible(bool(evidence.documents))

    def _documents(self, evidence: Evidence) -> list[str]:
        """The training documents that state the answer, or name both."""
        try:
            corpus = self.context.workspace.folder("runs", self.run).request["spec"]["corpus"]
            with Documents(self.context.workspace.folder("corpora", corpus).root) as documents:
                return [f"{row + 1:,}  {documents[row].text}" for row in evidence.documents if row < len(documents)]
        except (LabError, OSError):
            return [self.tr("The corpus of this run is not here any more.")]

    def _look(self) -> None:
        if self.answer is not None:
            self.context.navigate("glass", source=f"run:{self.run}@last", prompt=self.answer.question.prompt)


def _counted(answers: list[str]) -> str:
    """Answers with how often each came, the most frequent first."""
    return ", ".join(f"{answer or '∅'} ×{count}" if count > 1 else answer or "∅"
                     for answer, count in Counter(answers).most_common())  # fmt: skip
