"""The C++ library as Python sees it: loaded once, with ctypes, and called on raw pointers."""

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache

import torch

from core.errors import LabError
from core.kernels.build import LIBRARY
from core.kernels.plain import is_current


class CrossEntropyJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [("logits", c_void_p), ("targets", c_void_p), ("losses", c_void_p),
                ("rows", c_int64), ("vocab", c_int64), ("stride", c_int64), ("scale", c_float), ("bf16", c_int32)]


class Heads(Structure):
    """Mirror of the struct of this name in cpu/table.h: a (batch, heads, time, size) tensor, strides in elements."""

    _fields_ = [("data", c_void_p), ("batch", c_int64), ("head", c_int64), ("time", c_int64)]

    @classmethod
    def of(cls, x: torch.Tensor) -> "Heads":
        batch, head, time, _ = x.stride()
        return cls(x.data_ptr(), batch, head, time)


class AttentionJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [*((name, Heads) for name in ("q", "k", "v", "out", "d_out", "d_q", "d_k", "d_v")),
                ("lse", c_void_p), ("cosines", c_void_p), ("sines", c_void_p),
                ("batches", c_int64), ("heads", c_int64), ("kv_heads", c_int64), ("time", c_int64), ("size", c_int64),
                ("scale", c_float), ("bf16", c_int32), ("two_way", c_int32), ("window", c_int64),
                *((name, c_void_p) for name in ("prefix", "lengths", "slopes", "bias", "d_bias"))]


class NormJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [*((name, c_void_p) for name in ("x", "added", "sum", "y", "weight", "bias", "mean", "inverse", "d_y",
                                                "d_sum", "d_x", "d_added", "d_weight", "d_bias")),
                ("rows", c_int64), ("width", c_int64), ("epsilon", c_float), ("bf16", c_int32),
                ("bf16_result", c_int32)]


class GeluJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [*((name, c_void_p) for name in ("x", "d_y", "bias", "y", "d_x", "d_bias")),
                ("rows", c_int64), ("width", c_int64), ("bf16", c_int32), ("exact", c_int32)]


class FoldJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [("rows_of_sums", c_void_p), ("sums", c_void_p), ("rows", c_int64), ("width", c_int64)]


class GatedJob(Structure):
    """Mirror of the struct of this name in cpu/table.h."""

    _fields_ = [*((name, c_void_p) for name in ("gate", "up", "d_y", "y", "d_gate", "d_up")),
                ("count", c_int64), ("bf16", c_int32)]


_JOBS = {
    "coldframe_cross_entropy": CrossEntropyJob,
    "coldframe_attention_forward": AttentionJob,
    "coldframe_attention_backward": AttentionJob,
    "coldframe_norm_forward": NormJob,
    "coldframe_norm_backward": NormJob,
    "coldframe_gated_forward": GatedJob,
    "coldframe_gated_backward": GatedJob,
    "coldframe_gelu_forward": GeluJob,
    "coldframe_gelu_backward": GeluJob,
    "coldframe_fold": FoldJob,
}


def element_is_bf16(x: torch.Tensor) -> bool:
    """Which of the two types the kernels read; any other is a mistake of the caller."""
    if x.dtype not in (torch.float32, torch.bfloat16):
        raise TypeError(f"the C++ kernels take float32 or bfloat16, not {x.dtype}")
    return x.dtype == torch.bfloat16


@cache
def load() -> ctypes.CDLL:
    """The library, ready to call.

    Raises:
        LabError: it was not built, or this machine cannot load it; remedy: build it, or use torch's own kernels.
    """
    remedy = 'Install a C++ compiler and run "python -m core.kernels.build", or choose the torch kernels.'
    if not LIBRARY.exists():
        raise LabError("The C++ kernels have not been built.", "core/kernels/cpu", remedy)
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError as problem:
        raise LabError("The C++ kernels cannot be loaded: {reason}.", "core/kernels/cpu", remedy,
                       reason=str(problem)) from problem
    if not is_current(library):
        raise LabError("The C++ kernels were built from an older version of their source.", "core/kernels/cpu", remedy)
    library.coldframe_isa.restype, library.coldframe_isa.argtypes = c_char_p, [c_int]
    library.coldframe_use_isa.restype, library.coldframe_use_isa.argtypes = c_int, [c_char_p]
    library.coldframe_current_isa.restype, library.coldframe_current_isa.argtypes = c_char_p, []
    library.coldframe_borrow_team.restype, library.coldframe_borrow_team.argtypes = None, [c_void_p] * 3
    for name, job in _JOBS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = None, [POINTER(job), c_int]
    _borrow_openmp(library)
    if wanted := os.environ.get("COLDFRAME_ISA"):
        _use(library, wanted)
    return library


def _borrow_openmp(library: ctypes.CDLL) -> None:
    """Work on PyTorch's own threads where they are GNU OpenMP's; elsewhere the library keeps its own team."""
    if os.name != "posix":
        return
    process = ctypes.CDLL(None)
    try:
        entries = process.GOMP_parallel, process.omp_get_thread_num, process.omp_get_num_threads
    except AttributeError:
        return
    library.coldframe_borrow_team(*(ctypes.cast(entry, c_void_p) for entry in entries))


def instruction_sets() -> list[str]:
    """What was built and runs on this processor, fastest first; "generic" is always among them."""
    names, library = [], load()
    while name := library.coldframe_isa(len(names)):
        names.append(name.decode())
    return names


def current_instruction_set() -> str:
    """The one in use."""
    return load().coldframe_current_isa().decode()


def use_instruction_set(name: str) -> None:
    """Use one instruction set in this process from now on (the environment's COLDFRAME_ISA does the same).

    Raises:
        LabError: it was not built or this processor lacks it; remedy: the ones there are.
    """
    _use(load(), name)


def _use(library: ctypes.CDLL, name: str) -> None:
    if not library.coldframe_use_isa(name.encode()):
        raise LabError("The kernels have no instruction set {name} on this machine.", "COLDFRAME_ISA",
                       "Choose avx512, avx2 or generic, or leave it unset to take the fastest there is.", name=name)
