"""A model drawn from its spec."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class LayerDiagram(QWidget):
    """Embedding, positions, N blocks, head: redrawn as the spec changes."""

    part_clicked = Signal(list)  # names of the ModelSpec fields behind the box

    def __init__(self, spec=None, *, parent: QWidget | None = None) -> None: ...

    def set_spec(self, spec) -> None:
        """Draw another ModelSpec; None = empty."""
