"""Fixed-size records, one a step: cheap to append, to cut, and to open by the hundred."""

import json
import os
import struct
from pathlib import Path

import numpy as np

from core.errors import LabError
from core.record.atomic import disk_error, write_bytes

METRICS = "metrics.bin"  # of a run
MAGIC = b"CFMETRIC"
Columns = list[tuple[str, str]]  # (name, unit)


def create_metrics(path: Path, columns: Columns) -> None:
    """Write an empty metrics file whose header names the columns and their units."""
    header = json.dumps([list(c) for c in columns]).encode()
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % 64)  # records start on a 64-byte boundary
    write_bytes(path, MAGIC + struct.pack("<I", len(header)) + header)


def read_header(path: Path) -> tuple[Columns, int]:
    """The columns and the byte at which the first record starts.

    Raises:
        LabError: not a metrics file of the lab.
    """
    with open(path, "rb") as file:
        start = file.read(len(MAGIC) + 4)
        if len(start) < len(MAGIC) + 4 or start[:8] != MAGIC:
            raise LabError("This is not a metrics file of the lab.", str(path), "Delete it; the run writes a new one.")
        size = struct.unpack("<I", start[8:])[0]
        columns = [(name, unit) for name, unit in json.loads(file.read(size))]
    return columns, len(start) + size


def read_metrics(path: Path, start_row: int = 0) -> tuple[Columns, np.ndarray]:
    """Columns and float64 records (rows, columns) from ``start_row`` on; a torn last record is left out."""
    columns, start = read_header(path)
    width = 8 * len(columns)
    with open(path, "rb") as file:
        file.seek(start + start_row * width)
        data = file.read()
    rows = len(data) // width
    return columns, np.frombuffer(data[: rows * width], "<f8").reshape(rows, len(columns))


class MetricsWriter:
    """Appends one float64 record a step; opening cuts everything past ``last_step``."""

    def __init__(self, path: Path, columns: Columns, last_step: int = 0) -> None:
        self.path = Path(path)
        if not self.path.exists():
            create_metrics(self.path, columns)
        self.columns, start = read_header(self.path)
        _, rows = read_metrics(self.path)
        keep = int(np.searchsorted(rows[:, 0], last_step, side="right"))
        self._file = open(self.path, "rb+", buffering=0)
        self._file.truncate(start + keep * 8 * len(self.columns))
        self.rows = keep  # records that stand in the file
        self._file.seek(0, os.SEEK_END)

    def append(self, **values: float) -> None:
        """Write one record; a column that is not given is NaN."""
        record = np.array([values.get(name, np.nan) for name, _ in self.columns], "<f8").tobytes()
        try:
            written = self._file.write(record)
            while written < len(record):  # a disk that fills up takes a part first, and refuses the rest
                written += self._file.write(record[written:])
        except OSError as error:
            raise disk_error(error, self.path) from error
        self.rows += 1

    def sync(self) -> None:
        """Make what was written outlast a power cut: a checkpoint must never be newer than its records.

        Beside a run's own metrics the overview is brought up to date.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise disk_error(error, self.path) from error
        if self.path.name == METRICS:
            from core.record.overview import refresh_overview  # it builds on this module

            refresh_overview(self.path)

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            self._file.close()
