"""How much is remembered, by arm, kind of secret and number of repetitions; torch-free, so that a page can show it."""

import math
from collections import defaultdict
from statistics import fmean

import msgspec

from core.evaluate.intervals import Interval, t_interval


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Of the secrets of one kind and number of repetitions in one arm, over all its twins.

    Args:
        asked: secrets times twins.
        extracted: how many of those were written out word for word.
        exposure: bits; its interval is over secrets, each the mean over twins.
        most: the largest exposure there can be, bits.
    """

    arm: str
    kind: str
    repetitions: int
    asked: int
    extracted: int
    exposure: Interval
    most: float


def rates(arm: str, twins: list[list[dict]], candidates: int) -> list[Rate]:
    """The rates of one arm.

    Args:
        twins: for each twin, what became of every secret, in the same order (core.evaluate.extraction.Recalled).
    """
    groups: dict[tuple[str, int], list[list[dict]]] = defaultdict(list)
    for same in zip(*twins, strict=True):  # one secret in all twins
        groups[same[0]["canary"]["kind"], same[0]["canary"]["repetitions"]].append(list(same))
    return [
        Rate(
            arm=arm, kind=kind, repetitions=repetitions, asked=sum(map(len, group)),
            extracted=sum(one["extracted"] for same in group for one in same),
            exposure=t_interval([fmean(one["exposure"] for one in same) for same in group]),
            most=math.log2(candidates))
        for (kind, repetitions), group in groups.items()
    ]  # fmt: skip


def chance_exposure(candidates: int) -> float:
    """Mean exposure where the secret is as likely as any other: every rank comes equally often. Bits."""
    return fmean(math.log2(candidates / rank) for rank in range(1, candidates + 1))
