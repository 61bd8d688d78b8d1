"""How the next token is drawn."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class SamplerPanel(QWidget):
    """Temperature, top-k, top-p, min-p, repetition penalty, longest answer, seed."""

    settings_changed = Signal(dict)

    def __init__(self, values: dict | None = None, *, parent: QWidget | None = None) -> None: ...

    def values(self) -> dict:
        """{"temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "seed"}: fields of SamplingSpec."""

    def set_values(self, values: dict) -> None: ...
