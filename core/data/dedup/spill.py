"""Grouping more records than memory should hold: by the top bits of their keys, in files on disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

KEYED = np.dtype([("key", "<u8"), ("row", "<u4")])  # 12 bytes: something seen, and the document it was seen in
_BITS = 6
_MEMORY_BYTES = 32 << 20  # held back before the files are opened; a small corpus never touches the disk


class Spill:
    """Takes records in any amount and gives them back part by part, in ascending ranges of their 64-bit keys.

    Within a part, records come in the order in which they were added. Each part is read whole: a
    64th of the records, when the keys are hashes.

    Args:
        folder: where the files go; they are removed as they are read.
        name: of the files.
        dtype: uint64, or a record with a field ``key``.
    """

    def __init__(self, folder: Path, name: str, dtype: np.dtype) -> None:
        self._paths = [Path(folder) / f"{name}-{part:02d}.tmp" for part in range(1 << _BITS)]
        self._dtype, self._held, self._held_bytes, self.count = np.dtype(dtype), [], 0, 0
        self._on_disk = False

    def add(self, records: np.ndarray) -> None:
        """Append records of the dtype, (N,)."""
        self._held.append(records)
        self._held_bytes += records.nbytes
        self.count += len(records)
        if self._held_bytes >= _MEMORY_BYTES:
            self._write()

    def parts(self) -> Iterator[np.ndarray]:
        """The records, part by part; once."""
        if not self._on_disk:
            held = self._take()
            if len(held):
                order = np.argsort(self._part(held), kind="stable")
                yield held[order]
            return
        self._write()
        for path in self._paths:
            if path.exists():
                records = np.fromfile(path, self._dtype)
                path.unlink()
                yield records

    def _take(self) -> np.ndarray:
        held = np.concatenate(self._held) if self._held else np.empty(0, self._dtype)
        self._held, self._held_bytes = [], 0
        return held

    def _part(self, records: np.ndarray) -> np.ndarray:
        keys = records["key"] if self._dtype.names else records
        return (keys >> np.uint64(64 - _BITS)).astype(np.uint8)

    def _write(self) -> None:
        held = self._take()
        self._on_disk = True
        part = self._part(held)
        order = np.argsort(part, kind="stable")
        ends = np.searchsorted(part[order], np.arange(1 << _BITS), side="right")
        held, start = held[order], 0
        for path, end in zip(self._paths, ends.tolist()):
            if end > start:
                with open(path, "ab") as file:
                    held[start:end].tofile(file)
            start = end


def keyed(keys: np.ndarray, rows: np.ndarray | int) -> np.ndarray:
    """Records of :data:`KEYED` from keys, uint64 (N,), and the row or rows they belong to."""
    records = np.empty(len(keys), KEYED)
    records["key"], records["row"] = keys, rows
    return records
