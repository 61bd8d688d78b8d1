"""The answer as single claims: what the training text says of each, how sure the model was, and what people judge."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.glass_panels import percent
from app.pages.glass_spans import DocumentPane, training_text
from app.state.context import AppContext
from app.state.examinations import Examinations
from app.state.look import Look
from app.translations import translate
from app.views.claim_row import ClaimRow
from core.errors import LabError, join_sentences, say
from core.glass.claims import token_range
from core.glass.reviews import ReviewBook, Reviewed
from core.glass.uncertainty import answer_risk
from core.spec.doubt import Claim, ClaimsExam, ClaimsSeen
from core.spec.glass import SpanDocument
from widgets import theme
from widgets.cards import Button, Card, EmptyState, Text
from widgets.notice import Notice

REVIEWS = "reviews"  # folder of the workspace
MOST_ROWS = 60  # claims shown of one answer


class ClaimsPanel(Card):
    """Lists the claims of an answer; each can be judged, and every judgement can be taken back."""

    claim_chosen = Signal(int, int)  # tokens of the answer, half-open

    def __init__(self, context: AppContext, load: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("What it claims"), parent=parent)
        self.context, self.look, self.claims = context, None, []
        self.rows: list[ClaimRow] = []
        self._book: ReviewBook | None = None
        self._shown: tuple | None = None
        self.exams = Examinations(context, load, self)
        self.exams.found.connect(self._on_found)
        self.exams.refused.connect(
            lambda _, sentence: self._say(self.tr("The claims could not be looked up"), sentence))
        self.told, self.notice = Text("", "muted"), Notice(closable=True)
        self.notice.hide()
        self.by_facts = Button(self.tr("Judge by the world's table"), "secondary")
        self.undo, self.folder = Button(self.tr("Undo"), "secondary"), Button(self.tr("Open their folder"), "link")
        self.by_facts.clicked.connect(self._judge_by_facts)
        self.undo.clicked.connect(self._undo)
        self.folder.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(context.workspace.root / REVIEWS))))
        self.folder.setToolTip(self.tr("Judgements are saved as RAGTruth has its labels: response.jsonl and "
                                       "source_info.jsonl. “judge” on the command line reads them."))  # fmt: skip
        self.state = EmptyState("glass", " ", " ")
        self.documents = DocumentPane()
        self.documents.setMinimumHeight(theme.space(28))
        self._arrange()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.space(1))
        head.addWidget(self.told, 1)
        for button in (self.folder, self.by_facts, self.undo):
            head.addWidget(button)
        self._list = QVBoxLayout()
        self._list.setSpacing(theme.space(1))
        self._found = QWidget()
        column = QVBoxLayout(self._found)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addLayout(head)
        column.addWidget(self.notice)
        column.addLayout(self._list)
        column.addWidget(self.documents, 1)
        column.addStretch(1)
        self.body.addWidget(self.state)
        self.body.addWidget(self._found, 1)

    def show_look(self, look: Look) -> None:
        """Claims of this answer; asked for when the panel is on screen."""
        self.look = look
        if not look.finished:
            self._shown = None
            self.exams.forget()
            self._say(self.tr("The answer is being written"), "")
        elif not look.records:
            self._say(self.tr("Nothing was written."), "")
        else:
            self._ask()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._ask()

    def _ask(self) -> None:
        look = self.look
        if look is None or not look.finished or not look.records or not self.isVisible():
            return
        asked = (id(look), look.found is not None)  # once more when its training text can be asked
        if asked != self._shown:
            self._shown = asked
            self.exams.forget()
            self.exams.ask("claims", ClaimsExam(), look)

    def _say(self, title: str, text: str) -> None:
        self.state.say(title, text)
        self.state.show()
        self._found.hide()

    def _on_found(self, _: str, seen: ClaimsSeen) -> None:
        self.claims = seen.claims[:MOST_ROWS]
        if not self.claims:
            self._say(self.tr("There is no claim in this answer"), self.tr("It holds no sentence with a word in it."))
            return
        try:
            self._book = ReviewBook(self.context.workspace.root / REVIEWS)
        except LabError as error:
            self._book = None
            self._warn(error)
        while self._list.count():
            self._list.takeAt(0).widget().deleteLater()
        self.rows = [ClaimRow(claim, self._risk_text(claim)) for claim in self.claims]
        for row in self.rows:
            row.chosen.connect(lambda row=row: self._choose(row.claim))
            row.judged.connect(lambda verdict, row=row: self._judge([(row.claim, verdict, "hand")]))
            self._list.addWidget(row)
        self.told.setText(self._told(seen))
        self.by_facts.setVisible(any(claim.fact for claim in self.claims))
        self.documents.hide()
        self.state.hide()
        self._found.show()
        self._show_marks()

    def _told(self, seen: ClaimsSeen) -> str:
        """What is doubtful, in one sentence; or why the training text says nothing."""
        count = len(self.claims)
        told = self.tr("1 claim.") if count == 1 else self.tr("{count} claims.").format(count=count)
        if seen.refusal is not None:
            refusal = say(seen.refusal.problem, "", seen.refusal.remedy, seen.refusal.values, translate)
            return join_sentences(told, refusal)
        absent = sum(claim.support == "absent" for claim in self.claims)
        apart = sum(claim.support == "parts" for claim in self.claims)
        if absent:
            told = join_sentences(told, self.tr("Naming something that the training text never names: {count}.").format(
                count=absent))  # fmt: skip
        if apart:
            told = join_sentences(told, self.tr("Naming things that it never brings together: {count}.").format(
                count=apart))  # fmt: skip
        if not absent and not apart:
            told = join_sentences(told, self.tr("The training text brings together all that is named."))
        return join_sentences(told, self.tr("A match is no proof: a text can be wrong."))

    def _risk_text(self, claim: Claim) -> str:
        first, last = self._tokens(claim)
        risk = answer_risk(self.look.records[first:last])
        return self.tr("least likely word {percent}").format(percent=percent(risk.least_sure)) if risk.tokens else ""

    def _tokens(self, claim: Claim) -> tuple[int, int]:
        return token_range([record.bytes for record in self.look.records], claim.start, claim.end)

    def _choose(self, claim: Claim) -> None:
        """The claim's words in the answer, and the documents that hold what it names."""
        self.claim_chosen.emit(*self._tokens(claim))
        self.documents.setVisible(bool(claim.documents))
        if not claim.documents:
            return
        try:
            corpus, _ = training_text(self.context.workspace, self.look.run)
        except LabError as error:
            self._warn(error)
            return
        places = []
        for row in claim.documents:
            document = corpus[row]
            value = next((part.text for part in reversed(claim.parts) if part.text in document.text), "")
            start = document.text.find(value) if value else 0
            places.append(SpanDocument(
                row=row, source=document.source, line=document.line, snippet=" ".join(document.text.split())[:160],
                match=(0, 0), start=start, end=start + len(value),
                text_line=document.text.count("\n", 0, start) + 1))  # fmt: skip
        self.documents.show_places(places, corpus)

    # judgements

    def reviewed(self) -> Reviewed:
        """The answer as the book knows it."""
        look = self.look
        text = b"".join(record.bytes for record in look.records).decode("utf-8", "replace")
        return Reviewed(model=look.source, prompt=look.prompt, response=text, temperature=look.temperature)

    def _judge(self, judged: Sequence[tuple[Claim, str, str]]) -> None:
        if self._book is None:
            return
        try:
            self._book.set(self.reviewed(), [(claim.start, claim.end, verdict or None, by)
                                             for claim, verdict, by in judged])  # fmt: skip
        except LabError as error:
            self._warn(error)
        self._show_marks()

    def _judge_by_facts(self) -> None:
        self._judge([(claim, claim.fact.verdict, "facts") for claim in self.claims if claim.fact])

    def _undo(self) -> None:
        try:
            self._book.undo()
        except LabError as error:
            self._warn(error)
        self._show_marks()

    def _show_marks(self) -> None:
        marks = self._book.marks(self.reviewed()) if self._book else {}
        for row in self.rows:
            mark = marks.get((row.claim.start, row.claim.end))
            row.set_verdict(mark.verdict if mark else "")
        self.undo.setEnabled(bool(self._book and self._book.can_undo))
        self.folder.setVisible(bool(self._book and self._book.path.is_file()))

    def _warn(self, error: LabError) -> None:
        self.notice.show_message("error", error.sentence(translate))
        self.notice.show()
