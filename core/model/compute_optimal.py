"""How many tokens a model of a size should read, by three published laws. No torch.

Each law was fitted on models far larger than a desktop grows, so beside every answer stands the range it was
fitted on; a loss is never foretold here.
"""

from collections.abc import Callable

import msgspec

from core.errors import LabError
from core.model.sizing import parameters
from core.spec.model import ModelSpec

FLOPS_A_TOKEN = 6  # C = 6 N D: training FLOPs of a token and a parameter. Kaplan et al. 2020, arXiv:2001.08361


class Law(msgspec.Struct, frozen=True):
    """A fitted law: what it answers, from which experiments, and whose it is."""

    name: str
    source: str
    tokens: Callable[[float], float]  # parameters -> tokens at which this size is the best use of its compute
    least: float  # parameters of the smallest and the largest model it was fitted on
    most: float
    without_embedding: bool = False  # whether it counts parameters without embedding and positions

    def fitted(self, n: float) -> bool:
        """Whether ``n`` parameters lie in the range it was fitted on."""
        return self.least <= n <= self.most


def additive(a_factor: float, b_factor: float, a: float, b: float) -> Callable[[float], float]:
    """Best tokens for N under L = E + A/N^a + B/D^b: of all (N, D) with the same 6ND, the one with the least loss.

    Source: Hoffmann et al. 2022, arXiv:2203.15556, equation 4: N = G (C/6)^(b/(a+b)), G = (aA/bB)^(1/(a+b)).
    """
    g = (a * a_factor / (b * b_factor)) ** (1 / (a + b))
    return lambda n: (n / g) ** ((a + b) / b) / n


def joint(n_scale: float, d_scale: float, a: float, b: float) -> Callable[[float], float]:
    """Best tokens for N under L = [(Nc/N)^(a/b) + Dc/D]^b at the same 6ND. Source: Kaplan et al. 2020, equation 1.5."""
    ratio = a / b
    return lambda n: d_scale / ratio * (n / n_scale) ** ratio


LAWS = (
    Law("Kaplan", "Kaplan et al. 2020, arXiv:2001.08361", joint(6.4e13, 1.8e13, 0.076, 0.103), 768, 1.5e9, True),
    Law("Hoffmann", "Hoffmann et al. 2022, arXiv:2203.15556, approach 3",
        additive(406.401018, 410.722827, 0.33917084, 0.2849083), 7e7, 1.6e10),
    Law("Besiroglu", "Besiroglu et al. 2024, arXiv:2404.10102", additive(482.01, 2085.43, 0.3478, 0.3658), 7e7, 1.6e10),
)


def counted(law: Law, spec: ModelSpec) -> int:
    """Parameters of a design as the law counts them."""
    parts = parameters(spec)
    apart = parts.get("embedding", 0) + parts.get("positions", 0) if law.without_embedding else 0
    return parts["total"] - apart


def best_tokens(law: Law, n: float) -> float:
    """Tokens at which a model of ``n`` parameters is the best use of its compute.

    Raises:
        LabError: there is nothing to train.
    """
    if n <= 0:
        raise LabError("A model without parameters has nothing to learn by gradient.", "", "Choose another design.")
    return law.tokens(n)
