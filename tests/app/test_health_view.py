"""The machine at the bottom of the window, and how it was during a run."""

import math

import pytest

from app.views.health_view import HealthView
from app.views.machine_strip import MachineStrip
from core.record.machine import HEALTH, HEALTH_COLUMNS, Reading
from core.record.metrics import MetricsWriter

GB = 10**9


def reading(**changes):
    usual = {"t": 0.0, "processor_share": 0.5, "memory_bytes": 6 * GB, "memory_total_bytes": 24 * GB}
    return Reading(**usual | changes)


@pytest.fixture
def strip(qtbot):
    made = MachineStrip()
    qtbot.addWidget(made)
    made.show()
    return made


def test_only_what_the_machine_tells_is_shown(strip):
    strip.show_reading(reading())
    assert {name for name, gauge in strip.gauges.items() if gauge.isVisible()} == {"processor", "memory"}
    assert strip.gauges["processor"].text == "50 %" and strip.gauges["memory"].text == "6.0 / 24.0 GB"
    strip.show_reading(reading(temperature_c=71.4, gpu_share=0.2, gpu_power_w=301.0))
    assert strip.gauges["processor"].text == "50 % · 71 °C" and strip.gauges["gpu"].text == "20 % · 301 W"
    assert strip.gauges["gpu"].isVisible() and not strip.gauges["gpu_memory"].isVisible()


def test_little_room_left_is_said_by_colour_and_by_a_mark(strip):
    strip.show_reading(reading(memory_bytes=23 * GB, processor_share=1.0))
    assert strip.gauges["memory"].high and not strip.gauges["processor"].high
    assert strip.gauges["memory"].sizeHint().width() >= strip.gauges["memory"].fontMetrics().horizontalAdvance(
        "Memory23.0 / 24.0 GB !") + 44  # fmt: skip


def test_a_real_look_fills_the_strip(strip, qtbot):
    qtbot.waitUntil(lambda: strip.gauges["memory"].isVisible(), timeout=10_000)
    assert strip.gauges["processor"].shares


def test_the_record_of_a_run_is_drawn_and_what_is_missing_is_named(qtbot, tmp_path):
    view = HealthView(None)
    qtbot.addWidget(view)
    view.show()
    view.show_run(tmp_path)
    assert "Nothing is recorded" in view.said.text()
    writer = MetricsWriter(tmp_path / HEALTH, HEALTH_COLUMNS, last_step=math.inf)
    for second in range(0, 100, 5):
        writer.append(t=1e9 + second, own_share=second / 100, own_bytes=second * 1e6, memory_bytes=GB)
    writer.close()
    view.show_run(tmp_path)
    assert "1 min 35 s" in view.said.text() and "Temperature, Power" in view.said.text()
    shown = {name for name, curve in view.curves.items() if curve.isVisible()}
    assert shown == {"own_share", "own_bytes", "memory_bytes"}
    assert view.curves["own_bytes"].said() == "95 MB, at most 95 MB"
    view.grab()
