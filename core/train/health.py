"""What the machine went through during a run: a record every few seconds in RUN/health.bin."""

import math
import threading

import psutil

from core.errors import LabError
from core.record.folder import JobFolder
from core.record.machine import HEALTH, HEALTH_COLUMNS, Machine
from core.record.metrics import MetricsWriter

EVERY_S = 5.0


class HealthLog:
    """Writes down how the machine and this process are while a ``with`` block runs; a full disk only ends it."""

    def __init__(self, folder: JobFolder, every_s: float = EVERY_S) -> None:
        self.folder, self.every_s = folder, every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "HealthLog":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            writer = MetricsWriter(self.folder.path(HEALTH), HEALTH_COLUMNS, last_step=math.inf)
        except (LabError, OSError):
            return
        machine, process = Machine(), psutil.Process()
        process.cpu_percent()
        try:
            while not self._ended.wait(self.every_s):
                reading = machine.read()
                found = {name: getattr(reading, name, None) for name, _ in HEALTH_COLUMNS}
                found["own_share"] = process.cpu_percent() / 100 / (psutil.cpu_count() or 1)
                found["own_bytes"] = process.memory_info().rss
                writer.append(**{name: value for name, value in found.items() if value is not None})
        except (LabError, OSError):
            pass
        finally:
            try:
                writer.close()
            except (LabError, OSError):
                pass
