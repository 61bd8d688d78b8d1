"""AdamW's step and the gradient's norm through the C++ library: one call for all parameters of a model."""

import ctypes
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.kernels import adamw_reference, library

BLOCK = 8192  # ADAMW_BLOCK of cpu/adamw_job.h

_SEGMENT = np.dtype([  # mirror of AdamwSegment in cpu/adamw_job.h
    *((name, np.uintp) for name in ("weight", "gradient", "first", "second", "rounded")), ("count", np.int64),
    *((name, np.float32) for name in ("beta1", "beta2", "rate", "kept", "root", "epsilon"))])  # fmt: skip


class AdamwJob(ctypes.Structure):
    """Mirror of the struct of this name in cpu/adamw_job.h."""

    _fields_ = [("segments", ctypes.c_void_p), ("count", ctypes.c_int64), ("scale", ctypes.c_float)]


class SquaresJob(ctypes.Structure):
    """Mirror of the struct of this name in cpu/adamw_job.h."""

    _fields_ = [("segments", ctypes.c_void_p), ("count", ctypes.c_int64), ("sums", ctypes.c_void_p)]


@dataclass(slots=True)
class Segment:
    """One parameter and what its step needs; all tensors float32, contiguous, of one shape, on the processor.

    Args:
        weight: changed in place.
        gradient: read.
        first, second: the moments, changed in place.
        step: of this parameter, counted from 1.
        rate: learning rate.
        decay: weight decay.
        betas: memory of the two moments.
        eps: keeps the division safe.
        rounded: bfloat16, is given the new weight; None = nobody wants it.
    """

    weight: Tensor
    gradient: Tensor
    first: Tensor
    second: Tensor
    step: int
    rate: float
    decay: float
    betas: tuple[float, float]
    eps: float
    rounded: Tensor | None = None


def adamw_step(segments: list[Segment], scale: float = 1.0, *, path: str = "ours") -> None:
    """Take one step of AdamW on every segment.

    Args:
        scale: what every gradient is multiplied by first; the gradients themselves stay as they are.
        path: "torch" (the readable form) or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, as torch.optim.AdamW carries it out.
    """
    if path == "torch":
        return adamw_reference.adamw_step(segments, scale)
    table = np.array([_row(segment) for segment in segments], _SEGMENT)
    job = AdamwJob(table.ctypes.data, len(table), scale)
    _function("adamw", AdamwJob)(ctypes.byref(job), torch.get_num_threads())


def norm(gradients: Iterable[Tensor], *, path: str = "ours") -> float:
    """Euclidean length of all gradients as one vector; the same bits for any number of threads.

    Args:
        gradients: float32, contiguous, on the processor.
        path: "torch" (the readable form) or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    """
    gradients = list(gradients)
    if path == "torch":
        return adamw_reference.norm(gradients)
    table = np.zeros(len(gradients), _SEGMENT)
    table["gradient"] = [gradient.data_ptr() for gradient in gradients]
    table["count"] = [gradient.numel() for gradient in gradients]
    sums = np.empty(int((-(-table["count"] // BLOCK)).sum()), np.float32)
    job = SquaresJob(table.ctypes.data, len(table), sums.ctypes.data)
    _function("squares", SquaresJob)(ctypes.byref(job), torch.get_num_threads())
    return math.sqrt(sums.sum(dtype=np.float64))


def _row(s: Segment) -> tuple:
    beta1, beta2 = s.betas
    return (s.weight.data_ptr(), s.gradient.data_ptr(), s.first.data_ptr(), s.second.data_ptr(),
            0 if s.rounded is None else s.rounded.data_ptr(), s.weight.numel(), beta1, beta2,
            s.rate / (1 - beta1**s.step), 1 - s.rate * s.decay, (1 - beta2**s.step) ** -0.5, s.eps)  # fmt: skip


def _function(name: str, job: type):
    function = getattr(library.load(), f"coldframe_{name}")
    function.restype, function.argtypes = None, [ctypes.POINTER(job), ctypes.c_int]
    return function
