"""Follows a run's metrics file: only new records are read, and a resume's cut is noticed.

Apart from the event tail, because numpy is not needed before the first curve is drawn.
"""

from pathlib import Path

import numpy as np

from core.errors import LabError
from core.record.metrics import Columns, read_metrics


class MetricsTail:
    """Reads ``metrics.bin`` (or another of its format) on from the last record; notices when a resume cut some off."""

    def __init__(self, folder: Path, name: str = "metrics.bin") -> None:
        self.path = Path(folder) / name
        self.columns: Columns = []
        self._buffer = np.empty((0, 0))
        self._count = 0
        self._size = -1
        self.cuts = 0  # how often records were taken back; whoever copied them starts anew

    @property
    def rows(self) -> np.ndarray:
        """All records so far, (rows, columns), float64."""
        return self._buffer[: self._count]

    def poll(self) -> bool:
        """Read what is new into ``rows``; True when anything changed."""
        try:
            size = self.path.stat().st_size
            if size == self._size:
                return False
            keep = max(0, self._count - 1)
            columns, fresh = read_metrics(self.path, keep)
            if self._count and not _continues(self._buffer[keep], fresh):
                keep = 0  # a resumed run took back its last steps: read it all again
                self.cuts += 1
                columns, fresh = read_metrics(self.path, 0)
        except (LabError, OSError, ValueError):
            return False
        self._size, self.columns = size, columns
        self._put(keep, fresh)
        return True

    def column(self, name: str) -> np.ndarray:
        """One column over all records; empty when the file has none of that name."""
        names = [column for column, _ in self.columns]
        return self.rows[:, names.index(name)] if name in names and self._count else np.empty(0)

    def _put(self, start: int, fresh: np.ndarray) -> None:
        """Write records at ``start``; the buffer doubles, so that a long run is not copied at every poll."""
        count = start + len(fresh)
        if count > len(self._buffer) or self._buffer.shape[1] != fresh.shape[1]:
            larger = np.empty((max(1024, 2 * count), fresh.shape[1]))
            larger[:start] = self._buffer[:start] if start else 0
            self._buffer = larger
        self._buffer[start:count] = fresh
        self._count = count


def _continues(last: np.ndarray, fresh: np.ndarray) -> bool:
    return len(fresh) > 0 and np.array_equal(last, fresh[0], equal_nan=True)
