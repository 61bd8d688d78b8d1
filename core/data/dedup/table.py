"""A decision on disk: columns of equal length, memory-mapped, found by the first, whose values ascend."""

from pathlib import Path

import numpy as np


class TableWriter:
    """Appends rows to the columns of one table.

    Args:
        folder: where the columns go, one file each.
        columns: {name: dtype}; values of the first ascend.
    """

    def __init__(self, folder: Path, columns: dict[str, str]) -> None:
        self._files = {name: open(Path(folder) / f"{name}.{dtype}", "wb") for name, dtype in columns.items()}
        self._dtypes = columns

    def add(self, **values: np.ndarray) -> None:
        """Append as many values to every column."""
        for name, file in self._files.items():
            np.ascontiguousarray(values[name], "<" + self._dtypes[name]).tofile(file)

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, *_) -> None:
        for file in self._files.values():
            file.close()


class Table:
    """The columns of a table, mapped: only the pages that are asked for are read.

    Args:
        folder, columns: as they were written.
    """

    def __init__(self, folder: Path, columns: dict[str, str]) -> None:
        for name, dtype in columns.items():
            setattr(self, name, _map(Path(folder) / f"{name}.{dtype}", "<" + dtype))
        self._first = getattr(self, next(iter(columns)))

    def __len__(self) -> int:
        return len(self._first)

    def find(self, values: np.ndarray) -> np.ndarray:
        """Where each value stands in the first column; -1 = nowhere. (N,) to int64 (N,)."""
        if not len(self):
            return np.full(len(values), -1)
        places = np.searchsorted(self._first, values)
        places[places == len(self)] = 0
        return np.where(self._first[places] == values, places, -1)

    def place(self, value: int) -> int:
        """Where one value stands in the first column; -1 = nowhere."""
        return int(self.find(np.array([value], self._first.dtype))[0])


def _map(path: Path, dtype: str) -> np.ndarray:
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.empty(0, dtype)
