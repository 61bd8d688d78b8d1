"""A decoder's step in C++, without torch: weights as GGUF stores them, token ids in, logits out.

:mod:`core.kernels.decode_reference` has the same computation in readable Python.
"""

import ctypes
import mmap
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_float, c_int, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from core.kernels import plain

TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8}  # ggml's numbers
BLOCK_BYTES = {"F32": (1, 4), "F16": (1, 2), "Q4_0": (32, 18), "Q8_0": (32, 34)}  # weights of a block, its bytes
QUANTIZED = ("Q4_0", "Q8_0")
PANEL = 16  # the context of a cache is a multiple of it
PART = 64  # bytes: where every matrix begins
CACHES = {"f32": 4, "bf16": 2, "int8": 1}  # bytes of a cached number; in the order of DecodeCache (cpu/decode_job.h)


class _Matrix(Structure):
    """Mirror of DecodeMatrix in cpu/decode_job.h."""

    _fields_ = [("data", c_void_p), ("bias", c_void_p), ("rows", c_int64), ("columns", c_int64), ("type", c_int64)]


class _Norm(Structure):
    """Mirror of DecodeNorm in cpu/decode_job.h."""

    _fields_ = [("weight", c_void_p), ("bias", c_void_p)]


class _Layer(Structure):
    """Mirror of DecodeLayer in cpu/decode_job.h."""

    _fields_ = [("attention_norm", _Norm), ("feed_norm", _Norm),
                *((name, _Matrix) for name in ("q", "k", "v", "out", "gate", "up", "down"))]


class _Model(Structure):
    """Mirror of DecodeModel in cpu/decode_job.h."""

    _fields_ = [("layers", POINTER(_Layer)), ("final_norm", _Norm), ("head", _Matrix),
                ("embedding", c_void_p), ("positions", c_void_p), ("turns", c_void_p),
                *((name, c_int64) for name in ("embedding_type", "n_layers", "d_model", "n_heads", "kv_heads",
                                               "head_size", "rotated", "feed_forward", "vocab")),
                ("epsilon", c_float)]


class _Job(Structure):
    """Mirror of DecodeJob in cpu/decode_job.h."""

    _fields_ = [("model", POINTER(_Model)), *((name, c_void_p) for name in (
                    "keys", "values", "key_scales", "value_scales", "tokens", "logits", "scratch")),
                *((name, c_int64) for name in ("count", "n_logits", "position", "context")), ("cache", c_int32)]


class _MultiplyJob(Structure):
    """Mirror of MultiplyJob in cpu/decode_job.h."""

    _fields_ = [("matrix", _Matrix), ("x", c_void_p), ("y", c_void_p), ("count", c_int64)]


