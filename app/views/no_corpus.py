"""What a form that needs a corpus says in a workspace without one."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.state.context import AppContext
from widgets.cards import EmptyState


class NoCorpus(EmptyState):
    """Says that text has to be imported first, and leads there."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(
            "data", QCoreApplication.translate("NoCorpus", "No corpus yet"),
            QCoreApplication.translate("NoCorpus", "There is no finished corpus yet: import one, or make a world."),
            QCoreApplication.translate("NoCorpus", "Import text"), parent=parent)  # fmt: skip
        self.action_clicked.connect(lambda: context.navigate("data", new="corpus"))
