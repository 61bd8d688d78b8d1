"""A Transformer of one stack that writes: causal, or with a prefix that is read both ways."""

import math

import torch
from torch import Tensor, nn

from core.kernels import step
from core.model.attention import KVCache
from core.model.head import Head
from core.model.norms import deep_norm_scales
from core.model.trunk import Trunk
from core.spec.model import ModelSpec

RESIDUAL = ("attn.o.weight", "ff.down.weight", "cross.o.weight")  # layers that write into the residual stream
SCALED_BY_DEEP_NORM = (*RESIDUAL, "attn.v.weight", "cross.v.weight", "ff.up.weight", "ff.gate.weight")


class Decoder(Trunk, Head):
    """Token ids in, logits of the next token out.

    Args:
        spec: the shape; ``vocab_size`` must be resolved (not 0).
    """

    def __init__(self, spec: ModelSpec) -> None:
        assert spec.vocab_size > 0, "the vocabulary size is taken from the tokenizer before a model is built"
        super().__init__(spec, spec.n_layers, causal=spec.layout != "encoder")
        self.embed = nn.Embedding(spec.vocab_size, spec.embed)
        self.add_head(spec)
        self.step_path = "torch"
        self.looked_at = False  # whether hooks hang on the modules: see core.train.layers

    def hidden(self, ids: Tensor, cache: KVCache | None = None, **seen) -> Tensor:
        """ids (B, T) int64 -> vectors after the last norm (B, T, D); a cache is filled on the way.

        ``seen``: prefix, padding, allowed (see :class:`core.model.places.Places`) and segments (B, T).
        """
        return self.run(self.embed(ids), cache, ids=ids, **seen)

    def forward(self, ids: Tensor, cache: KVCache | None = None, **seen) -> Tensor:
        """ids (B, T) int64 -> logits (B, T, V) float32 (float64 in a float64 model)."""
        logits = self.logits(self.hidden(ids, cache, **seen))
        return logits if logits.dtype == torch.float64 else logits.float()

    def loss(self, ids: Tensor, targets: Tensor, **seen) -> Tensor:
        """Mean cross-entropy and the routers' losses, nats a token, float32 scalar; negative targets do not count."""
        if self.step_path == "ours" and not seen and step.takes(self, ids):
            if self.looked_at:  # the one call passes the modules by, and those who listen to them
                with torch.no_grad():
                    self.hidden(ids)
            return step.loss(self, ids, targets)
        return self.loss_of(self.hidden(ids, **seen), targets) + self.router_losses()

    def predictions(self, ids: Tensor, **seen) -> Tensor:
        """Logits of what the objective asks at each place, (B, T, V) float32."""
        return self(ids, **seen)

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"step" | "loss" | "attention" | "norm" | "swiglu": "torch" | "ours"}.

        "step" is the whole of it in one call, in bfloat16: see :mod:`core.kernels.step`.
        """
        self.loss_path, self.step_path = paths.get("loss", "torch"), paths.get("step", "torch")
        super().use_kernels(paths)


def initialise(model: nn.Module, seed: int) -> None:
    """Draw the initial weights from a seed of their own: normal, std ``init_std``, zero biases.

    Layers that write into the residual stream get that over sqrt(2 layers), so that its size does
    not grow with depth. Source: Radford et al. 2019, GPT-2, section 2.3. DeepNorm scales them, values and
    feed-forward by its own factor instead. T5's embedding, which is the scaled head too, gets std 1 (Mesh
    TensorFlow, as used by Raffel et al. 2020, arXiv:1910.10683).
    """
    generator = torch.Generator().manual_seed(seed)
    spec = model.spec
    residual = spec.init_std / math.sqrt(2 * spec.n_layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2:
                std = residual if name.endswith(RESIDUAL) or ".down.weight" in name else spec.init_std
                if spec.deep_norm:
                    beta = deep_norm_scales(spec, name.startswith("encoder."))[1]
                    std = spec.init_std * (beta if name.endswith(SCALED_BY_DEEP_NORM) else 1.0)
                if name == "embed.weight" and not spec.logit_scale:
                    std = 1.0  # logits are divided by the root of the width
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, std, generator=generator))
            elif "bias" in name.rpartition(".")[2]:  # an LSTM calls its own bias_ih_l0
                parameter.zero_()
