"""One tokenizer: how tightly it packs text, how much of its vocabulary is used, and any text as tokens."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.translations import fill
from app.views.corpus_form import CorpusForm
from app.views.job_head import JobHead
from app.words import count_text, duration_text, percent_text
from core.spec.tokenizer import TokenizerSpec
from widgets import theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.spec_form import SpecForm
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken

TYPING_PAUSE_MS = 250
SAMPLE = "The quick brown fox returns a list of strings. 敏捷的棕色狐狸 🦊"


class TokenizerView(QWidget):
    """Shows the tokenizer it is told to; text is cut by the engine process, never in the window."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._request = -1
        self._listening = None
        self.head = JobHead(context)
        self.next = Button(self.tr("Train a model"), "secondary", "training")
        self.next.clicked.connect(lambda: context.navigate("training", new=True))
        self.head.add_button(self.next)
        self.size, self.ratio, self.used, self.taken = (
            StatTile(self.tr("Vocabulary"), term="vocabulary"), StatTile(self.tr("Bytes per token")),
            StatTile(self.tr("Vocabulary used")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.text = QPlainTextEdit(SAMPLE)
        self.text.setAccessibleName(self.tr("Text to cut into tokens"))
        self.text.setFixedHeight(theme.space(12))
        self.strip = TokenStrip("pieces")
        self.strip.setMinimumHeight(theme.space(14))
        self.count = Text("", "caption")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._ask)
        self.text.textChanged.connect(lambda: self._pause.start(TYPING_PAUSE_MS))
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this tokenizer."""
        if root != self.root:
            self.root = root
            self.strip.clear()
            self.count.setText("")
            self._pause.start(0)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        result = job.view.result
        self.head.show_job(job)
        done = job.view.state == "completed"
        self.next.setVisible(done)
        self.size.set_value(count_text(result["vocab_size"]) if "vocab_size" in result else "", self.tr("tokens"))
        self.ratio.set_value(f"{result['bytes_per_token']:.2f}" if result.get("bytes_per_token") else "", "",
                             self.tr("on held-out text; more is tighter"))  # fmt: skip
        share = result.get("vocabulary_used")
        if share is not None and share > 1:
            share = share / result["vocab_size"]
        self.used.set_value(percent_text(share) if share is not None else "")
        self.taken.set_value(duration_text(result["elapsed_s"]) if "elapsed_s" in result else "")
        if done and not self.strip.text() and self._request < 0:
            self._pause.start(0)

    def _ask(self) -> None:
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None or job.view.state != "completed":
            return
        session = self.context.session
        if self._listening is not session:
            session.tokenized.connect(self._show_tokens)
            session.problem_raised.connect(self._show_problem)
            self._listening = session
        self._request = session.tokenize(self.text.toPlainText(), tokenizer=job.name)

    def _show_tokens(self, event) -> None:
        if event.id != self._request:
            return
        self._request = -1
        self.strip.set_tokens([StripToken(data, id=number) for number, data in event.tokens])
        n_bytes = len(self.text.toPlainText().encode())
        ratio = n_bytes / len(event.tokens) if event.tokens else 0
        self.count.setText(self.tr("{tokens} tokens for {bytes} bytes: {ratio} bytes a token").format(
            tokens=len(event.tokens), bytes=n_bytes, ratio=f"{ratio:.2f}"))  # fmt: skip

    def _show_problem(self, event) -> None:
        if event.id == self._request:
            self._request = -1
            self.count.setText(fill(event.problem, event.values))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.size, self.ratio, self.used, self.taken):
            tiles.addWidget(tile, 1)
        card = Card(self.tr("Any text as tokens"))
        for widget in (self.text, self.strip, self.count):
            card.body.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        column.addWidget(card)
        column.addStretch(1)


class TokenizerForm(CorpusForm):
    """The form of a new tokenizer; emits ``started`` with a name and a spec."""

    def __init__(self, context: AppContext) -> None:
        say = QCoreApplication.translate
        super().__init__(
            context,
            SpecForm(TokenizerSpec),
            say("TokenizerForm", "New tokenizer"),
            say("TokenizerForm", "A tokenizer learns from a corpus which pieces of text deserve a number of "
                "their own. Small models want small vocabularies."),
            say("TokenizerForm", "Train tokenizer"),
        )  # fmt: skip

    def offer(self, names: list[str], chosen: str) -> None:
        """Choose one of the corpora."""
        self.form.set_choices("corpus", names)
        chosen = chosen or self.form.values().get("corpus", "")
        if names:
            self.form.set_values({"corpus": chosen if chosen in names else names[0]})

    def name_of(self, spec: TokenizerSpec) -> str:
        """After the corpus and the kind."""
        return f"{spec.corpus}-{spec.kind}"
