"""The funnel rule by rule: what came in, what each rule set aside, and what was left: documents, bytes, tokens."""

import re
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.funnel import bytes_text
from widgets.numbers import short_number

ROW_PX, HEAD_PX = 30, 26
LABEL_SHARE, LABEL_PX = 0.36, (132, 260)  # of the width, within these bounds
COLUMN_PX = 72


@dataclass(frozen=True)
class FunnelStep:
    """One line: a rule, or what was read or kept.

    Args:
        key: the rule's name; "" = read, "kept" = what is left.
        text: what it is called, translated.
        documents, n_bytes, tokens: left after it; the latter two None = not known.
        fallen: documents it set aside.
        changed: documents it mended.
    """

    key: str
    text: str
    documents: int
    n_bytes: int | None
    tokens: float | None = None
    fallen: int = 0
    changed: int = 0


def steps_of(report_steps: list[dict], refused: dict[str, int], labels, names: tuple[str, str],
             bytes_a_token: float | None = None) -> list[FunnelStep]:  # fmt: skip
    """Lines of a funnel from the steps of a report.

    Args:
        report_steps: {rule, documents_in, documents_out, bytes_in, bytes_out, changed, passed_over} in order.
        refused: pieces of files that gave no document, by reason.
        labels: function from a rule's name to its translated title.
        names: the words for "read" and "kept".
        bytes_a_token: to say sizes in tokens too.
    """
    def tokens(n_bytes: int) -> float | None:
        return n_bytes / bytes_a_token if bytes_a_token else None

    if not report_steps:
        return []
    documents, n_bytes = report_steps[0]["documents_in"], report_steps[0]["bytes_in"]
    lost = sum(refused.values())
    found = [FunnelStep("", names[0], documents + lost, n_bytes, tokens(n_bytes))]
    left = documents + lost
    for rule, count in refused.items():
        left -= count
        found.append(FunnelStep(rule, labels(rule), left, n_bytes, tokens(n_bytes), count))
    for step in report_steps:
        documents, n_bytes = step["documents_out"], step["bytes_out"]
        found.append(FunnelStep(
            step["rule"], labels(step["rule"]), documents, n_bytes, tokens(n_bytes),
            step["documents_in"] - documents, step.get("changed", 0)))
    return [*found, FunnelStep("kept", names[1], documents, n_bytes, tokens(n_bytes))]


def steps_so_far(read: int, kept: int, n_bytes: tuple[int, int], rejected: dict[str, int], rules: list[str], labels,
                 names: tuple[str, str]) -> list[FunnelStep]:  # fmt: skip
    """Lines of a funnel while a cleaning runs, when only documents are counted rule by rule.

    Args:
        read, kept: documents so far; ``n_bytes`` their sizes.
        rejected: documents by rule.
        rules: those that run, in order; others in ``rejected`` are reasons of readers and come first.
        labels, names: as in :func:`steps_of`.
    """
    found, left = [FunnelStep("", names[0], read, n_bytes[0])], read
    for rule in [*(rule for rule in rejected if rule not in rules), *dict.fromkeys(rules)]:
        fallen = rejected.get(rule, 0)
        left -= fallen
        found.append(FunnelStep(rule, labels(rule), left, None, None, fallen))
    return [*found, FunnelStep("kept", names[1], kept, n_bytes[1])]


