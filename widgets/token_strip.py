"""Tokens as flowing, coloured text."""

from dataclasses import replace

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from widgets import theme
from widgets.token_layout import LINE_PX, TokenLayout
from widgets.token_paint import (
    ground,
    paint_band,
    paint_ground,
    paint_mark,
)  # fmt: skip
from widgets.token_popup import TokenPopup
from widgets.tokens import StripToken, rank_band, readable

MARGIN_PX = 12


class TokenStrip(QAbstractScrollArea):
    """Coloured tokens that wrap like text; hovering one lists what else the model considered.

    Drag or Shift+arrows choose tokens, arrows walk, Return clicks, Ctrl+C copies.

    Args:
        mode: probability, rank (bands of GLTR), entropy, margin, pieces (colours only tell tokens apart) or plain.
    """

    content_changed = Signal()  # other tokens, or another height
    hovered = Signal(int)  # index of a token, -1 = none
    clicked = Signal(int)
    selection_changed = Signal(int, int)  # start, end (half-open); equal = none

    def __init__(self, mode: str = "probability", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tokens: list[StripToken] = []
        self.mode, self._hover, self._current = mode, -1, -1
        self._selection, self._press, self._told_height = (0, 0), -1, 0
        self._layout = TokenLayout(theme.font("body"))
        self._popup = TokenPopup(self)
        self.setAccessibleName(self.tr("Tokens"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        theme.bus.changed.connect(self.viewport().update)

    # content

    def set_tokens(self, tokens: list[StripToken]) -> None:
        """Replace all."""
        self.tokens = list(tokens)
        self._selection, self._hover, self._current = (0, 0), -1, -1
        self._popup.hide()
        self._lay_out()

    def append(self, token: StripToken) -> None:
        """Add one while it streams; keeps the end in view if it was."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        self.tokens.append(token)
        self._layout.append(readable(token.data))
        self._set_scroll()
        if at_end:
            bar.setValue(bar.maximum())
        self.viewport().update()

    def clear(self) -> None:
        """Show nothing."""
        self.set_tokens([])

    def set_mode(self, mode: str) -> None:
        """Colour by probability, rank, entropy, margin, or not at all (plain)."""
        self.mode = mode
        self.viewport().update()

    def set_marks(self, spans: list[tuple[int, int, str]]) -> None:
        """Mark half-open token ranges (start, end, kind); replaces all earlier marks; later ones win."""
        self.tokens = [replace(token, mark="") if token.mark else token for token in self.tokens]
        for start, end, kind in spans:
            for index in range(max(start, 0), min(end, len(self.tokens))):
                self.tokens[index] = replace(self.tokens[index], mark=kind)
        self.viewport().update()

    def select(self, start: int, end: int) -> None:
        """Choose a half-open range of tokens and bring it into view."""
        self._set_selection(start, end)
        if start < len(self.tokens):
            self._show_token(start)

    def selection(self) -> tuple[int, int]:
        """The chosen half-open range; equal = none."""
        return self._selection

    def text(self) -> str:
        """The chosen part as text, or all of it."""
        start, end = self._selection if self._selection[0] != self._selection[1] else (0, len(self.tokens))
        parts = [t.data.encode() if isinstance(t.data, str) else t.data for t in self.tokens[start:end]]
        return b"".join(parts).decode("utf-8", "replace")

    def content_height(self) -> int:
        """Pixels needed to show everything without scrolling."""
        return self._layout.height + 2 * MARGIN_PX

    # layout

    def _lay_out(self) -> None:
        self._layout.clear()
        self._layout.width = max(self.viewport().width() - 2 * MARGIN_PX, 40)
        for token in self.tokens:
            self._layout.append(readable(token.data))
        self._set_scroll()
        self.viewport().update()

    def _set_scroll(self) -> None:
        bar = self.verticalScrollBar()
        hidden = max(self.content_height() - self.viewport().height(), 0)
        lines = -(-(hidden - MARGIN_PX) // LINE_PX)  # at the end, the first line in view is a whole one
        bar.setRange(0, max(hidden, MARGIN_PX + lines * LINE_PX) if hidden else 0)
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(LINE_PX)
        if self.content_height() != self._told_height:
            self._told_height = self.content_height()
            self.content_changed.emit()

    def resizeEvent(self, event) -> None:
        if event.oldSize().width() != event.size().width():
            self._lay_out()
        else:
            self._set_scroll()
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(480, 160)

    def _offset(self) -> QPointF:
        return QPointF(MARGIN_PX, MARGIN_PX - self.verticalScrollBar().value())

    def token_rect(self, index: int) -> QRectF:
        """Where the first part of a token is, in viewport pixels."""
        return self._layout.of(index)[0].box().translated(self._offset())

    def _show_token(self, index: int) -> None:
        box, bar = self.token_rect(index), self.verticalScrollBar()
        if box.top() < 0 or box.bottom() > self.viewport().height():
            bar.setValue(round(bar.value() + box.center().y() - self.viewport().height() / 2))

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), theme.color("raised"))
        offset = self._offset()
        painter.translate(offset)
        painter.setFont(theme.font("body"))
        top = event.rect().top() - offset.y()
        start, end = self._selection
        for piece in self._layout.between(top, top + event.rect().height()):
            token, box = self.tokens[piece.token], piece.box()
            paint_ground(painter, box, ground(token, self.mode, piece.token))
            if start <= piece.token < end:
                painter.fillRect(box, theme.color("focus", 0.30))
            if self.mode == "rank" and rank_band(token.rank):
                paint_band(painter, box, rank_band(token.rank))
            paint_mark(painter, box, token.mark)
            painter.setPen(theme.color("muted" if token.prompt else "text"))
            painter.drawText(box.adjusted(1.5, 0, 8, 0), Qt.AlignmentFlag.AlignVCenter, piece.text)
            if piece.token in (self._hover, self._current if self.hasFocus() else -1):
                painter.setPen(theme.color("focus"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    # the pointer and the keys

    def _at(self, place: QPointF) -> int:
        return self._layout.at(place - self._offset())

    def mouseMoveEvent(self, event) -> None:
        index = self._at(event.position())
        if self._press >= 0 and index >= 0 and index != self._press:
            self._set_selection(min(self._press, index), max(self._press, index) + 1)
        self._set_hover(index)

    def mousePressEvent(self, event) -> None:
        self._press = self._at(event.position())
        self._current = self._press
        self._set_selection(0, 0)

    def mouseReleaseEvent(self, event) -> None:
        index = self._at(event.position())
        if index >= 0 and index == self._press and self._selection == (0, 0):
            self.clicked.emit(index)
        self._press = -1

    def leaveEvent(self, event) -> None:
        self._set_hover(-1)
        super().leaveEvent(event)

    def wheelEvent(self, event) -> None:
        self._set_hover(-1)
        super().wheelEvent(event)

    def hideEvent(self, event) -> None:
        self._set_hover(-1)
        super().hideEvent(event)

    def focusOutEvent(self, event) -> None:
        self._popup.hide()
        super().focusOutEvent(event)

    def keyPressEvent(self, event) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.text())
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self._set_selection(0, len(self.tokens))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.clicked.emit(self._current)
        elif event.key() == Qt.Key.Key_Escape:
            self._popup.hide()
            self._set_selection(0, 0)
        elif step and self.tokens:
            self._walk(step, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def _walk(self, step: int, choosing: bool) -> None:
        before = max(self._current, 0)
        self._current = min(max(self._current + step, 0), len(self.tokens) - 1)
        if choosing:
            start, end = self._selection if self._selection[0] != self._selection[1] else (before, before + 1)
            start, end = (start, self._current + 1) if self._current >= start else (self._current, end)
            self._set_selection(start, end)
        self._show_token(self._current)
        self._set_hover(self._current)
        self.viewport().update()

    def _set_hover(self, index: int) -> None:
        if index == self._hover:
            return
        self._hover = index
        self.hovered.emit(index)
        self.viewport().update()
        if index < 0 or self._press >= 0:
            self._popup.hide()
            return
        box = self.token_rect(index).toRect()
        below, above = (self.viewport().mapTo(self, QPoint(box.left(), y)) for y in (box.bottom(), box.top()))
        self._popup.show_token(self.tokens[index], below, above)

    def _set_selection(self, start: int, end: int) -> None:
        if (start, end) != self._selection:
            self._selection = (start, end)
            self.selection_changed.emit(start, end)
            self.viewport().update()
