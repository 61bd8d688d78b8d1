"""Matrices of GGUF blocks in a GPU's memory, and a product with one alone. Mirrors gemv.cuh and gemv.cu."""

from ctypes import Structure, c_int, c_void_p
from functools import cache

import numpy as np
import torch
from torch import Tensor

from core.errors import LabError
from core.kernels import decode_reference
from core.kernels.decode import BLOCK_BYTES, QUANTIZED, TYPES, Stored
from core.kernels.gpu.driver import Device, Kernel

THREADS = 256  # of a block
BLOCK = 32
CHUNK = 16  # bytes that a lane loads at once


class Matrix(Structure):
    """Mirror of Matrix in gemv.cuh."""

    _fields_ = [*((name, c_void_p) for name in ("weights", "scales", "bias")),
                *((name, c_int) for name in ("rows", "columns", "chunks", "type"))]


class _MultiplyJob(Structure):
    """Mirror of MultiplyJob in gemv.cu."""

    _fields_ = [("matrix", Matrix), ("x", c_void_p), ("y", c_void_p)]


class Keeper:
    """Holds what the structs point to in a device's memory."""

    def __init__(self, device: Device) -> None:
        self._device, self._held = device, []

    def keep(self, array: np.ndarray | int) -> int:
        """Where an array, or so many zero bytes, lies on the device from now on."""
        memory = self._device.zeros(array) if isinstance(array, int) else self._device.upload(array)
        self._held.append(memory)
        return memory.at.value

    def matrix(self, stored: Stored | None, bias: Stored | None = None) -> Matrix:
        """A matrix on the device; none: all null."""
        if stored is None:
            return Matrix()
        whole, scales = planes(stored)
        return Matrix(self.keep(whole), None if scales is None else self.keep(scales), self.vector(bias),
                      *stored.shape, whole.shape[1] // CHUNK, TYPES[stored.type])

    def vector(self, stored: Stored | None) -> int | None:
        """Where the floats of a vector (or of a matrix that is only looked up) lie."""
        return None if stored is None else self.keep(decode_reference.dequantize(stored).astype(np.float32))


def planes(stored: Stored) -> tuple[np.ndarray, np.ndarray | None]:
    """The bytes of a matrix as the kernels read them: numbers (rows, bytes), a multiple of CHUNK, and scales apart.

    Returns:
        uint8; and float16, (rows, columns / 32), or None where nothing is scaled.
    """
    rows = stored.data.reshape(stored.shape[0], -1)
    if stored.type in QUANTIZED:
        blocks = rows.reshape(len(rows), -1, BLOCK_BYTES[stored.type][1])
        scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0]
        return np.ascontiguousarray(blocks[..., 2:]).reshape(len(rows), -1), scales
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % CHUNK))), None


def shared_bytes(widest: int) -> int:
    """Shared memory of a block for vectors up to that width: see lay_out in gemv.cuh."""
    room = -(-widest // BLOCK) * BLOCK
    return room * 5 + room // BLOCK * 8 + 32 * 4


@cache
def _kernel(device: Device) -> Kernel:
    return device.kernel("gemv.cu", "multiply")


class Weights:
    """One matrix on a device.

    Raises:
        LabError: its rows are too wide for a block's memory.
    """

    def __init__(self, stored: Stored, device: Device, threads: int = THREADS) -> None:
        self._device, self._keeper, self._threads = device, Keeper(device), threads
        self._matrix = self._keeper.matrix(stored)
        self._shared = shared_bytes(stored.shape[1])
        self._blocks = _kernel(device).blocks_at_once(threads, self._shared)
        if not self._blocks:
            raise LabError("A row of {width} weights is too wide for this GPU.", "", "Use the processor.",
                           width=stored.shape[1])  # fmt: skip

    def multiply(self, x: np.ndarray) -> np.ndarray:
        """``x`` times the transposed matrix: float32 (count, columns) -> float32 (count, rows)."""
        x = np.ascontiguousarray(x, np.float32)
        y = np.empty((len(x), self._matrix.rows), np.float32)
        read, written = self._device.upload(x), self._device.zeros(y.nbytes)
        job = _MultiplyJob(self._matrix, read.at, written.at)
        _kernel(self._device).launch(job, (self._blocks, len(x)), self._threads, self._shared)
        return self._device.download(written, y)


def multiply_plain(stored: Stored, x: Tensor) -> Tensor:
    """The same in torch, anywhere: weights as floats, activations not rounded; (count, columns) -> (count, rows)."""
    weights = decode_reference.dequantize(stored).astype(np.float32)
    return x.float() @ torch.from_numpy(weights).to(x.device).T

