"""Inside the model: six views of one text, asked of the engine when they are looked at, all following one token."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.pages.inside_heads import AttentionView, HeadsView
from app.pages.inside_parts import EmbeddingsView, NeuronsView
from app.pages.inside_views import LensView, ResidualView, View
from app.state.context import AppContext
from app.translations import translate
from core.errors import say
from core.spec.inside import AnyLook
from core.spec.messages import InsideShown, Problem
from widgets import theme
from widgets.cards import Card, EmptyState, Text
from widgets.notice import Notice
from widgets.tab_strip import TabStrip
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken, readable

STRIP_UNITS = 8


@dataclass(frozen=True)
class Reading:
    """What the model reads while it is looked into."""

    source: str
    prompt: str
    ids: tuple[int, ...]
    prompt_ids: tuple[int, ...] | None = None


class InsidePanel(Card):
    """The text as tokens, and under it one view at a time.

    Args:
        context: of the window.
        load: opens a source in the engine, unless it is open.
    """

    token_chosen = Signal(int)  # place in the answer, from 0

    def __init__(self, context: AppContext, load: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.context, self._load = context, load
        self.reading: Reading | None = None
        self.place = -1
        self._waiting: dict[int, str] = {}  # a request's id -> the view that it is for
        self._shown: set[str] = set()  # views that show this text
        self._prompt_tokens = 0
        self.views: dict[str, View] = {
            "lens": LensView(), "attention": AttentionView(), "heads": HeadsView(), "residual": ResidualView(),
            "embeddings": EmbeddingsView(), "neurons": NeuronsView(),
        }  # fmt: skip
        self.tabs = TabStrip({
            "lens": self.tr("Lens"), "attention": self.tr("Attention"), "heads": self.tr("Heads"),
            "residual": self.tr("Residual"), "embeddings": self.tr("Embeddings"), "neurons": self.tr("Neurons"),
        }, name=self.tr("Views into the model"))  # fmt: skip
        self.sentence, self.strip = Text("", "muted"), TokenStrip("pieces")
        self.strip.setFixedHeight(theme.space(STRIP_UNITS))
        self.strip.setAccessibleName(self.tr("The text, token by token: choose one"))
        self.state = EmptyState("glass", " ", " ", " ")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.state)
        for view in self.views.values():
            self._stack.addWidget(view)
        self._stack.setMinimumHeight(theme.space(60))
        self.notice = Notice(closable=True)
        self.notice.hide()
        for widget in (self.tabs, self.sentence, self.strip, self.notice):
            self.body.addWidget(widget)
        self.body.addWidget(self._stack, 1)
        self._connect()
        self._show_view()

    def _connect(self) -> None:
        session = self.context.session
        session.inside_shown.connect(self._on_shown)
        session.problem_raised.connect(self._on_problem)
        self.tabs.value_changed.connect(self._show_view)
        self.strip.clicked.connect(self.choose_token)
        self.state.action_clicked.connect(self._ask_again)
        for key, view in self.views.items():
            view.asked.connect(lambda look, key=key: self._ask(key, [look]))
            view.token_chosen.connect(self.choose_token)
        self.views["heads"].head_chosen.connect(self._on_head)

    def show_text(self, source: str, prompt: str, ids: Sequence[int], prompt_ids: Sequence[int] | None = None) -> None:
        """Look into ``source`` while it reads a prompt and then ``ids``; asked when the panel is on screen."""
        reading = Reading(source, prompt, tuple(ids), None if prompt_ids is None else tuple(prompt_ids))
        if reading == self.reading:
            return
        self.reading, self.place, self._prompt_tokens = reading, -1, 0
        for id in self._waiting:
            self.context.session.cancel(id)
        self._waiting.clear()
        self._shown.clear()
        self.strip.clear()
        self._show_view()

    def choose_token(self, place: int) -> None:
        """Choose a token of the whole text; every view follows."""
        self.place = place
        self.strip.select(place, place + 1)
        for key in self._shown:
            self.views[key].choose_token(place)
        if place >= self._prompt_tokens > 0:
            self.token_chosen.emit(place - self._prompt_tokens)

    def choose_answer_token(self, place: int) -> None:
        """Choose a token of the answer, counted from its first."""
        if self._prompt_tokens and place >= 0:
            self.choose_token(place + self._prompt_tokens)

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._show_view()

    # asking

    def _show_view(self, *_) -> None:
        key = self.tabs.value()
        view = self.views[key]
        self.sentence.setText(view.sentence)
        self.notice.hide()
        if key in self._shown:
            self._stack.setCurrentWidget(view)
        elif self.reading is None:
            self._say(self.tr("Nothing has been read yet"), self.tr("Generate an answer first."))
        elif key not in self._waiting.values() and self.isVisible():
            self._ask(key, view.looks())

    def _ask_again(self) -> None:
        self._ask(self.tabs.value(), self.views[self.tabs.value()].looks())

    def _ask(self, key: str, looks: Sequence[AnyLook]) -> None:
        """Ask the engine; what the view showed before stays while it waits."""
        reading = self.reading
        if reading is None:
            return
        self._load(reading.source)
        self.notice.hide()
        for look in looks:
            id = self.context.session.look_inside(
                look, reading.prompt, reading.ids, None if reading.prompt_ids is None else list(reading.prompt_ids))
            self._waiting[id] = key
        if key not in self._shown:
            self._say(self.tr("Looking into the model"), self.tr("This takes seconds; the window stays free."))
            self.strip.setVisible(bool(self.strip.tokens))

    # what the engine says

    def _on_shown(self, event: InsideShown) -> None:
        key = self._waiting.pop(event.id, "")
        if not key:
            return
        if not self.strip.tokens:
            self._prompt_tokens = event.prompt_tokens
            self.strip.set_tokens([
                StripToken(readable(data).replace("\n", "") or "⟨⟩", prompt=place < event.prompt_tokens, id=id)
                for place, (id, data) in enumerate(event.tokens)])  # fmt: skip
            self.strip.show()
        view = self.views[key]
        view.set_tokens(event.tokens)
        if key not in self._shown:
            view.place = self.place if self.place >= 0 else len(event.tokens) - 1
            if self.place < 0:
                self.place = view.place
                self.strip.select(self.place, self.place + 1)
        view.show_seen(event.seen, event.tokens)
        self._shown.add(key)
        if key == self.tabs.value():
            self._stack.setCurrentWidget(view)

    def _on_problem(self, event: Problem) -> None:
        key = self._waiting.pop(event.id, "")
        if not key:
            return
        for id in [id for id, other in self._waiting.items() if other == key]:
            del self._waiting[id]  # one sentence is enough
        sentence = say(event.problem, event.where, event.remedy, event.values, translate)
        if key in self._shown:  # what was there before stays
            self.views[key].refused()
            self.notice.show_message("warning", sentence)
            self.notice.show()
        elif key == self.tabs.value():
            self._say(self.tr("This view has nothing to show"), sentence)
            self.strip.setVisible(bool(self.strip.tokens))

    def _on_head(self, layer: int, head: int) -> None:
        """A head chosen on the map is shown large."""
        self.views["attention"].choose_head(layer, head)
        self.tabs.setCurrentIndex(self.tabs.keys().index("attention"))

    def _say(self, title: str, text: str) -> None:
        self.state.say(title, text)
        self._stack.setCurrentWidget(self.state)
