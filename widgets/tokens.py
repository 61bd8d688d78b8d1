"""One token as the strip shows it, and how its bytes become something to read."""

import math
from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "verbatim", "unsure", "unsupported"]
RANK_BANDS = (10, 100, 1000)  # Gehrmann et al. 2019, GLTR, arXiv:1906.04043
MOST_ENTROPY = 5.0  # nats; a shade as dark as it gets
RETURN, TAB = "⏎", "⇥"


@dataclass(frozen=True)
class StripToken:
    """A token and what the model thought of it.

    Args:
        data: the exact bytes it adds to the text (a str is taken as UTF-8).
        probability: of this token, 0..1; None = not known (a prompt's token).
        rank: 1 = the model's first choice.
        entropy: of the whole distribution, nats.
        margin: how far the likeliest token was ahead of the second, 0..1.
        top: the likeliest tokens, [(bytes or str, probability)], best first.
        mark: verbatim = stands in the training text; unsure = low confidence; unsupported = unsure and in no text.
        prompt: belongs to what was asked, not to the answer.
        id: number in the vocabulary, shown in the popup; -1 = not known.
    """

    data: bytes | str
    probability: float | None = None
    rank: int | None = None
    entropy: float | None = None
    top: tuple = ()
    mark: Mark = ""
    prompt: bool = False
    id: int = -1
    margin: float | None = None


def readable(data: bytes | str) -> str:
    """Text of a token: broken UTF-8 as <E4>, a newline as ⏎ (and the break itself), other controls as <1B>."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    shown = []
    for char in raw.decode("utf-8", "surrogateescape"):
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            shown.append(f"<{code - 0xDC00:02X}>")
        elif char == "\n":
            shown.append(RETURN + "\n")
        elif char == "\t":
            shown.append(TAB)
        elif code < 32 or 127 <= code < 160:
            shown.append(f"<{code:02X}>")
        else:
            shown.append(char)
    return "".join(shown)


def quoted(data: bytes | str) -> str:
    """A token in a list: spaces visible, on one line."""
    return readable(data).replace("\n", "").replace(" ", "␣") or "∅"


def shade(token: StripToken, mode: str) -> float | None:
    """How dark a token is in a mode, 0..1; None when nothing is known."""
    if mode == "probability" and token.probability is not None:
        return (1.0 - min(max(token.probability, 0.0), 1.0)) ** 1.5
    if mode == "margin" and token.margin is not None:
        return 1.0 - min(max(token.margin, 0.0), 1.0)
    if mode == "entropy" and token.entropy is not None and math.isfinite(token.entropy):
        return min(max(token.entropy / MOST_ENTROPY, 0.0), 1.0)
    return None


def rank_band(rank: int | None) -> int | None:
    """0 = among the first 10, 1 = first 100, 2 = first 1,000, 3 = beyond; None = not known."""
    if rank is None:
        return None
    return sum(rank > limit for limit in RANK_BANDS)
