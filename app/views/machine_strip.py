"""The machine at a glance, at the bottom of the window: processor, memory, temperature, power, GPU."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.words import bytes_text, percent_text
from core.record.machine import Machine, Reading
from widgets import theme
from widgets.gauge import Gauge

LOOK_MS = 2000


class MachineStrip(QFrame):
    """Gauges of what can be read on this machine; the others do not appear."""

    def __init__(self, machine: Machine | None = None, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "strip")
        self.machine = machine or Machine()
        self.gauges = {
            "processor": Gauge(self.tr("Processor"), "100 % · 100 °C · 888 W", warns=False),
            "memory": Gauge(self.tr("Memory"), "88.8 / 88.8 GB !"),
            "gpu": Gauge(self.tr("GPU"), "100 % · 100 °C · 888 W", warns=False),
            "gpu_memory": Gauge(self.tr("GPU memory"), "88.8 / 88.8 GB !"),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.space(2), 0, theme.space(2), 0)
        row.setSpacing(theme.space(2))
        row.addStretch(1)
        for gauge in self.gauges.values():
            row.addWidget(gauge)
        self.setFixedHeight(theme.space(3.25))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)
        QTimer.singleShot(300, self, self._look)

    def _look(self) -> None:
        if self.isVisible():
            self.show_reading(self.machine.read())

    def show_reading(self, reading: Reading) -> None:
        """Show one look at the machine."""
        self.gauges["processor"].add(
            reading.processor_share, _busy(reading.processor_share, reading.temperature_c, reading.power_w), self.tr(
                "How busy all processor cores are; the temperature of the hottest sensor and the power by the "
                "processor's own meter, where this machine tells them."))  # fmt: skip
        self._show_memory("memory", reading.memory_bytes, reading.memory_total_bytes, self.tr(
            "Memory in use, and all there is. {swap} have been moved to disk.").format(
                swap=bytes_text(reading.swap_bytes)))  # fmt: skip
        if reading.gpu_share is not None:
            self.gauges["gpu"].add(
                reading.gpu_share, _busy(reading.gpu_share, reading.gpu_temperature_c, reading.gpu_power_w), self.tr(
                    "The share of time in which the graphics card computed, its temperature and its power."))
        self._show_memory("gpu_memory", reading.gpu_memory_bytes, reading.gpu_memory_total_bytes,
                          self.tr("Memory of the graphics card in use, and all it has."))  # fmt: skip

    def _show_memory(self, name: str, used: int | None, total: int | None, explained: str) -> None:
        if used is not None and total:
            self.gauges[name].add(used / total, f"{used / 1e9:.1f} / {total / 1e9:.1f} GB", explained)


def _busy(share: float, celsius: float | None, watts: float | None) -> str:
    heat = f"{celsius:.0f} °C" if celsius is not None else ""
    return " · ".join(filter(None, (percent_text(share), heat, f"{watts:.0f} W" if watts is not None else "")))
