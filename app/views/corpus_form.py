"""What the forms that begin with a corpus share: a card with a sentence, the fields, a start, and an empty state."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.views.no_corpus import NoCorpus
from widgets.cards import Button, Card, Text
from widgets.spec_form import SpecForm


class CorpusForm(QWidget):
    """Emits ``started`` with a name and a spec; without a corpus it says how to come by one.

    Args:
        context: the window's.
        form: the fields, made by the subclass.
        title, about: what the card says.
        start: the primary button's words.
    """

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, form: SpecForm, title: str, about: str, start: str) -> None:
        super().__init__()
        self.context, self.form = context, form
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.empty = NoCorpus(context)
        self.start = Button(start, "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        card = Card(title)
        card.body.addWidget(Text(about, "muted"))
        card.body.addWidget(self.empty)
        card.body.addWidget(self.form)
        card.body.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        column.addStretch(1)

    def opened(self, chosen: str = "") -> None:
        """Offer finished corpora; ``chosen`` is the one it was opened from."""
        names = self.context.jobs.names_in("corpora")
        self.empty.setVisible(not names)
        for widget in (self.form, self.start):
            widget.setVisible(bool(names))
        self.offer(names, chosen)
        self._refresh()

    def offer(self, names: list[str], chosen: str) -> None:
        """Put the corpora into the fields."""
        raise NotImplementedError

    def name_of(self, spec) -> str:
        """What the job of this spec is called."""
        raise NotImplementedError

    def _refresh(self) -> None:
        self.start.setEnabled(self.form.valid and bool(self.context.jobs.names_in("corpora")))

    def _start(self) -> None:
        spec = self.form.spec()
        if spec is not None:
            self.started.emit(self.name_of(spec), spec)
