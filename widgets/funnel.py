"""How many documents came in, how many stayed, and why the others went."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from widgets import icons, theme

ROW_PX = 40
LABEL_PX, COUNT_PX = 184, 168


def bytes_text(count: float) -> str:
    """1536 becomes 1.5 kB (decimal units, as disks are sold)."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{int(count)} B"


@dataclass(frozen=True)
class Stage:
    """One row: where it begins and ends as shares of what was read."""

    text: str
    count: str
    start: float
    end: float
    token: str
    icon: str
    clickable: bool


class FunnelRow(QAbstractButton):
    """A bar with its name and count; a click opens the documents behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = Stage("", "", 0, 0, "muted", "dot", False)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_stage(self, stage: Stage) -> None:
        """Show another stage."""
        self.stage = stage
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if stage.clickable else Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if stage.clickable else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(f"{stage.text}: {stage.count}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(LABEL_PX + COUNT_PX + 200, ROW_PX)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        painter.setPen(Qt.PenStyle.NoPen)
        if self.stage.clickable and self.underMouse():
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(box, 6, 6)
        icons.draw(painter, self.stage.icon, QRectF(8, box.center().y() - 8, 16, 16), self.stage.token)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text"))
        metrics = painter.fontMetrics()
        name = metrics.elidedText(self.stage.text, Qt.TextElideMode.ElideRight, LABEL_PX - 40)
        painter.drawText(box.adjusted(32, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
        self._paint_bar(painter, box)
        painter.setPen(theme.color("muted"))
        painter.setFont(theme.font("caption"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(box.adjusted(0, 0, -8, 0), right, self.stage.count)
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _paint_bar(self, painter: QPainter, box: QRectF) -> None:
        left, room = LABEL_PX, box.width() - LABEL_PX - COUNT_PX
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(QRectF(left, 10, room, box.height() - 20), 3, 3)
        start, end = left + room * self.stage.start, left + room * self.stage.end
        painter.setBrush(theme.blend(theme.color("raised"), theme.color(self.stage.token), 0.8))
        painter.drawRoundedRect(QRectF(start, 10, max(end - start, 2), box.height() - 20), 3, 3)
        if self.stage.start > 0:  # a thread from what came through the rule before
            painter.setBrush(theme.color("line_strong"))
            painter.drawPolygon(QPolygonF([QPointF(end - 0.5, 0), QPointF(end + 0.5, 0), QPointF(end + 0.5, 10),
                                           QPointF(end - 0.5, 10)]))  # fmt: skip


class Funnel(QWidget):
    """Bars from read to kept, one for each reason; a click opens the documents behind it."""

    rule_clicked = Signal(str)
    kept_clicked = Signal()

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.rows: dict[str, FunnelRow] = {}  # "" = read, rule names, "kept"
        self.set_counts(0, 0, 0, 0, {})

    def set_counts(self, documents_read: int, documents_kept: int, bytes_read: int, bytes_kept: int,
                   rejected: dict[str, int], labels: dict[str, str] | None = None) -> None:  # fmt: skip
        """Show counts; ``rejected`` is {rule: documents} in order of work, ``labels`` {rule: translated text}."""
        stages = {"read": self._stage(self.tr("Read"), documents_read, bytes_read, 0, 1, "muted", "import", False)}
        if not documents_read:
            stages["read"] = self._stage(self.tr("Read"), 0, 0, 0, 0, "muted", "import", False)
        left, whole = documents_read, max(documents_read, 1)
        for rule, count in rejected.items():
            text = (labels or {}).get(rule, rule)
            start, end = max(left - count, 0) / whole, left / whole
            stages[rule] = self._stage(text, count, None, start, end, "amber", "minus", count > 0)
            left -= count
        share, some = documents_kept / whole, documents_kept > 0
        stages["kept"] = self._stage(self.tr("Kept"), documents_kept, bytes_kept, 0, share, "accent", "check", some)
        self._show(stages)

    def _stage(self, text, count, size, start, end, token, icon, clickable) -> Stage:
        words = f"{count:,}" if size is None else f"{count:,} · {bytes_text(size)}"
        return Stage(text, words, start, end, token, icon, clickable)

    def _show(self, stages: dict[str, Stage]) -> None:
        if list(stages) != list(self.rows):
            for row in self.rows.values():
                row.hide()
                row.deleteLater()
            self.rows = {key: FunnelRow() for key in stages}
            for key, row in self.rows.items():
                self._column.addWidget(row)
                row.clicked.connect(lambda _=False, key=key: self._clicked(key))
        for key, stage in stages.items():
            self.rows[key].set_stage(stage)

    def _clicked(self, key: str) -> None:
        if not self.rows[key].stage.clickable:
            return
        if key == "kept":
            self.kept_clicked.emit()
        else:
            self.rule_clicked.emit(key)
