"""The feed-forward part of a block."""

from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.spec.model import ModelSpec

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}


class FeedForward(nn.Module):
    """down(act(up x)), or down(act(gate x) * up x) when gated. Source: Shazeer 2020, arXiv:2002.05202."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.up = nn.Linear(spec.d_model, spec.ff, bias=spec.bias)
        self.gate = nn.Linear(spec.d_model, spec.ff, bias=spec.bias) if spec.gated else None
        self.down = nn.Linear(spec.ff, spec.d_model, bias=spec.bias)
        self.activation = spec.activation
        self.path = "torch"

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) -> (B, T, D)."""
        if self.activation == "swiglu":
            gate, up = self.gate(x), self.up(x)
            return self.down(ops.swiglu(gate, up, path="ours") if self.path == "ours" else F.silu(gate) * up)
        if self.activation == "geglu":
            return self.down(F.gelu(self.gate(x)) * self.up(x))
        return self.down(ACTIVATIONS[self.activation](self.up(x)))
