"""The form of a new reference: which text one trusts, and which text is to be cleaned by it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.views.no_corpus import NoCorpus
from core.spec.filters import ReferenceSpec
from widgets.cards import Button, Card, Text
from widgets.spec_form import SpecForm


class ReferenceForm(QWidget):
    """Emits ``started`` with a name and a spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.form = SpecForm(ReferenceSpec)
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.empty = NoCorpus(context)
        self.start = Button(self.tr("Train reference"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        card = Card(self.tr("New reference"))
        card.body.addWidget(Text(self.tr(
            "A reference learns what text you trust is like: an encyclopedia, edited books, your own pages. A cleaning "
            "rule can then set aside what is unlike it. Training takes seconds to a minute."), "muted"))  # fmt: skip
        card.body.addWidget(self.empty)
        card.body.addWidget(self.form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        card.body.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        column.addStretch(1)

    def opened(self, chosen: str = "") -> None:
        """Offer finished corpora; choose one as the trusted text."""
        names = self.context.jobs.names_in("corpora")
        self.empty.setVisible(not names)
        for widget in (self.form, self.start):
            widget.setVisible(bool(names))
        values = self.form.values()
        for field in ("corpus", "against"):
            self.form.set_choices(field, names)
        trusted = chosen or values.get("corpus", "")
        if names:
            self.form.set_values({"corpus": trusted if trusted in names else names[0]})
        self._refresh()

    def _refresh(self) -> None:
        self.start.setEnabled(self.form.valid and bool(self.context.jobs.names_in("corpora")))

    def _start(self) -> None:
        spec = self.form.spec()
        if spec is not None:
            self.started.emit(f"{spec.corpus}-reference", spec)
