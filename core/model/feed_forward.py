"""The feed-forward part of a block."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.spec.model import ModelSpec

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "relu_squared": lambda x: F.relu(x).square(),  # So et al. 2021, Primer, arXiv:2109.08668
    "silu": F.silu,
    "tanh": F.tanh,
}
OUR_GELU = {"gelu": True, "gelu_tanh": False}  # of which our kernel knows both: whether it is exact
GATES = {"swiglu": "silu", "geglu": "gelu", "geglu_tanh": "gelu_tanh", "reglu": "relu"}


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
        if self.path == "ours" and self.activation in OUR_GELU and self._plain(x):
            bent = ops.gelu(F.linear(x, self.up.weight), self.up.bias, exact=OUR_GELU[self.activation], path="ours")
            return self.down(bent)
        bend = GATES.get(self.activation, self.activation)
        ours = self.path == "ours" and bend in ops.BENDS
        if self.gate is None:
            bent = self.up(x)
            return self.down(ops.gated(bent, None, bend, path="ours") if ours else ACTIVATIONS[bend](bent))
        gate, up = self.gate(x), self.up(x)
        if ours:
            return self.down(ops.gated(gate, up, bend, path="ours"))
        return self.down(ACTIVATIONS[GATES[self.activation]](gate) * up)

    def _plain(self, x: Tensor) -> bool:
        """Whether ``up`` is a linear layer that nobody watches, so that its bias may be added elsewhere."""
        watched = self.up._forward_hooks or self.up._forward_pre_hooks
        return type(self.up) is nn.Linear and not watched and x.device.type == "cpu"
