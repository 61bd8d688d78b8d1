"""python -m app.bench plot SECONDS | cold WORKSPACE STARTED: one measuring process, whose last line is JSON."""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def main(lane: str, *rest: str) -> None:
    """Measure and print the rows, or be the fresh process whose start is measured."""
    if lane == "cold":
        from app.bench.cold_start import open_page

        open_page(Path(rest[0]), float(rest[1]))
        return
    from PySide6.QtWidgets import QApplication

    from app.bench.frames import RUNS, measure_frames
    from app.bench.many_runs import make_runs, measure_cold_start
    from widgets import theme

    application = QApplication([])
    theme.apply(application, "light")
    with tempfile.TemporaryDirectory() as place:
        os.environ["COLDFRAME_SETTINGS"] = str(Path(place) / "settings.ini")  # never the person's own
        workspace = Path(place) / "workspace"
        roots = make_runs(workspace)
        rows = measure_frames(float(rest[0]), roots[:RUNS]) + measure_cold_start(workspace, roots)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # no taking down: without an event loop Qt's objects may go in an order that it does not survive
