"""Prints the processor time of one frame of the loss plot; run by hand, it asserts nothing.

    python tests/widgets/time_loss_plot.py [POINTS] [CURVES]
"""

import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from widgets import theme  # noqa: E402
from widgets.loss_plot import LossPlot  # noqa: E402


def main(points: int, curves: int) -> None:
    app = QApplication([])
    theme.apply(app, "light")
    plot = LossPlot()
    plot.resize(1200, 600)
    plot.show()
    rng, step = np.random.default_rng(0), np.arange(1.0, points + 1)
    for curve in range(curves):
        loss = 2.3 + 8 * (step / points * 100 + 1) ** -0.5 + rng.normal(0, 0.1, points) + 0.1 * curve
        begun = time.process_time()
        plot.append(f"run {curve}", {"step": step, "tokens": step, "flops": step, "elapsed_s": step, "loss": loss})
    print(f"append of {points:,} rows: {1e3 * (time.process_time() - begun):.1f} ms")
    begun = time.process_time()
    plot.append("run 0", {name: np.full(1, points + 1.0) for name in ("step", "tokens", "flops", "elapsed_s", "loss")})
    print(f"append of one row: {1e3 * (time.process_time() - begun):.2f} ms")
    for smoothing in (0.0, 0.6):
        begun = time.process_time()
        plot.set_smoothing(smoothing)
        print(f"smoothing set to {smoothing}: {1e3 * (time.process_time() - begun):.1f} ms")
        app.processEvents()
        times = []
        for place in range(40):
            begun = time.process_time()
            plot.canvas._follow = False
            plot.canvas.view.setXRange(place * points / 100, points - place * points / 100, padding=0)
            plot.repaint_curves()
            decided = time.process_time()
            plot.canvas.viewport().repaint()
            times.append((time.process_time() - begun, decided - begun))
        frame, data = (1e3 * statistics.median(column) for column in zip(*times))
        print(f"frame, {curves} curves of {points:,}: {frame:.1f} ms, of which choosing the points {data:.1f} ms; "
              f"slowest {1e3 * max(times)[0]:.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3] or ("1000000", "1")))
