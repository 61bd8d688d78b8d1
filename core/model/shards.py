"""Tensors kept in slices over several safetensors files: what a run over several processes leaves behind.

A checkpoint of such a run is a folder of one file a process and kind (``model-00000-of-00004.safetensors``,
``optimizer-...``), each with the slices that the process held, and an index that names them::

    {"format": 1, "metadata": {...}, "tensors": {"model": {"blocks.0.attn.q.weight": {
        "shape": [64, 32], "slices": [{"file": "model-00000-of-00002.safetensors", "offset": [0, 0], "shape": [32, 32]}]
    }}, "optimizer": {...}}}

Any number of processes, one of them too, reads from it the slices that it needs.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import LabError

INDEX = "shards.json"
FORMAT = 1


class Slices:
    """Tensors of one kind in a checkpoint of slices, or in one safetensors file; read piece by piece.

    Args:
        folder: a checkpoint.
        kind: "model" or "optimizer".
    Raises:
        LabError: the index is damaged, or of a newer version.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self._open = Path(folder), {}
        if (self.folder / INDEX).is_file():
            index = _read_index(self.folder / INDEX)
            self.metadata, self._tensors = index["metadata"], index["tensors"].get(kind, {})
            return
        file = f"{kind}.safetensors"
        opened = self._file(file)
        self.metadata = opened.metadata() or {}
        self._tensors = {}
        for name in opened.keys():
            shape = opened.get_slice(name).get_shape()
            self._tensors[name] = {
                "shape": shape, "slices": [{"file": file, "offset": [0] * len(shape), "shape": shape}]}  # fmt: skip

    def names(self) -> list[str]:
        """The tensors there are."""
        return list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a whole tensor."""
        return tuple(self._tensors[name]["shape"])

    def read(self, name: str, offset: tuple[int, ...] | None = None, shape: tuple[int, ...] | None = None) -> Tensor:
        """A box of a tensor, put together from the slices that it touches; without a box the whole.

        Raises:
            LabError: a file is missing or damaged, or the slices leave a gap.
        """
        entry = self._tensors.get(name)
        if entry is None:
            raise LabError("This checkpoint lacks the tensor {name}.", str(self.folder), "Use another checkpoint.",
                           name=name)  # fmt: skip
        shape = self.shape(name) if shape is None else shape
        offset = (0,) * len(shape) if offset is None else offset
        result, filled = None, 0
        for piece in entry["slices"]:
            box = [(max(o, p), min(o + s, p + q)) for o, s, p, q in zip(offset, shape, piece["offset"], piece["shape"])]
            if any(begin >= end for begin, end in box):
                continue
            found = self._cut(piece, name, [(b - p, e - p) for (b, e), p in zip(box, piece["offset"])])
            if result is None:
                result = torch.empty(shape, dtype=found.dtype)
            result[tuple(slice(b - o, e - o) for (b, e), o in zip(box, offset))] = found
            filled += found.numel()
        if result is None:
            result = torch.empty(shape)
        if filled != result.numel():
            raise LabError("This checkpoint does not hold all of the tensor {name}.", str(self.folder),
                           "Use another checkpoint.", name=name)  # fmt: skip
        return result

    def all(self) -> dict[str, Tensor]:
        """Every tensor whole."""
        return {name: self.read(name) for name in self.names()}

    def _cut(self, piece: dict, name: str, box: list[tuple[int, int]]) -> Tensor:
        path = self.folder / piece["file"]
        try:
            file = self._file(piece["file"])
            if not box:
                return file.get_tensor(name)
            return file.get_slice(name)[tuple(slice(begin, end) for begin, end in box)]
        except SafetensorError as error:
            raise damaged(path, error) from None

    def _file(self, name: str):
        if name not in self._open:
            path = self.folder / name
            try:
                self._open[name] = safe_open(path, "pt")
            except OSError as error:
                raise unreadable(path, error) from (error if path.exists() else None)
            except SafetensorError as error:
                raise damaged(path, error) from None
        return self._open[name]


def is_sharded(folder: Path) -> bool:
    """Whether a checkpoint is kept in slices."""
    return (Path(folder) / INDEX).is_file()


def unreadable(path: Path, error: OSError) -> LabError:
    """A file that the system does not give."""
    if not Path(path).exists():
        return LabError("There is no such file.", str(path), "Check the path.")
    return LabError(
        "This file cannot be read at the moment ({error}).", str(path),
        "Check the disk, its permissions and how many files are open, then try again.", error=str(error)[:200])


def damaged(path: Path, error: Exception) -> LabError:
    """A file that is not what it should be."""
    return LabError(
        "This safetensors file is damaged or cut off ({error}).", str(path),
        "Use another checkpoint of the run; resuming writes this one anew.", error=str(error)[:200])


def _read_index(path: Path) -> dict:
    try:
        index = json.loads(path.read_text("utf-8"))
        if index["format"] == FORMAT and isinstance(index["tensors"], dict):
            return index
        error = f"format {index['format']}"
    except (ValueError, KeyError, TypeError) as found:
        error = f"{type(found).__name__}: {found}"
    raise LabError(
        "The index of this checkpoint cannot be read ({error}).", str(path), "Use another checkpoint of the run.",
        error=error[:200])
