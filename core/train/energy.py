"""Energy that the processor's own meter counts, where it has one and it may be read."""

import threading
from pathlib import Path

from core.record.machine import METER, read_meter

LOOK_EVERY_S = 60.0  # the count begins anew every so often, after an hour or less at full power


class Meter:
    """Energy of the processor while a ``with`` block runs, or several; silent where no meter can be read."""

    def __init__(self, folder: Path = METER, every_s: float = LOOK_EVERY_S) -> None:
        self.folder, self.every_s = folder, every_s
        self.microjoules = 0
        self.before_j: float | None = None  # used by earlier processes of the same run
        self._last: int | None = None
        self._ended, self._looking = threading.Event(), threading.Lock()

    def __enter__(self) -> "Meter":
        self._ended.clear()
        self._last = read_meter(self.folder)
        if self._last is not None:
            self._watch = threading.Thread(target=self._look_often, daemon=True)
            self._watch.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        if self._last is not None:
            self._watch.join()
            self._look()

    def joules(self) -> float | None:
        """What was used in the block so far, or None without a meter."""
        if self._last is not None and not self._ended.is_set():
            self._look()
        return None if self._last is None else self.microjoules / 1e6

    def _look_often(self) -> None:
        while not self._ended.wait(self.every_s):
            self._look()

    def _look(self) -> None:
        with self._looking:
            now = read_meter(self.folder)
            if now is None:
                return
            used = now - self._last
            if used < 0:  # it began anew
                used += int((self.folder / "max_energy_range_uj").read_text())
            self.microjoules, self._last = self.microjoules + used, now
