"""The form of a new quality classifier: good text, and candidates to be sorted."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.views.no_corpus import NoCorpus
from core.spec.filters import ClassifierSpec
from widgets.cards import Button, Card, Text
from widgets.spec_form import SpecForm


class ClassifierForm(QWidget):
    """Emits ``started`` with a name and a spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.form = SpecForm(ClassifierSpec, {"good": "", "candidates": ""})
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.empty = NoCorpus(context)
        self.start = Button(self.tr("Train classifier"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        card = Card(self.tr("New quality classifier"))
        card.body.addWidget(Text(self.tr(
            "Point at good text and at candidates: the classifier learns by which words they differ, and is judged on "
            "documents it has not seen. It knows only what sets your two corpora apart, so let them differ in quality "
            "rather than in subject."), "muted"))  # fmt: skip
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
        """Offer finished corpora; ``chosen`` as the candidates."""
        names = self.context.jobs.names_in("corpora")
        self.empty.setVisible(not names)
        for widget in (self.form, self.start):
            widget.setVisible(bool(names))
        values = self.form.values()
        for field in ("good", "candidates"):
            self.form.set_choices(field, names)
        candidates = chosen or values.get("candidates", "")
        good = values.get("good", "")
        if len(names) > 1:
            candidates = candidates if candidates in names else names[0]
            if good not in names or good == candidates:
                good = next(name for name in names if name != candidates)
            self.form.set_values({"good": good, "candidates": candidates})
        self._refresh()

    def _refresh(self) -> None:
        self.start.setEnabled(self.form.valid)

    def _start(self) -> None:
        spec = self.form.spec()
        if spec is not None:
            self.started.emit(f"{spec.good or 'good'}-classifier", spec)
