"""Mixture of experts: how many feed-forward parts there are, and how tokens find theirs."""

from typing import Annotated, Literal

from core.spec.base import Spec, about

SHAZEER = "Shazeer et al. 2017, arXiv:1701.06538; Fedus et al. 2021, Switch, arXiv:2101.03961"


class Experts(Spec):
    """The experts of a sparse model; with a count of 0 every block is dense."""

    count: Annotated[int, about(
        "Experts", "Feed-forward parts to choose from in each sparse block. 0 = no experts.", low=0, high=4096,
        source=SHAZEER)] = 0
    top: Annotated[int, about("Chosen", "Experts that each token passes through.", low=1, high=64)] = 2
    every: Annotated[int, about(
        "Every so many blocks", "Sparse blocks: every block (1), every other (2), every fourth (4), the last of "
        "each group.", low=1, high=512)] = 1
    router: Annotated[Literal["learned", "random", "none"], about(
        "Router", "A learned layer chooses, or each token has a fixed random expert; without one there are no experts.",
        source="Ren et al. 2023, PanGu-Σ, arXiv:2303.10845")] = "learned"
    normalised: Annotated[bool, about(
        "Weights sum to one", "The chosen experts' weights are rescaled to sum to one.",
        source="Jiang et al. 2024, Mixtral, arXiv:2401.04088")] = True
    capacity: Annotated[float, about(
        "Capacity", "While training, an expert takes at most this many times its even share of tokens; the rest "
        "pass it by. 0 = no limit.", low=0.0, high=64.0, source=SHAZEER)] = 0.0
    balance_loss: Annotated[float, about(
        "Balance loss", "Weight of the loss that spreads tokens evenly.", low=0.0, high=10.0, source=SHAZEER)] = 0.01
    z_loss: Annotated[float, about(
        "Router z-loss", "Weight of the loss that keeps the router's logits small.", low=0.0, high=10.0,
        source="Zoph et al. 2022, ST-MoE, arXiv:2202.08906")] = 0.0