class StepLine(QAbstractButton):
    """One line; a click opens the documents behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.step, self.whole, self.columns = FunnelStep("", "", 0, 0), 1, ()
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def show_step(self, step: FunnelStep, whole: int, columns: tuple[str, ...]) -> None:
        """Show a step; ``whole`` = documents read, ``columns`` = its numbers, as written."""
        self.step, self.whole, self.columns = step, max(whole, 1), columns
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.clickable else Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if self.clickable else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(f"{step.text}: {', '.join(filter(None, columns))}")
        self.setToolTip(self.tr("{count} changed").format(count=f"{step.changed:,}") if step.changed else "")
        self.update()

    @property
    def clickable(self) -> bool:
        """Whether there are documents behind it."""
        return self.step.fallen > 0 if self.step.key not in ("", "kept") else self.step.documents > 0

    def sizeHint(self) -> QSize:
        return QSize(360, ROW_PX)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, step = QRectF(self.rect()), self.step
        painter.setPen(Qt.PenStyle.NoPen)
        if self.clickable and self.underMouse():
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(box, 6, 6)
        picture, token = {"": ("import", "muted"), "kept": ("check", "accent")}.get(
            step.key, ("minus", "amber" if step.fallen else "faint"))  # fmt: skip
        icons.draw(painter, picture, QRectF(6, box.center().y() - 7, 14, 14), token)
        label = label_width(box.width())
        painter.setFont(theme.font("strong" if step.key in ("", "kept") else "body"))
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(step.text, Qt.TextElideMode.ElideRight, round(label - 32))
        painter.drawText(QRectF(26, 0, label - 28, box.height()), Qt.AlignmentFlag.AlignVCenter, name)
        right = box.width() - 8 - COLUMN_PX * len(self.columns)
        self._paint_bar(painter, QRectF(label, 8, max(right - label - 8, 0), box.height() - 16))
        painter.setFont(theme.font("caption"))
        aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        for place, words in enumerate(self.columns):
            painter.setPen(theme.color("text" if place == 0 and step.fallen else "muted"))
            painter.drawText(QRectF(right + place * COLUMN_PX, 0, COLUMN_PX, box.height()), aligned, words)
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _paint_bar(self, painter: QPainter, room: QRectF) -> None:
        """What is left, filled; what this rule set aside, hatched beside it."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(room, 3, 3)
        left = room.width() * self.step.documents / self.whole
        painter.setBrush(theme.color("accent" if self.step.key == "kept" else "line_strong"))
        if self.step.documents:
            painter.drawRoundedRect(QRectF(room.left(), room.top(), max(left, 2), room.height()), 3, 3)
        if self.step.fallen:
            painter.setPen(QPen(theme.color("amber"), 1))
            painter.setBrush(QBrush(theme.color("amber"), Qt.BrushStyle.BDiagPattern))
            width = max(room.width() * self.step.fallen / self.whole, 2)
            painter.drawRect(QRectF(room.left() + left, room.top() + 0.5, width, room.height() - 1))


def tokens_text(count: float) -> str:
    """1.98 M: three figures and a letter, a capital K as wherever things are counted."""
    return re.sub(r"(?<=\d)(?=[A-Za-z])", " ", short_number(count, 3)).replace("k", "K")


def label_width(width: float) -> float:
    """Room for the names, given the width of the whole."""
    return min(max(width * LABEL_SHARE, LABEL_PX[0]), LABEL_PX[1])


class StepFunnel(QWidget):
    """Lines under a head that names the columns; keeps its lines while counts change."""

    rule_clicked = Signal(str)
    read_clicked = Signal()
    kept_clicked = Signal()

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[StepLine] = []
        self._tokens, self._estimated = False, False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, HEAD_PX, 0, 0)
        self._column.setSpacing(0)
        theme.bus.changed.connect(self.update)

    def set_steps(self, steps: list[FunnelStep], estimated: bool = False) -> None:
        """Show these lines; ``estimated`` says that tokens are not counted but estimated."""
        self._tokens, self._estimated = any(step.tokens is not None for step in steps), estimated
        while len(self.lines) > len(steps):
            line = self.lines.pop()
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        while len(self.lines) < len(steps):
            line = StepLine()
            line.clicked.connect(lambda _=False, line=line: self._clicked(line))
            self.lines.append(line)
            self._column.addWidget(line)
        whole = steps[0].documents if steps else 1
        for line, step in zip(self.lines, steps):
            line.show_step(step, whole, self._words(step))
        self.update()

    def line(self, key: str) -> StepLine:
        """The first line of a rule."""
        return next(line for line in self.lines if line.step.key == key)

    def _words(self, step: FunnelStep) -> tuple[str, ...]:
        fallen = f"−{step.fallen:,}" if step.fallen else "" if step.key in ("", "kept") else "0"
        words = (fallen, f"{step.documents:,}", "" if step.n_bytes is None else bytes_text(step.n_bytes))
        about = "≈ " if self._estimated else ""
        if not self._tokens:
            return words
        return (*words, "" if step.tokens is None else f"{about}{tokens_text(step.tokens)}")

    def _clicked(self, line: StepLine) -> None:
        if not line.clickable:
            return
        if line.step.key == "kept":
            self.kept_clicked.emit()
        elif line.step.key:
            self.rule_clicked.emit(line.step.key)
        else:
            self.read_clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.lines:
            return
        painter = QPainter(self)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("faint"))
        heads = [self.tr("Set aside"), self.tr("Documents"), self.tr("Size")]
        heads += [self.tr("Tokens")] if self._tokens else []
        right = self.width() - 8 - COLUMN_PX * len(heads)
        aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        for place, words in enumerate(heads):
            painter.drawText(QRectF(right + place * COLUMN_PX, 0, COLUMN_PX, HEAD_PX - 4), aligned, words)
        left = QRectF(label_width(self.width()), 0, max(right - label_width(self.width()), 0), HEAD_PX - 4)
        words = painter.fontMetrics().elidedText(
            self.tr("Left after it"), Qt.TextElideMode.ElideRight, round(left.width()))
        painter.drawText(left, Qt.AlignmentFlag.AlignVCenter, words)
