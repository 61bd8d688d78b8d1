"""Dividing a whole among shares: exactly, and under limits; and so how much of each corpus a mixture takes."""

from collections.abc import Sequence
from typing import NamedTuple

from core.spec.mixture import MixtureSpec


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers that add up to ``total`` and lie within one of ``total * share / sum(shares)``.

    Equal remainders go to the earlier share. Source: the method of largest remainders (Hamilton).
    """
    weight = sum(shares)
    if not shares or weight <= 0:
        return [0] * len(shares)
    exact = [total * share / weight for share in shares]
    parts = [int(amount) for amount in exact]
    by_remainder = sorted(range(len(shares)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def fill(total: float, weights: Sequence[float], limits: Sequence[float]) -> list[float]:
    """Amounts in proportion to the weights, none above its limit; what is missing goes to the others.

    Args:
        total: what is to be divided; where the limits add up to less, less is divided.
        weights: at least 0 each; a weight of 0 gets nothing.
        limits: the most each may get.
    """
    amounts = [0.0] * len(weights)
    open_ = [i for i, weight in enumerate(weights) if weight > 0]
    left = float(total)
    while open_ and left > 0:
        weight = sum(weights[i] for i in open_)
        full = [i for i in open_ if left * weights[i] / weight >= limits[i]]
        if not full:
            for i in open_:
                amounts[i] = left * weights[i] / weight
            break
        for i in full:
            amounts[i] = float(limits[i])
        left -= sum(limits[i] for i in full)
        open_ = [i for i in open_ if i not in full]
    return amounts


def fill_whole(total: int, weights: Sequence[float], limits: Sequence[int]) -> list[int]:
    """:func:`fill` in whole numbers; they add up to ``total`` or to all that the limits allow."""
    amounts = fill(total, weights, limits)
    parts = [int(amount) for amount in amounts]
    missing = min(total, sum(limit for limit, weight in zip(limits, weights) if weight > 0)) - sum(parts)
    for i in sorted(range(len(parts)), key=lambda i: (parts[i] - amounts[i], i)):
        if missing and weights[i] > 0 and parts[i] < limits[i]:
            parts[i], missing = parts[i] + 1, missing - 1
    return parts


class Planned(NamedTuple):
    """What a part of a mixture is to give: its share as asked, and how much of it is taken, in the mixture's unit."""

    asked: float
    amount: float
    epochs: float
    limited: bool  # whether it has too little to give its share of the whole


def asked_shares(spec: MixtureSpec, sizes: Sequence[float]) -> list[float]:
    """The share of each part, given how much there is of each; a weight of 0 always leaves a part out.

    Source: temperature sampling as in Arivazhagan et al. 2019, arXiv:1907.05019.
    """
    if spec.weighting == "weights":
        weights = [part.weight for part in spec.parts]
    else:
        power = 1.0 if spec.weighting == "proportional" else 1 / spec.temperature
        weights = [size**power if part.weight else 0.0 for part, size in zip(spec.parts, sizes)]
    whole = sum(weights) or 1.0
    return [weight / whole for weight in weights]


def plan_mixture(spec: MixtureSpec, sizes: Sequence[float]) -> list[Planned]:
    """How much of each part a mixture takes.

    Args:
        sizes: training text of each part, in the mixture's unit.
    """
    shares = asked_shares(spec, sizes)
    limits = [size * (part.most_epochs or spec.most_epochs) for part, size in zip(spec.parts, sizes)]
    total = spec.size or sum(size for size, share in zip(sizes, shares) if share)
    if spec.unit == "documents":
        amounts = fill_whole(round(total), shares, [int(limit) for limit in limits])
    else:
        amounts = fill(total, shares, limits)
    return [Planned(share, amount, amount / size if size else 0.0, share * total > limit * (1 + 1e-9))
            for share, amount, size, limit in zip(shares, amounts, sizes, limits)]  # fmt: skip
