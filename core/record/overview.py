"""A run's metrics at a glance: blocks of rows folded to least, greatest and mean, so that 200 runs open in a second.

``metrics.overview`` stands beside ``metrics.bin``. It is written at checkpoints and at the end, and is only a
convenience: missing, torn or stale, it is made again from the records.
"""

import json
import struct
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.record.atomic import write_bytes
from core.record.metrics import Columns, read_header

NAME = "metrics.overview"
MAGIC = b"CFOVERV1"
BLOCKS = 512  # at least so many once there are enough rows, and fewer than twice as many
LEAST_ROWS = 4096  # shorter runs are read as they are
READ_ROWS = 1 << 16  # at once


class Overview(msgspec.Struct, frozen=True):
    """Rows of a metrics file in blocks of equal size (a power of two; the last may be partial).

    Args:
        columns: names and units, as in the metrics file.
        rows: how many rows the blocks cover.
        rows_per_block: how many rows a block folds.
        values: float32 (4, blocks, columns): least, greatest, mean and count of the measured values; NaN where none.
        last: the last row covered, float64 bytes: tells whether the file still begins as it did.
    """

    columns: Columns
    rows: int
    rows_per_block: int
    values: np.ndarray
    last: bytes

    def by_column(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Least, greatest and mean of each column, float64 (blocks,) each."""
        values = np.ascontiguousarray(self.values[:3].transpose(2, 0, 1), np.float64)  # (columns, 3, blocks)
        return {name: tuple(parts) for (name, _), parts in zip(self.columns, values)}


def fold_rows(rows: np.ndarray, rows_per_block: int) -> np.ndarray:
    """Least, greatest, mean and count of every block of rows, (4, blocks, columns); what is not finite is left out."""
    measured = np.isfinite(rows)
    starts = np.arange(0, len(rows), rows_per_block)
    known = np.where(measured, rows, np.nan)
    count = np.add.reduceat(measured, starts, axis=0, dtype=np.float64)
    total = np.add.reduceat(np.where(measured, rows, 0.0), starts, axis=0)
    mean = total / np.where(count, count, np.nan)
    return np.stack((np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts), mean, count))


def _join_pairs(values: np.ndarray) -> np.ndarray:
    """Blocks of twice the size."""
    starts = np.arange(0, values.shape[1], 2)
    count = np.add.reduceat(values[3], starts)
    total = np.add.reduceat(np.where(values[3] > 0, values[2] * values[3], 0.0), starts)
    mean = total / np.where(count, count, np.nan)
    return np.stack((np.fmin.reduceat(values[0], starts), np.fmax.reduceat(values[1], starts), mean, count))


def read_overview(path: Path, metrics: Path) -> Overview | None:
    """The overview at ``path``, if it still tells the truth about the beginning of the metrics file; else None."""
    try:
        data = Path(path).read_bytes()
        size = struct.unpack("<I", data[8:12])[0]
        head = json.loads(data[12 : 12 + size])
        columns = [tuple(column) for column in head["columns"]]
        values = np.frombuffer(data, "<f4", offset=12 + size).reshape(4, -1, len(columns))
        found = Overview(columns, head["rows"], head["rows_per_block"], values, bytes.fromhex(head["last"]))
        true = data[:8] == MAGIC and values.shape[1] == -(-found.rows // found.rows_per_block)
        return found if true and _still_begins(metrics, found) else None
    except (OSError, ValueError, KeyError, TypeError, struct.error, LabError):
        return None


def _still_begins(metrics: Path, overview: Overview) -> bool:
    columns, start = read_header(metrics)
    width = 8 * len(columns)
    with open(metrics, "rb") as file:
        file.seek(start + (overview.rows - 1) * width)
        return columns == overview.columns and file.read(width) == overview.last


def count_rows(metrics: Path) -> int:
    """Whole records in a metrics file."""
    columns, start = read_header(metrics)
    return (Path(metrics).stat().st_size - start) // (8 * len(columns))


def make_overview(metrics: Path, known: Overview | None = None) -> Overview | None:
    """Fold a metrics file, going on from what is known of its beginning; None when it holds no row.

    Raises:
        LabError: not a metrics file of the lab.
    """
    columns, start = read_header(metrics)
    rows, width = count_rows(metrics), 8 * len(columns)
    if not rows:
        return None
    size, whole = (known.rows_per_block, known.rows // known.rows_per_block) if known else (1, 0)
    parts = [known.values[:, :whole].astype(np.float64)] if whole else []
    while rows > 2 * BLOCKS * size:
        size *= 2
    if whole:  # blocks that have become too small are joined; a pair that is not whole is read again
        joined = known.rows_per_block
        while joined < size:
            parts, joined = [_join_pairs(parts[0][:, : parts[0].shape[1] // 2 * 2])], joined * 2
    done = parts[0].shape[1] * size if parts else 0
    last = b""
    with open(metrics, "rb") as file:
        file.seek(start + done * width)
        at_once = max(READ_ROWS // size, 1) * size
        for first in range(done, rows, at_once):
            data = file.read(min(at_once, rows - first) * width)
            if len(data) < min(at_once, rows - first) * width:
                return None  # it is being cut back right now
            parts.append(fold_rows(np.frombuffer(data, "<f8").reshape(-1, len(columns)), size))
            last = data[-width:]
    if not last:  # every row was known
        last = known.last
    return Overview(columns, rows, size, np.concatenate(parts, axis=1).astype(np.float32), last)


def write_overview(path: Path, overview: Overview) -> None:
    """Write an overview atomically."""
    head = json.dumps({"columns": overview.columns, "rows": overview.rows, "last": overview.last.hex(),
                       "rows_per_block": overview.rows_per_block}).encode()  # fmt: skip
    head += b" " * (-(12 + len(head)) % 64)
    values = np.ascontiguousarray(overview.values, "<f4")
    write_bytes(path, MAGIC + struct.pack("<I", len(head)) + head + values.tobytes())


def refresh_overview(metrics: Path) -> Overview | None:
    """The overview of a metrics file, brought up to its last row on disk, too; None for a short run.

    It is a convenience: that it cannot be written (a full or a read-only disk) is no reason to stop anything.
    """
    path = Path(metrics).with_name(NAME)
    with suppress(LabError, OSError):
        if count_rows(metrics) < LEAST_ROWS:
            return None
        known = read_overview(path, metrics)
        if known is not None and known.rows == count_rows(metrics):
            return known
        made = make_overview(metrics, known)
        if made is not None:
            with suppress(LabError, OSError):
                write_overview(path, made)
        return made
    return None
