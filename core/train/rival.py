"""What our training is measured against: nanoGPT's published model, written anew in plain torch.

Only for measuring: no run uses it. Source: Karpathy 2022, nanoGPT (model.py, train.py and its settings for
characters): GPT-2 with optional biases, scaled dot-product attention, a tied head and AdamW.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.model.decoder import Decoder
from core.spec.model import ModelSpec

RATE, BETAS, DECAY, CLIP = 1e-3, (0.9, 0.99), 0.1, 1.0
OURS = {"norm": "layer_norm", "norm_bias": "no", "position": "learned", "activation": "gelu", "bias": False,
        "tied_head": True}  # fmt: skip
"""Fields of a :class:`ModelSpec` that make our decoder the same model."""


class Block(nn.Module):
    """Attention, then feed-forward, each with a norm before it and around a residual path."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.norm1(x)).split(width, dim=2))  # fmt: skip
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class NanoGPT(nn.Module):
    """Token ids in, the mean loss of the next tokens out."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.tokens = nn.Embedding(spec.vocab_size, spec.d_model)
        self.places = nn.Embedding(spec.context, spec.d_model)
        self.blocks = nn.ModuleList(Block(spec.d_model, spec.n_heads) for _ in range(spec.n_layers))
        self.norm = nn.LayerNorm(spec.d_model, bias=False)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """(B, T) int64 each -> nats a token, scalar."""
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    @torch.no_grad()
    def take_weights(self, model: Decoder) -> "NanoGPT":
        """Start from the weights of our decoder of the same shape."""
        ours = dict(model.named_parameters())
        theirs = {"tokens.weight": ours["embed.weight"], "places.weight": ours["positions.weight"],
                  "norm.weight": ours["final_norm.weight"]}  # fmt: skip
        for i in range(len(self.blocks)):
            block, names = f"blocks.{i}", {"out": "attn.o", "up": "ff.up", "down": "ff.down", "norm1": "attn_norm",
                                           "norm2": "ff_norm"}  # fmt: skip
            theirs |= {f"{block}.{name}.weight": ours[f"{block}.{own}.weight"] for name, own in names.items()}
            theirs[f"{block}.qkv.weight"] = torch.cat([ours[f"{block}.attn.{part}.weight"] for part in "qkv"])
        for name, parameter in self.named_parameters():
            parameter.copy_(theirs[name])
        return self


def decay_groups(model: nn.Module) -> list[dict]:
    """Matrices decay, vectors do not."""
    parameters = list(model.parameters())
    return [{"params": [p for p in parameters if p.ndim >= 2], "weight_decay": DECAY},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}]  # fmt: skip
