"""Two stacks: one reads a text both ways, the other writes and looks at what was read."""

import torch
from torch import Tensor, nn

from core.model.attention import KVCache
from core.model.head import Head
from core.model.trunk import Trunk
from core.spec.model import ModelSpec


class EncoderDecoder(Head):
    """Source and target ids in, logits of the next target token out.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Raffel et al. 2020, T5, arXiv:1910.10683.

    Args:
        spec: the shape; ``vocab_size`` must be resolved (not 0).
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        assert spec.vocab_size > 0, "the vocabulary size is taken from the tokenizer before a model is built"
        self.spec = spec
        self.embed = nn.Embedding(spec.vocab_size, spec.embed)
        self.encoder = Trunk(spec, spec.encoders, causal=False, encoder=True)
        self.decoder = Trunk(spec, spec.n_layers, causal=True, cross=True)
        self.add_head(spec)

    def read(self, ids: Tensor, padding: Tensor | None = None) -> Tensor:
        """Source ids (B, S) int64, ``padding`` True where there is none -> memory (B, S, D)."""
        return self.encoder.run(self.embed(ids), ids=ids, padding=padding)

    def hidden(
        self, ids: Tensor, cache: KVCache | None = None, memory: Tensor | None = None,
        memory_padding: Tensor | None = None, **seen,
    ) -> Tensor:  # fmt: skip
        """Target ids (B, T) int64 and memory (B, S, D) -> vectors after the last norm (B, T, D).

        With a cache the memory may be left in ``cache.memory`` once.
        """
        memory = cache.memory if memory is None and cache is not None else memory
        assert memory is not None, "an encoder-decoder writes about what was read: call read() first"
        return self.decoder.run(self.embed(ids), cache, memory, ids, memory_padding=memory_padding, **seen)

    def forward(
        self, source: Tensor, target: Tensor, source_padding: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """source (B, S), target (B, T), int64 -> logits (B, T, V) float32 (float64 in a float64 model)."""
        hidden = self.hidden(target, memory=self.read(source, source_padding), memory_padding=source_padding)
        logits = self.logits(hidden)
        return logits if logits.dtype == torch.float64 else logits.float()

    def loss(self, ids: Tensor, targets: Tensor, source: Tensor, source_padding: Tensor | None = None) -> Tensor:
        """Mean cross-entropy and the routers' losses, nats a token, float32 scalar.

        Args:
            ids: what the decoder is shown, (B, T) int64: the targets moved right by one.
            targets: (B, T) int64, negative = not counted.
            source: what the encoder reads, (B, S) int64.
            source_padding: True where the source has ended, bool (B, S).
        """
        hidden = self.hidden(ids, memory=self.read(source, source_padding), memory_padding=source_padding)
        return self.loss_of(hidden, targets) + self.encoder.router_losses() + self.decoder.router_losses()

    def predictions(self, ids: Tensor, source: Tensor, source_padding: Tensor | None = None) -> Tensor:
        """Logits of each next target token, (B, T, V) float32."""
        return self(source, ids, source_padding)

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"loss" | "attention" | "norm" | "swiglu": "torch" | "ours"}."""
        self.loss_path = paths.get("loss", "torch")
        self.encoder.use_kernels(paths)
        self.decoder.use_kernels(paths)
