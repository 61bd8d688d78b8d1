"""What the model wrote at its checkpoints, the newest on top."""

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from core.record.events import Sampled
from widgets import theme
from widgets.cards import Text
from widgets.controls import Badge

SHOWN = 24
LONGEST_RUN = 20  # characters without a place to wrap


class SampleList(QWidget):
    """A column of short texts with the step at which each was written."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, theme.space(1), 0)
        self._column.setSpacing(theme.space(1.5))
        waiting = self.tr("The first sentences appear here as soon as the model has learnt a little.")
        self._empty = Text(waiting, "muted")
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        area = scroll_area(content)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing inside takes the cursor: the arrows scroll it
        area.setAccessibleName(self.tr("What it writes"))
        outer.addWidget(area)
        self._shown: tuple[Sampled, ...] = ()

    def set_samples(self, samples: tuple[Sampled, ...]) -> None:
        """Show these, oldest first as the log has them; only new ones are built."""
        if samples == self._shown:
            return
        if samples[: len(self._shown)] != self._shown:
            while self._column.count() > 2:
                self._column.takeAt(0).widget().deleteLater()
            self._shown = ()
        for sample in samples[len(self._shown) :][-SHOWN:]:
            self._column.insertWidget(0, self._entry(sample))
        while self._column.count() > SHOWN + 2:
            self._column.takeAt(SHOWN).widget().deleteLater()
        self._shown = samples
        self._empty.setVisible(not samples)

    def _entry(self, sample: Sampled) -> QWidget:
        entry = QFrame()
        column = QVBoxLayout(entry)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        head = QHBoxLayout()
        head.addWidget(Text(self.tr("Step {step}").format(step=f"{sample.step:,}"), "caption", wrap=False))
        if sample.requested:
            head.addWidget(Badge("info", self.tr("asked for")))
        head.addStretch(1)
        column.addLayout(head)
        column.addWidget(Text(presentable(sample.prompt + sample.text) or "…", "body"))
        return entry


def presentable(text: str) -> str:
    """What a young model wrote, made safe to show: no control characters, and long runs may wrap."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()
    return re.sub(rf"(\S{{{LONGEST_RUN}}})", "\\1\u200b", re.sub(r"\s*\n\s*\n+", "\n", shown))
