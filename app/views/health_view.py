"""How the machine was while a run went on: its own memory and processors, heat and power, over the whole run."""

from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.words import bytes_text, duration_text, percent_text
from core.errors import LabError
from core.record.machine import HEALTH
from core.record.metrics import read_metrics
from widgets import theme
from widgets.cards import Text
from widgets.time_curve import TimeCurve

COLUMNS_SHOWN = 3


class HealthView(QWidget):
    """Reads RUN/health.bin; quantities that this machine does not tell are named in a sentence."""

    def __init__(self, context, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._size = -1
        self.curves = {
            "own_share": TimeCurve(self.tr("Processor, this run"), percent_text),
            "own_bytes": TimeCurve(self.tr("Memory, this run"), bytes_text),
            "memory_bytes": TimeCurve(self.tr("Memory, whole machine"), bytes_text),
            "temperature_c": TimeCurve(self.tr("Temperature"), lambda value: f"{value:.0f} °C"),
            "power_w": TimeCurve(self.tr("Power"), lambda value: f"{value:.0f} W"),
            "gpu_share": TimeCurve(self.tr("GPU"), percent_text),
            "gpu_memory_bytes": TimeCurve(self.tr("GPU memory"), bytes_text),
            "gpu_temperature_c": TimeCurve(self.tr("GPU temperature"), lambda value: f"{value:.0f} °C"),
            "gpu_power_w": TimeCurve(self.tr("GPU power"), lambda value: f"{value:.0f} W"),
        }
        for curve in self.curves.values():
            curve.setParent(self)  # none of them is a window of its own
            curve.hide()
        self.said = Text("", "muted")
        self.grid = QGridLayout()
        self.grid.setSpacing(theme.space(1))
        for column in range(COLUMNS_SHOWN):
            self.grid.setColumnStretch(column, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.said)
        column.addLayout(self.grid, 1)

    def show_run(self, root: Path) -> None:
        """Show what is recorded now; cheap when nothing was added."""
        path = root / HEALTH
        size = path.stat().st_size if path.is_file() else 0
        if (root, size) == (self.root, self._size):
            return
        self.root, self._size = root, size
        try:
            columns, rows = read_metrics(path) if size else ([], np.empty((0, 0)))
        except (LabError, OSError):
            columns, rows = [], np.empty((0, 0))
        self._show(columns, rows)

    def _show(self, columns: list[tuple[str, str]], rows: np.ndarray) -> None:
        found = {name: rows[:, i] for i, (name, _) in enumerate(columns)} if len(rows) else {}
        shown = [name for name in self.curves if name in found and np.isfinite(found[name]).any()]
        for name, curve in self.curves.items():
            self.grid.removeWidget(curve)
            curve.setVisible(name in shown)
        for place, name in enumerate(shown):
            self.grid.addWidget(self.curves[name], *divmod(place, COLUMNS_SHOWN))
            self.curves[name].set_data(found["t"] - found["t"][0], found[name], 1.0 if name.endswith("_share") else 0.0)
        self.said.setText(self._sentence(found, shown))

    def _sentence(self, found: dict[str, np.ndarray], shown: list[str]) -> str:
        if not found:
            return self.tr("Nothing is recorded yet; a record is written every few seconds while the run works.")
        over = self.tr("Recorded over {time}.").format(time=duration_text(found["t"][-1] - found["t"][0]))
        missing = [self.curves[name].label for name in ("temperature_c", "power_w") if name not in shown]
        if missing:
            over += " " + self.tr("This machine does not tell: {names}.").format(names=self.tr(", ").join(missing))
        return over
