"""The family tree of language models: years from left to right, branches as lanes, recipes on what they grew from."""

from html import escape

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.tree_layout import EARLY, LANES, MARK_PX, Entry, TreeLayout, label, lay_out

LEAST_PX = QSize(680, 480)
SIDEWAYS = 3  # a step up or down prefers what stands in the same column


class FamilyTree(QWidget):
    """Every system with its mark: round for a shape, square on its tip for a recipe; filled when its weights are open.

    The pointer over a name tells its idea and lights its line; a click, or the arrow keys and Return, choose it.
    """

    chosen = Signal(str)  # key of the entry

    def __init__(self, entries: list[Entry] | None = None, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: dict[str, Entry] = {}
        self.layout_of = TreeLayout()
        self._current = self._hover = self._query = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Family tree of language models"))
        theme.bus.changed.connect(self.update)
        self.set_entries(entries or [])

    def set_entries(self, entries: list[Entry]) -> None:
        """Show another tree."""
        self.entries = {entry.key: entry for entry in entries}
        self._lay_out()

    def current(self) -> str:
        """Key of the chosen entry; empty = none."""
        return self._current

    def set_current(self, key: str) -> None:
        """Choose without telling."""
        self._current = key if key in self.entries else ""
        entry = self.entries.get(self._current)
        self.setAccessibleDescription(f"{entry.name}, {entry.year}. {entry.idea}" if entry else "")
        self.update()

    def set_query(self, text: str) -> None:
        """Light the entries whose name or idea has this text, and dim the rest."""
        self._query = text.strip().casefold()
        self.update()

    def matches(self) -> list[str]:
        """Keys of the entries that the query lights, in the order of the tree; names before ideas."""
        if not self._query:
            return []
        named = [key for key, entry in self.entries.items() if self._query in entry.name.casefold()]
        return named + [key for key, entry in self.entries.items()
                        if key not in named and self._query in entry.idea.casefold()]  # fmt: skip

    def sizeHint(self) -> QSize:
        return QSize(round(self._least.width), round(self._least.height))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    # layout

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        metrics = QFontMetricsF(theme.font("caption"))
        entries = list(self.entries.values())
        self._least = lay_out(entries, metrics.horizontalAdvance, 0, 0)
        self.layout_of = lay_out(entries, metrics.horizontalAdvance, self.width(), self.height())
        self.updateGeometry()
        self.update()

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        self._paint_ground(painter)
        lit = self._line_of(self._hover or self._current)
        for entry in self.entries.values():
            if entry.parent in self.entries:
                self._paint_branch(painter, entry, entry.key in lit and entry.parent in lit and not self._query)
        matching = set(self.matches())
        for key in self.entries:
            dim = bool(self._query) and key not in matching
            self._paint_entry(painter, key, dim, key in lit)

    def _paint_ground(self, painter: QPainter) -> None:
        made = self.layout_of
        painter.setPen(theme.color("faint"))
        for year, left in made.columns.items():
            words = self.tr("to {year}").format(year=year) if year == EARLY else str(year)
            painter.drawText(QPointF(left, 14), words)
        for lane, box in made.lanes.items():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.blend(theme.color("raised"), self._tint(lane), 0.07))
            painter.drawRoundedRect(box, 5, 5)
            bold = theme.font("caption")
            bold.setBold(True)
            painter.setFont(bold)
            painter.setPen(theme.color("muted"))
            place = QRectF(box.left() + 8, box.top(), 150, min(box.height(), 18))
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self._lane_name(lane))
            painter.setFont(theme.font("caption"))

    def _paint_branch(self, painter: QPainter, entry: Entry, lit: bool) -> None:
        start, end = self.layout_of.boxes[entry.parent], self.layout_of.boxes[entry.key]
        pen = QPen(theme.color("accent") if lit else theme.color("line_strong", 0.45), 1.8 if lit else 1.0)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        to = QPointF(end.left() + 3, end.center().y())
        if abs(end.left() - start.left()) < 60:  # the same column: hung from its marker
            path = QPainterPath(QPointF(start.left() + 6, start.center().y() + 5))
            path.lineTo(start.left() + 6, to.y() - 3)
            path.quadTo(start.left() + 6, to.y(), to.x(), to.y())
        else:
            begin = QPointF(start.right(), start.center().y())
            middle = to.x() - 14
            path = QPainterPath(begin)
            path.cubicTo(QPointF((begin.x() + middle) / 2, begin.y()), QPointF((begin.x() + middle) / 2, to.y()), to)
        painter.drawPath(path)

    def _paint_entry(self, painter: QPainter, key: str, dim: bool, lit: bool) -> None:
        entry, box = self.entries[key], self.layout_of.boxes[key]
        ground = theme.blend(theme.color("raised"), self._tint(entry.branch), 0.07)
        share = 0.30 if dim else 1.0
        chosen = key == self._current
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_soft") if chosen or key == self._hover else ground)
        painter.drawRoundedRect(box.adjusted(MARK_PX - 3 if not chosen else -2, 1, 2, -1), 4, 4)
        if chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus" if self.hasFocus() else "accent"), 2 if self.hasFocus() else 1))
            painter.drawRoundedRect(box.adjusted(-2, 1, 2, -1), 4, 4)
        tint = theme.blend(ground, self._tint(entry.branch), share)
        draw_mark(painter, QPointF(box.left() + 6, box.center().y()), entry, tint, ground)
        font = theme.font("caption")
        font.setBold(chosen or bool(self._query) and not dim)
        painter.setFont(font)
        painter.setPen(theme.blend(ground, theme.color("text"), share))
        text = QRectF(box.left() + MARK_PX, box.top(), box.width() + 16, box.height())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, label(entry))

    def _tint(self, lane: str) -> QColor:
        return theme.series(LANES.index(lane)) if lane in LANES else theme.color("muted")

    def _lane_name(self, lane: str) -> str:
        return {
            "ancestor": self.tr("Ancestors"), "encoder": self.tr("Encoder-only"),
            "permutation": self.tr("Permutation"), "encoder-decoder": self.tr("Encoder-decoder"),
            "decoder": self.tr("Decoder-only"), "prefix": self.tr("Prefix"),
        }[lane]  # fmt: skip

    def _line_of(self, key: str) -> set[str]:
        """An entry, what it grew from back to the root, and what grew from it."""
        lit, up = set(), key
        while up in self.entries and up not in lit:
            lit.add(up)
            up = self.entries[up].parent
        grown = {key} if key in self.entries else set()
        while more := {e.key for e in self.entries.values() if e.parent in grown} - grown:
            grown |= more
        return lit | grown

    # the pointer and the keys

    def _at(self, place: QPointF) -> str:
        return next((key for key, box in self.layout_of.boxes.items() if box.contains(place)), "")

    def mouseMoveEvent(self, event) -> None:
        key = self._at(event.position())
        if key != self._hover:
            self._hover = key
            self.setCursor(Qt.CursorShape.PointingHandCursor if key else Qt.CursorShape.ArrowCursor)
            entry = self.entries.get(key)
            self.setToolTip(f"<b>{escape(entry.name)}</b> · {entry.year}<p>{escape(entry.idea)}</p>" if entry else "")
            self.update()

    def leaveEvent(self, event) -> None:
        self._hover = ""
        self.update()

    def mouseReleaseEvent(self, event) -> None:
        self._choose(self._at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        if event.key() in steps and self.entries:
            self._choose(self._next(*steps[event.key()]))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current:
            self.chosen.emit(self._current)
        else:
            super().keyPressEvent(event)

    def _choose(self, key: str) -> None:
        if key:
            self.set_current(key)
            self.chosen.emit(key)

    def _next(self, right: int, down: int) -> str:
        """The nearest entry in a direction; the first one where none is chosen."""
        if self._current not in self.entries:
            return next(iter(self.entries))
        here = self._point(self._current)
        best, least = self._current, float("inf")
        for key in self.entries:
            way = self._point(key) - here
            along = way.x() * right + way.y() * down
            across = abs(way.y() if right else way.x())
            if along > 1 and (far := along + SIDEWAYS * across) < least:
                best, least = key, far
        return best

    def _point(self, key: str) -> QPointF:
        box = self.layout_of.boxes[key]
        return QPointF(box.left(), box.center().y())


class TreeLegend(QWidget):
    """What the marks of the tree mean."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)
        self._words = (
            (self.tr("shape"), Entry("", "", 0, "")), (self.tr("recipe"), Entry("", "", 0, "", recipe=True)),
            (self.tr("filled: open weights"), None), (self.tr("hollow: closed"), None),
        )  # fmt: skip
        self.setAccessibleName(", ".join(word for word, _ in self._words))

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(theme.font("caption"))
        widths = [metrics.horizontalAdvance(word) + (28 if entry else 16) for word, entry in self._words]
        return QSize(round(sum(widths)), 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        left = 6.0
        for word, entry in self._words:
            if entry is not None:
                draw_mark(painter, QPointF(left, 11), entry, theme.color("muted"), theme.color("surface"))
                left += 10
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(left, 15), word)
            left += painter.fontMetrics().horizontalAdvance(word) + 16


def draw_mark(painter: QPainter, middle: QPointF, entry: Entry, tint: QColor, ground: QColor) -> None:
    """Round for a shape, square on its tip for a recipe; filled when open, a ring when closed."""
    painter.setPen(QPen(tint, 1.6))
    painter.setBrush(tint if entry.open else ground)
    if entry.recipe:
        x, y = middle.x(), middle.y()
        painter.drawPolygon(QPolygonF([QPointF(x, y - 4), QPointF(x + 4, y), QPointF(x, y + 4), QPointF(x - 4, y)]))
    else:
        painter.drawEllipse(middle, 3.4, 3.4)