@dataclass(frozen=True)
class Stored:
    """A matrix or vector as the file holds it.

    Args:
        data: its bytes, uint8, one after another.
        type: a key of TYPES.
        shape: (rows, columns), or (width,).
    """

    data: np.ndarray
    type: str
    shape: tuple[int, ...]

    def rows(self, begin: int, end: int) -> "Stored":
        """Some rows, where they lie."""
        weights, size = BLOCK_BYTES[self.type]
        row = prod(self.shape[1:]) // weights * size
        return Stored(self.data[begin * row : end * row], self.type, (end - begin, *self.shape[1:]))


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder of the Llama shape (RMSNorm, rotary positions, SwiGLU) or the GPT-2 shape.

    ``turns`` are the radians that each pair of neighbouring features turns a position, float64, (rotated / 2,).
    """

    n_layers: int
    d_model: int
    n_heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocab: int
    epsilon: float
    turns: tuple[float, ...] = ()


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_decode"):  # not built, or from an older source
        return None
    library.coldframe_packed.restype, library.coldframe_packed.argtypes = c_int64, [c_int64] * 3
    library.coldframe_pack.restype = None
    library.coldframe_pack.argtypes = [c_int64, c_void_p, c_int64, c_int64, c_void_p]
    library.coldframe_decode_scratch.restype = c_int64
    library.coldframe_decode_scratch.argtypes = [POINTER(_Model), c_int64, c_int]
    library.coldframe_decode_most.restype = c_int64
    library.coldframe_decode.restype, library.coldframe_decode.argtypes = None, [POINTER(_Job), c_int]
    library.coldframe_multiply.restype, library.coldframe_multiply.argtypes = None, [POINTER(_MultiplyJob), c_int]
    return library


def built() -> bool:
    """Whether the C++ decoder runs here."""
    return _library() is not None


def multiply(matrix: Stored, x: np.ndarray, threads: int = 1) -> np.ndarray:
    """``x`` times the transposed matrix: float32 (count, columns) -> float32 (count, rows)."""
    x = np.ascontiguousarray(x, np.float32)
    y = np.empty((len(x), matrix.shape[0]), np.float32)
    kept = _Keeper([matrix])
    _library().coldframe_multiply(_MultiplyJob(kept.matrix(matrix), _at(x), _at(y), len(x)), threads)
    return y


class DecodeModel:
    """A model's weights and its cache; not safe for two threads at once.

    Matrices are copied into large pages, quantized ones in panels of 16 rows; only the rows of the embedding are read
    where they lie.

    Args:
        shape: the sizes.
        tensors: every tensor by GGUF's name (``token_embd.weight``, ``blk.0.attn_q.weight``, ...); without an
            ``output.weight`` the embedding is the head.
        context: the most tokens it can see.
        cache: "f32"; "bf16" for half the memory; or "int8" for little more than a quarter, with a scale for every 16
            features, where heads have a multiple of 16.
        threads: how many compute a step.
    """

    def __init__(self, shape: Shape, tensors: dict[str, Stored], context: int, cache: str = "f32",
                 threads: int = 1) -> None:  # fmt: skip
        self.shape, self.context, self.position, self.threads = shape, context, 0, threads
        self._tensors = tensors
        matrices = [tensor for name, tensor in tensors.items() if _is_matrix(name)]
        if "output.weight" not in tensors:
            matrices.append(tensors["token_embd.weight"])
        self._kept = _Keeper(matrices)
        self._model = self._assemble()
        self._tokens = np.zeros(_library().coldframe_decode_most(), np.int32)
        self._job = self._prepare(-(-context // PANEL) * PANEL, cache)

    def forget(self) -> None:
        """Begin anew."""
        self.position = 0

    def read(self, ids: Sequence[int], logits: str = "last") -> np.ndarray:
        """Read tokens after those read before.

        Args:
            ids: token ids; together with those before them they must fit the context.
            logits: "last" for those after the last token, "all" for those after each.
        Returns:
            float32, (1 or len(ids), vocab), the caller's own.
        """
        assert 0 < len(ids) <= self.context - self.position, "more tokens than the cache holds"
        assert all(0 <= id < self.shape.vocab for id in ids), "a token beyond the vocabulary"
        out = np.empty((len(ids) if logits == "all" else 1, self.shape.vocab), np.float32)
        job, most = self._job, len(self._tokens)
        for begin in range(0, len(ids), most):
            some = ids[begin : begin + most]
            self._tokens[: len(some)] = some
            job.count, job.position = len(some), self.position
            job.n_logits = len(some) if logits == "all" else int(begin + most >= len(ids))
            job.logits = _at(out[begin:] if logits == "all" else out)
            _library().coldframe_decode(job, self.threads)
            self.position += len(some)
        return out

    def _assemble(self) -> _Model:
        shape, kept, tensors = self.shape, self._kept, self._tensors
        self._layers = (_Layer * shape.n_layers)(*(self._layer(f"blk.{n}.") for n in range(shape.n_layers)))
        embedding = tensors["token_embd.weight"]
        self._turns = np.array(shape.turns, np.float64)
        return _Model(
            self._layers, self._norm("output_norm"), kept.matrix(tensors.get("output.weight", embedding)),
            _at(embedding.data), kept.vector(tensors.get("position_embd.weight")), _at(self._turns),
            TYPES[embedding.type], shape.n_layers, shape.d_model, shape.n_heads, shape.kv_heads, shape.head_size,
            2 * len(shape.turns), shape.feed_forward, shape.vocab, shape.epsilon)

    def _layer(self, prefix: str) -> _Layer:
        names = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output",
                 "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
        return _Layer(self._norm(prefix + "attn_norm"), self._norm(prefix + "ffn_norm"),
                      *(self._linear(prefix + name) for name in names.values()))

    def _norm(self, name: str) -> _Norm:
        return _Norm(*(self._kept.vector(self._tensors.get(f"{name}.{part}")) for part in ("weight", "bias")))

    def _linear(self, name: str) -> _Matrix:
        found = self._tensors.get(f"{name}.weight")
        return self._kept.matrix(found, self._tensors.get(f"{name}.bias")) if found else _Matrix()

    def _prepare(self, places: int, cache: str) -> _Job:
        shape = self.shape
        entries = shape.n_layers * shape.kv_heads * places * shape.head_size
        assert cache != "int8" or shape.head_size % PANEL == 0, "heads of another size"
        self._cache = [_memory(entries * CACHES[cache]) for _ in "kv"]
        self._scales = [_memory(entries // PANEL * 4) for _ in "kv"] if cache == "int8" else []
        scales = [_at(part) for part in self._scales] or [None, None]
        self._scratch = _memory(_library().coldframe_decode_scratch(self._model, places, self.threads))
        return _Job(ctypes.pointer(self._model), *(_at(part) for part in self._cache), *scales, _at(self._tokens), None,
                    _at(self._scratch), 0, 0, 0, places, list(CACHES).index(cache))


class _Keeper:
    """Holds what the C++ side points to. Matrices are laid out once, in one stretch of large pages."""

    def __init__(self, matrices: list[Stored]) -> None:
        self._held: list = []
        sizes = [-(-_packed(matrix) // PART) * PART for matrix in matrices]
        self._arena = _memory(sum(sizes))
        self._places: dict[int, int] = {}
        at = _at(self._arena)
        for matrix, size in zip(matrices, sizes, strict=True):
            self._places[_at(matrix.data)] = at
            if matrix.type in QUANTIZED:
                _library().coldframe_pack(TYPES[matrix.type], _at(matrix.data), *matrix.shape, at)
            else:
                ctypes.memmove(at, _at(matrix.data), matrix.data.nbytes)
            at += size

    def matrix(self, stored: Stored, bias: Stored | None = None) -> _Matrix:
        """The mirror of one of the matrices."""
        return _Matrix(self._places[_at(stored.data)], self.vector(bias), *stored.shape, TYPES[stored.type])

    def vector(self, stored: Stored | None) -> int | None:
        """Where the floats of a vector (or of a matrix that is only looked up) begin."""
        if stored is None:
            return None
        kind = {"F32": np.float32, "F16": np.float16}[stored.type]
        self._held.append(np.frombuffer(stored.data, kind).astype(np.float32))
        return _at(self._held[-1])


def _is_matrix(name: str) -> bool:
    return name.endswith(".weight") and "norm" not in name and not name.startswith(("token_embd", "position_embd"))


def _packed(matrix: Stored) -> int:
    if matrix.type not in QUANTIZED:
        return matrix.data.nbytes
    return _library().coldframe_packed(TYPES[matrix.type], *matrix.shape)


def _memory(size: int) -> np.ndarray:
    """Zeros, uint8, page-aligned; in large pages where the system has them, so that streaming over them costs less."""
    pages = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            pages.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # a kernel without them
    return np.frombuffer(pages, np.uint8)


def _at(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
