"""The decoder of ``decode.cu`` in plain torch: what runs where the kernel cannot, and a rival to measure it against."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.kernels import decode_reference
from core.kernels.decode import Shape, Stored


class TorchDecoder:
    """A model's weights as floats and its cache; the face of :class:`core.kernels.decode.DecodeModel`.

    Args:
        shape: the sizes.
        tensors: every tensor by GGUF's name; quantized ones are expanded.
        context: the most tokens it can see.
        device: "cpu" or "cuda".
    """

    def __init__(self, shape: Shape, tensors: dict[str, Stored], context: int, device: str = "cpu") -> None:
        self.shape, self.context, self.position = shape, context, 0
        self._weights = {name: torch.from_numpy(decode_reference.dequantize(stored).astype(np.float32)).to(device)
                         for name, stored in tensors.items()}  # fmt: skip
        room = (shape.n_layers, shape.kv_heads, context, shape.head_size)
        self._keys, self._values = (torch.zeros(room, device=device) for _ in "kv")
        angle = torch.arange(context)[:, None] * torch.tensor(shape.turns, dtype=torch.float64)
        self._cosines, self._sines = angle.cos().float().to(device), angle.sin().float().to(device)

    def forget(self) -> None:
        """Begin anew."""
        self.position = 0

    @torch.no_grad()
    def read(self, ids: Sequence[int], logits: str = "last") -> np.ndarray:
        """Read tokens after those read before; float32, (1 or len(ids), vocab), after the last or "all" of them."""
        assert 0 < len(ids) <= self.context - self.position, "more tokens than the cache holds"
        assert all(0 <= id < self.shape.vocab for id in ids), "a token beyond the vocabulary"
        weights, places = self._weights, slice(self.position, self.position + len(ids))
        x = weights["token_embd.weight"][list(ids)]  # (T, D)
        if "position_embd.weight" in weights:
            x = x + weights["position_embd.weight"][places]
        for layer in range(self.shape.n_layers):
            blk = f"blk.{layer}."
            seen = self._norm(blk + "attn_norm", x)
            x = x + self._linear(blk + "attn_output", self._attend(layer, seen, places))
            seen = self._norm(blk + "ffn_norm", x)
            up = self._linear(blk + "ffn_up", seen)
            gated = f"{blk}ffn_gate.weight" in weights
            hidden = F.silu(self._linear(blk + "ffn_gate", seen)) * up if gated else F.gelu(up, approximate="tanh")
            x = x + self._linear(blk + "ffn_down", hidden)
        self.position = places.stop
        x = self._norm("output_norm", x if logits == "all" else x[-1:])
        head = weights.get("output.weight", weights["token_embd.weight"])
        return F.linear(x, head).cpu().numpy()

    def _attend(self, layer: int, x: Tensor, places: slice) -> Tensor:
        """Keys and values into the cache, and every new token's look at it; (T, D) -> (T, H * size)."""
        q, k, v = (self._linear(f"blk.{layer}.attn_{name}", x).view(len(x), -1, self.shape.head_size).transpose(0, 1)
                   for name in "qkv")  # (H or KV, T, size)
        self._keys[layer, :, places], self._values[layer, :, places] = self._turn(k, places), v
        keys, values = self._keys[layer, :, : places.stop], self._values[layer, :, : places.stop]
        seen = torch.ones(len(x), places.stop, dtype=torch.bool, device=x.device).tril(places.start)
        mixed = F.scaled_dot_product_attention(
            self._turn(q, places)[None], keys[None], values[None], seen, enable_gqa=len(q) != len(k))[0]
        return mixed.transpose(0, 1).flatten(1)

    def _turn(self, x: Tensor, places: slice) -> Tensor:
        """Rotary positions of neighbouring features; x (H, T, size)."""
        n = 2 * len(self.shape.turns)
        a, b, cos, sin = x[..., 0:n:2], x[..., 1:n:2], self._cosines[places], self._sines[places]
        turned = torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
        return torch.cat([turned, x[..., n:]], -1)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias")
        if bias is None:
            return F.rms_norm(x, weight.shape, weight, self.shape.epsilon)
        return F.layer_norm(x, weight.shape, weight, bias, self.shape.epsilon)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias"))
