"""Curves of a run, live."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class LossPlot(QWidget):
    """Curves of any number of runs against step, tokens, FLOPs or time; smooth with 1,000,000 points.

    Columns are those of metrics.bin: step, tokens, flops, elapsed_s; loss, val_loss,
    val_bits_per_byte, lr, grad_norm, tokens_per_s. NaN = not measured in that row.
    """

    axis_changed = Signal(str)  # step | tokens | flops | time
    metric_changed = Signal(str)  # loss | bits_per_byte | lr | grad_norm | tokens_per_s
    event_clicked = Signal(str, str, int)  # series, kind, step
    exported = Signal(str)  # path of the file written

    def __init__(self, *, metric: str = "loss", axis: str = "step", parent: QWidget | None = None) -> None: ...

    def append(self, series: str, columns: dict) -> None:
        """Add rows at the end of a series: {column: array}; creates the series."""

    def set_series(self, series: str, columns: dict) -> None:
        """Replace a series (after a resume cut it back)."""

    def remove_series(self, series: str) -> None:
        """Forget one series."""

    def clear(self) -> None:
        """Forget everything."""

    def set_events(self, series: str, events: list[tuple[str, int, str]]) -> None:
        """Mark (kind, step, text); kind: checkpoint, resume, pause, note."""

    def set_axis(self, axis: str) -> None:
        """Choose the horizontal axis without emitting."""

    def set_metric(self, metric: str) -> None:
        """Choose what is drawn without emitting."""

    def set_smoothing(self, strength: float) -> None:
        """0 = raw; towards 1 = smoother."""
