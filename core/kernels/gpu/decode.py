"""A decoder's step on a GPU in one launch: weights as GGUF stores them, token ids in, logits out.

:mod:`core.kernels.decode_reference` has the same computation in readable Python; ``decode.cu`` is the kernel.
"""

from collections.abc import Sequence
from ctypes import Structure, addressof, c_float, c_int, c_void_p, memmove, sizeof

import numpy as np

from core.errors import LabError
from core.kernels.decode import Shape, Stored
from core.kernels.gpu.decode_torch import TorchDecoder
from core.kernels.gpu.driver import Device, first_device
from core.kernels.gpu.weights import THREADS, Keeper, Matrix, shared_bytes

MOST_HEAD = 256  # features of a head, as in decode.cu
LINEAR = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output", "gate": "ffn_gate", "up": "ffn_up",
          "down": "ffn_down"}


class _Norm(Structure):
    """Mirror of Norm in decode.cu."""

    _fields_ = [("weight", c_void_p), ("bias", c_void_p)]


class _Layer(Structure):
    """Mirror of Layer in decode.cu."""

    _fields_ = [("attention_norm", _Norm), ("feed_norm", _Norm), *((name, Matrix) for name in LINEAR)]


class _Job(Structure):
    """Mirror of DecodeJob in decode.cu."""

    _fields_ = [("layers", c_void_p), ("final_norm", _Norm), ("head", Matrix), ("embedding", Matrix),
                *((name, c_void_p) for name in ("positions", "angles", "keys", "values", "x", "queries", "mixed",
                                                "hidden", "logits", "meeting")),
                *((name, c_int) for name in ("n_layers", "d_model", "n_heads", "kv_heads", "head_size", "rotated",
                                             "feed_forward", "context", "widest", "token", "position",
                                             "with_logits", "bf16")), ("epsilon", c_float)]  # fmt: skip


def open_decoder(shape: Shape, tensors: dict[str, Stored], context: int, cache: str = "f32"):
    """The decoder of these weights: on the first GPU in one launch a token, without one in torch."""
    device = first_device()
    if device is None:
        return TorchDecoder(shape, tensors, context)
    return GpuDecoder(shape, tensors, context, cache, device)


class GpuDecoder:
    """A model's weights and its cache on a GPU; the face of :class:`core.kernels.decode.DecodeModel`.

    Args:
        shape: the sizes.
        tensors: every tensor by GGUF's name; without an ``output.weight`` the embedding is the head.
        context: the most tokens it can see.
        cache: "f32", or "bf16" for half the memory.
        device: which GPU.
        threads: of a block, a multiple of 32.
    Raises:
        LabError: a head or a row is too wide for the kernel.
    """

    def __init__(self, shape: Shape, tensors: dict[str, Stored], context: int, cache: str, device: Device,
                 threads: int = THREADS) -> None:  # fmt: skip
        self.shape, self.context, self.position, self._device, self._threads = shape, context, 0, device, threads
        device.make_current()
        self._tensors, self._keeper = tensors, Keeper(device)
        self._kernel = device.kernel("decode.cu", "decode_step")
        widest = max(shape.d_model, shape.feed_forward, shape.n_heads * shape.head_size)
        self._shared = max(shared_bytes(widest), threads // 32 * (shape.head_size + 2) * 4)
        self._blocks = self._kernel.blocks_at_once(threads, self._shared)
        if shape.head_size > MOST_HEAD or not self._blocks:
            raise LabError("This model is too wide for the GPU's kernel.", "", "Use the processor.")
        self._logits = device.zeros(shape.vocab * 4)
        self._job = self._assemble(widest, cache == "bf16")

    def forget(self) -> None:
        """Begin anew."""
        self.position = 0

    def read(self, ids: Sequence[int], logits: str = "last") -> np.ndarray:
        """Read tokens after those read before, one launch each.

        Args:
            ids: token ids; together with those before them they must fit the context.
            logits: "last" for those after the last token, "all" for those after each.
        Returns:
            float32, (1 or len(ids), vocab), the caller's own.
        """
        assert 0 < len(ids) <= self.context - self.position, "more tokens than the cache holds"
        assert all(0 <= id < self.shape.vocab for id in ids), "a token beyond the vocabulary"
        out = np.empty((len(ids) if logits == "all" else 1, self.shape.vocab), np.float32)
        self._device.make_current()
        for n, id in enumerate(ids):
            wanted = logits == "all" or n == len(ids) - 1
            self._job.token, self._job.position, self._job.with_logits = id, self.position, wanted
            self._kernel.launch(self._job, (self._blocks, 1), self._threads, self._shared, together=True)
            self.position += 1
            if wanted:
                self._device.download(self._logits, out[n if logits == "all" else 0])
        return out

    def _assemble(self, widest: int, bf16: bool) -> _Job:
        shape, keep, tensors = self.shape, self._keeper.keep, self._tensors
        embedding = self._keeper.matrix(tensors["token_embd.weight"])
        head = self._keeper.matrix(tensors["output.weight"]) if "output.weight" in tensors else embedding
        cached = shape.n_layers * shape.kv_heads * self.context * shape.head_size * (2 if bf16 else 4)
        wide = shape.n_heads * shape.head_size
        turns = np.arange(self.context)[:, None] * np.array(shape.turns, np.float64)
        angles = np.stack([np.cos(turns), np.sin(turns)], -1).astype(np.float32)
        return _Job(
            keep(self._layers()), self._norm("output_norm"), head, embedding,
            self._keeper.vector(tensors.get("position_embd.weight")), keep(angles), keep(cached), keep(cached),
            keep(shape.d_model * 4), keep(wide * 4), keep(wide * 4), keep(shape.feed_forward * 4),
            self._logits.at, keep(8), shape.n_layers, shape.d_model, shape.n_heads, shape.kv_heads, shape.head_size,
            2 * len(shape.turns), shape.feed_forward, self.context, widest, 0, 0, 0, bf16, shape.epsilon)

    def _layers(self) -> np.ndarray:
        """All layers' structs as bytes, for the device to read."""
        layers = (_Layer * self.shape.n_layers)(*(self._layer(f"blk.{n}.") for n in range(self.shape.n_layers)))
        raw = np.empty(sizeof(layers), np.uint8)
        memmove(raw.ctypes.data, addressof(layers), raw.nbytes)
        return raw

    def _layer(self, prefix: str) -> _Layer:
        return _Layer(self._norm(prefix + "attn_norm"), self._norm(prefix + "ffn_norm"), *(
            self._keeper.matrix(self._tensors.get(f"{prefix}{name}.weight"), self._tensors.get(f"{prefix}{name}.bias"))
            for name in LINEAR.values()))

    def _norm(self, name: str) -> _Norm:
        return _Norm(*(self._keeper.vector(self._tensors.get(f"{name}.{part}")) for part in ("weight", "bias")))
