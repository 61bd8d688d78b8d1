"""A view that is built when somebody first needs it: what nobody opens costs a page no time."""

from collections.abc import Callable

from PySide6.QtWidgets import QVBoxLayout, QWidget


class Later(QWidget):
    """Stands where a view will be; builds it when it is shown, or when anything is asked of it.

    Args:
        build: makes the view.
        connect: is given the view once it is made, to connect its signals.
    """

    def __init__(self, build: Callable[[], QWidget], connect: Callable[[QWidget], None]) -> None:
        super().__init__()
        self._build, self._connect = build, connect
        self._view: QWidget | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    @property
    def view(self) -> QWidget:
        """The view itself, made now if it was not yet."""
        if self._view is None:
            self._view = self._build()
            self.layout().addWidget(self._view)
            self._connect(self._view)
        return self._view

    def __getattr__(self, name: str):
        """Whatever this place does not have, the view has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.view, name)

    def showEvent(self, event) -> None:
        self.view.show()
        super().showEvent(event)
