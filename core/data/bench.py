"""The statistics rules against datatrove doing the same, on one core: ``python main.py bench clean``.

Both judge the same documents with the same thresholds, in turn, so that whatever else the machine
does slows both alike. datatrove is hundreds of times slower: it gets a few documents a round.
"""

import gc
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from core.data import rival
from core.data.rival import Pair
from core.errors import LabError
from core.kernels import text as kernel

_ROUND_BYTES = 60_000  # of text a round: under a second for datatrove
_OURS_EACH = 20  # times we judge it a round, so that a round of ours can be timed at all
_FEWEST_ROUNDS = 3


def bench_clean(text: Path | None = None, seconds: float = 60.0) -> list[dict]:
    """Time all four families together, then each alone; then near-duplicates.

    Args:
        text: a file to take documents from; None = Python's documentation.
        seconds: about how long all of it may take.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}: medians in MB/s; ratio = ours / rival; spread =
        the ratio's own quartiles over the rounds.
    Raises:
        LabError: the kernels are not built, or a rival is not installed; remedy: how to mend it.
    """
    if not kernel.built():
        raise LabError("The C++ kernels have not been built.", "core/kernels/cpu",
                       'Install a C++ compiler and run "python -m core.kernels.build".')
    near = importlib.util.find_spec("core.data.dedup.bench") is not None
    families = rival.pairs()
    held = rounds(rival.documents(text, 2000))
    gc.collect()
    gc.freeze()  # what the rivals' libraries keep would else be searched for garbage while either is timed
    share = seconds / (2 if near else 1)
    rows = [{"name": "four statistics families together", **duel(families, held, share / 2)}]
    rows += [{"name": f"{family.tag} alone", **duel([family], held, share / 2 / len(families))} for family in families]
    if near:
        from core.data.dedup.bench import rows_of_near_duplicates

        rows += rows_of_near_duplicates(seconds - share)
    return rows


def rounds(documents: list[str]) -> list[list[str]]:
    """Documents in groups of about a round's bytes, taken from all over the corpus."""
    count = max(1, sum(len(text.encode("utf-8", "surrogatepass")) for text in documents) // _ROUND_BYTES)
    return [documents[i::count] for i in range(count)]


def duel(families: list[Pair], held: list[list[str]], seconds: float) -> dict:
    """Judge one group after the other with both, for about ``seconds``."""
    def ours(documents: list[str]) -> None:
        for text in documents:
            rival.judge_all(families, text)

    def theirs(documents: list[str]) -> None:
        for text in documents:
            for family in families:
                family.theirs(text)

    ours(held[0])
    theirs(held[0][:1])
    speeds, end = [], time.perf_counter() + seconds
    while len(speeds) < _FEWEST_ROUNDS or time.perf_counter() < end:
        documents = held[len(speeds) % len(held)]
        megabytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in documents) / 1e6
        our_s = _time(lambda group: [ours(group) for _ in range(_OURS_EACH)], documents) / _OURS_EACH
        speeds.append((megabytes / our_s, megabytes / _time(theirs, documents)))
    mine, others = (statistics.median(column) for column in zip(*speeds, strict=True))
    low, _, high = statistics.quantiles([a / b for a, b in speeds], n=4)
    return {"unit": "MB/s", "ours": round(mine, 3), "rival": round(others, 4), "rival_name": "datatrove",
            "ratio": round(mine / others, 2), "spread": [round(low, 2), round(high, 2)]}  # fmt: skip


def _time(work: Callable[[list[str]], object], documents: list[str]) -> float:
    start = time.perf_counter()
    work(documents)
    return time.perf_counter() - start
