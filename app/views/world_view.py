"""One world: the shares of its facts or tasks, the table of what is true, and the documents that say it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.views.job_head import JobHead
from app.views.world_words import stratum_help, stratum_text, subject_text
from app.words import bytes_text, count_text, percent_text
from core.data.documents import Documents
from core.data.worlds.facts import STRATA, Fact, FactTable, Item
from core.errors import LabError
from widgets import theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.fact_table import FactTableView
from widgets.share_bar import ShareBar, Swatch

DOCUMENTS_SHOWN = 40


class WorldView(QWidget):
    """Shows the world it is told to; its table opens once it is finished."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._opened: tuple[FactTable, Documents] | None = None
        self._groups = 0
        self.head = JobHead(context)
        self.next = Button(self.tr("Train a tokenizer on it"), "secondary", "tokens")
        self.next.clicked.connect(lambda: context.navigate("data", new="tokenizer", chosen=self.root.name))
        self.head.add_button(self.next)
        self.rows, self.documents, self.size, self.held_out = (
            StatTile(self.tr("Facts")), StatTile(self.tr("Documents")), StatTile(self.tr("Text")),
            StatTile(self.tr("Held out")))  # fmt: skip
        self.bar, self.shares = ShareBar(), QGridLayout()
        self.table = FactTableView()
        self.table.setMinimumHeight(theme.space(34))
        self.table.row_chosen.connect(self.show_row)
        self.truth, self.said = Text("", "strong"), Text("", "body")
        self.questions = Text("", "muted")
        self.texts = QPlainTextEdit()
        self.texts.setReadOnly(True)
        self.texts.setMinimumHeight(theme.space(20))
        self.texts.setAccessibleName(self.tr("Documents that say it"))
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this world."""
        if root != self.root:
            self.root = root
            self._close()
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        done, funnel, result = job.view.state == "completed", job.view.funnel, job.view.result
        self.next.setVisible(done)
        self.rows.set_value(count_text(result["facts"]) if "facts" in result else "")
        if funnel is not None:
            self.documents.set_value(count_text(funnel.documents_kept))
            self.size.set_value(bytes_text(funnel.bytes_kept))
        self.held_out.set_value(count_text(result["held_out"]) if "held_out" in result else "", self.tr("documents"))
        self.table_card.setVisible(done)
        if done and self._opened is None:
            self._open(job)
        self.shares_card.setVisible(done and self._groups > 1)  # one task alone has no shares

    def show_row(self, number: int) -> None:
        """Show one fact or task: the truth, what the text says, how it is asked, and the documents."""
        table, documents = self._opened
        row = table[number]
        (self._show_fact if isinstance(row, Fact) else self._show_item)(row)
        shown = [f"{place + 1:,}  {documents[place].text}" for place in row.documents[:DOCUMENTS_SHOWN]]
        more = len(row.documents) - len(shown)
        if more > 0:
            shown.append(self.tr("… and {count} more").format(count=f"{more:,}"))
        self.texts.setPlainText("\n\n".join(shown) or self.tr("No document says it."))

    def _show_fact(self, fact: Fact) -> None:
        self.truth.setText(self.tr("{person}, {relation}: {value}").format(
            person=fact.subject, relation=subject_text(fact.relation), value=fact.value))  # fmt: skip
        lines = [self.tr("{stratum}: {meaning}").format(
            stratum=stratum_text(fact.stratum), meaning=stratum_help(fact.stratum))]
        said = ", ".join(f"{stated.value} ×{stated.count}" for stated in fact.stated)
        lines += [self.tr("The text says: {said}").format(said=said)] if said else []
        met = ", ".join(f"{met.value} ×{met.count}" for met in fact.met)
        lines += [self.tr("Met without being stated: {met}").format(met=met)] if met else []
        self.said.setText("\n".join(lines))
        self.questions.setText(self.tr("Asked so: {question}").format(question=f"{fact.questions[0]} …"))

    def _show_item(self, item: Item) -> None:
        self.truth.setText(item.question)
        self.said.setText("\n".join([*item.steps, self.tr("Answer: {answer}").format(answer=item.answer)]))
        self.questions.setText("")

    def _open(self, job: Job) -> None:
        try:
            table, documents = FactTable(job.root), Documents(job.root)
            world = table.world
        except (LabError, OSError, ValueError) as error:
            if isinstance(error, LabError):
                self.context.notify(error)
            return
        self._opened = table, documents
        tasks = "tasks" in world["got"]
        got = world["got"]["tasks" if tasks else "strata"]
        numbers = world["got"]["of_task" if tasks else "facts"]
        words = {name: subject_text(name) if tasks else stratum_text(name) for name in (got if tasks else STRATA)}
        self.rows.label.setText(self.tr("Tasks") if tasks else self.tr("Facts"))
        self._show_shares(words, world["asked"]["tasks" if tasks else "strata"], got, numbers, tasks)
        self.table.set_rows(table, tasks, {name: f"{text} ({numbers[name]:,})" for name, text in words.items()})
        self.table.choose(0)

    def _show_shares(self, words: dict, asked: dict, got: dict, numbers: dict, tasks: bool) -> None:
        while self.shares.count():
            self.shares.takeAt(0).widget().deleteLater()
        self._groups = len(words)
        heads = ["", self.tr("Tasks") if tasks else self.tr("What the text says of facts"), self.tr("Asked for"),
                 self.tr("There are"), self.tr("Number")]  # fmt: skip
        for column, head in enumerate(heads):
            self.shares.addWidget(Text(head, "caption", wrap=False), 0, column, _aligned(column))
        for row, (name, text) in enumerate(words.items()):
            label = Button(text, "link")
            label.setToolTip(stratum_help(name))
            label.clicked.connect(lambda _=False, name=name: self.table.show_group(name))
            cells = [Swatch(row), label, Text(percent_text(asked[name], 1), "body", wrap=False),
                     Text(percent_text(got[name], 1), "body", wrap=False),
                     Text(f"{numbers[name]:,}", "body", wrap=False)]  # fmt: skip
            for column, cell in enumerate(cells):
                self.shares.addWidget(cell, row + 1, column, _aligned(column))
        self.bar.set_rows([("", {text: got[name] for name, text in words.items()})])

    def _close(self) -> None:
        if self._opened is not None:
            self.table.set_rows([], False, {})
            for opened in self._opened:
                opened.close()
        self._opened = None
        for text in (self.truth, self.said, self.questions, self.texts):
            text.clear()

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.rows, self.documents, self.size, self.held_out):
            tiles.addWidget(tile, 1)
        self.shares_card = Card(self.tr("Shares"))
        self.shares.setHorizontalSpacing(theme.space(2))
        self.shares.setVerticalSpacing(theme.space(0.5))
        self.shares.setColumnStretch(1, 1)
        self.shares_card.body.addWidget(self.bar)
        self.shares_card.body.addLayout(self.shares)
        words = QVBoxLayout()
        for widget in (self.truth, self.said, self.questions):
            words.addWidget(widget)
        words.addStretch(1)
        places = QVBoxLayout()
        places.addWidget(Text(self.tr("Documents that say it"), "caption", wrap=False))
        places.addWidget(self.texts, 1)
        detail = QWidget()
        row = QHBoxLayout(detail)
        row.setContentsMargins(0, theme.space(1), 0, 0)
        row.setSpacing(theme.space(2))
        row.addLayout(words, 1)
        row.addLayout(places, 1)
        self.table_card = Card(self.tr("What is true"))
        self.table_card.body.addWidget(self.table, 3)
        self.table_card.body.addWidget(detail, 2)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(theme.space(1.5))
        outer.addWidget(self.head)
        outer.addLayout(tiles)
        outer.addWidget(self.shares_card)
        outer.addWidget(self.table_card, 1)


def _aligned(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
