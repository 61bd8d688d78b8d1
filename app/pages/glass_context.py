"""What the context says: an answer with the context of its prompt and without it, and the words they have in common."""

from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.look import Look
from app.translations import translate
from app.views.context_strip import ContextStrip, utf16
from app.words import percent_text
from core.errors import say
from core.glass import context_match as match
from core.glass.grounding import LEAST_COPYING, read_grounding
from core.spec.messages import Problem, Scored, Tokenized
from core.spec.token_record import TokenRecord
from widgets import theme
from widgets.cards import Button, Card, EmptyState, StatTile, Text


class Step(Enum):
    """What is asked of the engine, one after the other."""

    CUT = auto()  # the prompt's tokens, where only its text is known
    WHOLE = auto()  # the prompt and the answer
    BARE = auto()  # the same without the context
    COPY = auto()  # the context's words in no order, twice


class ContextPanel(Card):
    """Compares an answer with and without a part of its prompt, once the model is known to copy at all.

    Args:
        context: of the window.
        load: opens a source in the engine, unless it is open.
    """

    def __init__(self, context: AppContext, load: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("What the context says"), parent=parent)
        self.context, self._load = context, load
        self.look: Look | None = None
        self.range = (0, 0)  # characters of the prompt that are the context
        self._waiting: dict[int, Step] = {}
        self._whole: list[TokenRecord] = []
        self._bare: list[int] = []  # the tokens of the prompt without the context, and of the answer
        self._twice = 0  # tokens that are said twice to see whether the model copies
        self._asked_for: tuple = ()  # the look and the range that were compared
        self.body.addWidget(Text(self.tr(
            "The answer is weighed twice: after the whole prompt, and after the prompt without the part marked here. "
            "Mark another part and press the button to take that as the context."), "caption"))
        self.prompt = QPlainTextEdit()
        self.prompt.setReadOnly(True)
        self.prompt.setFixedHeight(theme.space(10))
        self.prompt.setAccessibleName(self.tr("The prompt: mark a part of it to take it as the context"))
        self.take = Button(self.tr("Take the marked part as the context"), "secondary")
        self.take.clicked.connect(self._take_marked)
        self.copying = StatTile(self.tr("Copies rightly"))
        self.changed = StatTile(self.tr("Gain from the context"), unit=self.tr("nats a token"))
        self.state, self.strip = EmptyState("glass", " ", " ", ""), ContextStrip()
        self._arrange()
        session = context.session
        session.scored.connect(self._on_scored)
        session.tokenized.connect(self._on_tokenized)
        session.problem_raised.connect(self._on_problem)
        theme.bus.changed.connect(self._mark)

    def show_look(self, look: Look) -> None:
        """Compare this answer; asked of the engine when the panel is on screen."""
        if self.look is look and self._asked_for == (id(look), self.range) or not look.finished or not look.records:
            return
        if self.look is not look:
            end = match.split_prompt(look.prompt)
            self.look, self.range = look, (0, end)
        self.prompt.setPlainText(look.prompt)
        self._mark()
        self._ask()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._ask()

    # What is asked.

    def _ask(self) -> None:
        """Weigh the answer after the whole prompt, unless that was done."""
        look = self.look
        if look is None or self.isHidden() or self._asked_for == (id(look), self.range):
            return
        for asked in self._waiting:
            self.context.session.cancel(asked)
        self._waiting.clear()
        self._asked_for = (id(look), self.range)
        if not look.prompt[slice(*self.range)].strip():
            self._say(self.tr("This prompt has no context"),
                      self.tr("Write what the model is to go by first, then the question in a line of its own."))
            return
        self._say(self.tr("Weighing the answer with and without the context"), "")
        self._load(look.source)
        if look.prompt_ids is None:
            self._waiting[self.context.session.tokenize(look.prompt)] = Step.CUT
        else:
            self._send_whole(look.prompt_ids)

    def _on_tokenized(self, event: Tokenized) -> None:
        if self._waiting.pop(event.id, None) is Step.CUT:
            self._send_whole([id for id, _ in event.tokens])

    def _send_whole(self, prompt_ids: list[int]) -> None:
        self._send(Step.WHOLE, [*prompt_ids, *(record.id for record in self.look.records)])

    def _send(self, step: Step, ids: list[int]) -> None:
        self._waiting[self.context.session.score(ids=ids)] = step

    def _on_scored(self, event: Scored) -> None:
        step = self._waiting.pop(event.id, None)
        if step is Step.WHOLE:
            self._whole = event.tokens
            self._ask_further()
        elif step is Step.BARE:
            self._show_weighed(event.tokens)
        elif step is Step.COPY:
            share = match.copy_accuracy(event.tokens, self._twice)
            self._pass_gate(share, self.tr("the words of the context in no order, twice"))

    def _ask_further(self) -> None:
        """Whether the model copies at all, and then the same without the context."""
        look, prompt = self.look, self._whole[: len(self._whole) - len(self.look.records)]
        pieces, ids = [record.bytes for record in prompt], [record.id for record in prompt]
        part = look.prompt[slice(*self.range)].strip().encode()
        start = b"".join(pieces).find(part)
        inside = match.tokens_of(pieces, start, start + len(part)) if start >= 0 else range(0)
        if not inside:
            self._say(self.tr("The context cannot be cut out of this prompt"), self.tr("Mark whole words."))
            return
        bare = [id for place, id in enumerate(ids) if place not in inside]
        self._bare = [*bare, *(record.id for record in look.records)]
        known = recorded_copying(self.context, look.run)
        words = match.copy_test([pieces[i] for i in inside], [ids[i] for i in inside], len(self._whole) // 2)
        said = [id for word in words for id in word]
        self._twice = len(said)
        if known is not None:
            self._pass_gate(known, self.tr("measured on notes about strangers"))
        elif said:
            self._send(Step.COPY, [*said, *said])
        else:
            self.copying.set_value("", hint=self.tr("the context has too few words to find out"))
            self._send(Step.BARE, self._bare)

    def _on_problem(self, event: Problem) -> None:
        if self._waiting.pop(event.id, None) is not None:
            self._say(self.tr("The answer could not be weighed"),
                      say(event.problem, event.where, event.remedy, event.values, translate))

    # What is on screen.

    def _show_weighed(self, bare: list[TokenRecord]) -> None:
        look, count = self.look, len(self.look.records)
        context = look.prompt[slice(*self.range)].strip()
        pieces = [record.bytes for record in look.records]
        matches = match.context_matches(context, pieces, look.prompt)
        tokens = [match.Weighed(piece, one.probability, other.probability,
                                any(m.start <= at < m.end for m in matches))
                  for at, (piece, one, other) in enumerate(zip(pieces, self._whole[-count:], bare[-count:],
                                                               strict=True))]  # fmt: skip
        self.strip.show_context(context, matches)
        self.strip.show_tokens(tokens)
        self.changed.set_value(f"{sum(token.gain for token in tokens) / count:+.2f}",
                               hint=self.tr("an explanation, not a score"))
        self.state.hide()
        self.found.show()

    def _pass_gate(self, share: float, how: str) -> None:
        """A model that cannot copy follows no context: then the view says so and is off."""
        self.copying.set_value(percent_text(share), hint=how)
        if share >= LEAST_COPYING:
            self._send(Step.BARE, self._bare)
            return
        self._say(self.tr("This view is off for this model"), self.tr(
            "It copies {share} of what it was just told rightly ({how}), and {least} are needed: a model that cannot "
            "copy follows no context, so what the context changes would mean nothing.").format(
                share=percent_text(share), how=how, least=percent_text(LEAST_COPYING)))  # fmt: skip

    def _say(self, title: str, text: str) -> None:
        self.found.hide()
        self.state.say(title, text)
        self.state.show()

    def _take_marked(self) -> None:
        cursor = self.prompt.textCursor()
        if self.look is None or not cursor.hasSelection():
            return
        before = self.prompt.toPlainText().encode("utf-16-le")
        ends = (len(before[: 2 * at].decode("utf-16-le")) for at in (cursor.selectionStart(), cursor.selectionEnd()))
        self.range = tuple(ends)
        self._mark()
        self._ask()

    def _mark(self) -> None:
        """Shade the part of the prompt that is the context."""
        mark = QTextEdit.ExtraSelection()
        mark.format, mark.cursor = QTextCharFormat(), QTextCursor(self.prompt.document())
        mark.format.setBackground(theme.color("accent", 0.16))
        text = self.prompt.toPlainText()
        if self.look is None or text != self.look.prompt:
            return
        mark.cursor.setPosition(utf16(text, self.range[0]))
        mark.cursor.setPosition(utf16(text, self.range[1]), QTextCursor.MoveMode.KeepAnchor)
        self.prompt.setExtraSelections([mark])

    def _arrange(self) -> None:
        tiles = QVBoxLayout()
        tiles.setSpacing(theme.space(1))
        tiles.addWidget(self.copying)
        tiles.addWidget(self.changed)
        given = QVBoxLayout()
        given.setSpacing(theme.space(1))
        given.addWidget(self.prompt)
        given.addWidget(self.take, 0, Qt.AlignmentFlag.AlignLeft)
        given.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addLayout(given, 3)
        row.addLayout(tiles, 1)
        self.body.addLayout(row)
        self.found = QWidget()
        inner = QVBoxLayout(self.found)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.strip)
        self.body.addWidget(self.state)
        self.body.addWidget(self.found)
        self.body.addStretch(1)
        self.found.hide()


def recorded_copying(context: AppContext, run: str) -> float | None:
    """How well a run copies, where an inspection of notes and questions has measured it."""
    name, _, seed = run.rpartition("-")
    job = context.jobs.named("inspect", name) if name and seed.isdigit() else None
    found = read_grounding(Path(job.root)) if job is not None else None
    return found.copying[int(seed)] if found is not None and int(seed) < len(found.copying) else None
