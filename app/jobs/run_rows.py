"""The rows of one run for the plot: its overview at once, the records themselves only where somebody looks.

Nothing is mapped into memory: a resume cuts the file back, and a map of what was cut would end the window.
"""

from pathlib import Path

import numpy as np

from core.errors import LabError
from core.record.metrics import METRICS, Columns, read_header
from core.record.overview import NAME, read_overview, refresh_overview
from widgets.plot_runs import AXES, Blocks
from widgets.plot_runs import METRICS as SHOWN

RECENT_ROWS = 2000  # in which the newest value of a column is looked for


class RunRows:
    """Reads a run's ``metrics.bin``; ``poll`` looks what is new.

    Attributes:
        rows: how many whole records there are.
        cuts: how often records were taken back; whoever copied them starts anew.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / METRICS
        self.rows, self.cuts = 0, 0
        self.columns: Columns = []
        self._start = 0
        self._seen = (-1, -1)  # size and time of the last change of the file
        self._last = b""
        self._at_rest = True
        self.poll()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the file."""
        return tuple(name for name, _ in self.columns)

    def poll(self, live: bool = False) -> bool:
        """Look what was written since; True when anything changed.

        Args:
            live: the run is at work, so its overview is not up to date.
        """
        self._at_rest = not live
        try:
            status = self.path.stat()
            if (status.st_size, status.st_mtime_ns) == self._seen:
                return False
            if not self.columns:
                self.columns, self._start = read_header(self.path)
            width = 8 * len(self.columns)
            rows = max(status.st_size - self._start, 0) // width
            with open(self.path, "rb") as file:
                if self.rows and (rows < self.rows or self._record(file, self.rows - 1) != self._last):
                    self.cuts += 1  # a resumed run took back its last steps
                last = self._record(file, rows - 1) if rows else b""
        except (LabError, OSError, ValueError):
            return False
        changed = rows != self.rows or last != self._last
        self._seen, self.rows, self._last = (status.st_size, status.st_mtime_ns), rows, last
        return changed

    def blocks(self) -> Blocks | None:
        """The overview of a run at rest, made where it is missing; None while it works: its rows are all read then."""
        if not self._at_rest:
            return None
        overview = read_overview(self.path.with_name(NAME), self.path)
        if overview is None or overview.rows != self.rows:
            overview = refresh_overview(self.path)
        if overview is None or overview.rows != self.rows:
            return None
        wanted = {column for columns in SHOWN.values() for column in columns} | set(AXES.values())
        return Blocks(overview.rows_per_block, overview.rows,
                      {name: parts for name, parts in overview.by_column().items() if name in wanted})  # fmt: skip

    def read(self, names: tuple[str, ...], first: int, last: int) -> list[np.ndarray]:
        """Values of these columns in rows [first, last), float64, (n,) each.

        Raises:
            OSError: the file is gone.
        """
        width = 8 * len(self.columns)
        with open(self.path, "rb") as file:
            file.seek(self._start + first * width)
            data = file.read(max(last - first, 0) * width)
        records = np.frombuffer(data[: len(data) // width * width], "<f8").reshape(-1, len(self.columns))
        return [records[:, self.names.index(name)].copy() for name in names]

    def last(self, name: str) -> float | None:
        """The newest measured value of a column."""
        if name not in self.names:
            return None
        values = self._recent(name)[0]
        measured = values[np.isfinite(values)]
        return float(measured[-1]) if len(measured) else None

    def speed(self, over: int = 50) -> tuple[float, float]:
        """Tokens and FLOPs a second over the last rows; zeros before there are three."""
        if self.rows < 3 or not {"elapsed_s", "tokens", "flops"} <= set(self.names):
            return 0.0, 0.0
        time_s, tokens, flops = (values[-over:] for values in self._recent("elapsed_s", "tokens", "flops"))
        taken = time_s[-1] - time_s[0] if len(time_s) > 1 else 0.0
        return ((tokens[-1] - tokens[0]) / taken, (flops[-1] - flops[0]) / taken) if taken > 0 else (0.0, 0.0)

    def _recent(self, *names: str) -> list[np.ndarray]:
        try:
            return self.read(names, max(0, self.rows - RECENT_ROWS), self.rows)
        except OSError:
            return [np.empty(0)] * len(names)

    def _record(self, file, row: int) -> bytes:
        width = 8 * len(self.columns)
        file.seek(self._start + row * width)
        return file.read(width)
