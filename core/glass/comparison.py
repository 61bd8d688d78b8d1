"""What mitigations came to over many questions: what was right, what was made up, what was left open. Torch-free."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.evaluate.detection import Interval, bootstrap
from core.glass.answers import Answered

TABLE = "table.json"
UNKNOWING = ("i do not know", "i don't know", "i am not sure", "i'm not sure", "not enough information")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one mitigation came to.

    Args:
        right: share of all questions answered rightly.
        made_up: share of all questions answered wrongly.
        given: share of all questions that were answered at all.
        refusal, remedy, values: why it could not be tried; then the rest is empty.
    """

    name: str
    asked: int = 0
    right: Interval | None = None
    made_up: Interval | None = None
    given: Interval | None = None
    elapsed_s: float = 0.0
    refusal: str = ""
    remedy: str = ""
    values: dict = {}


class Comparison(msgspec.Struct, frozen=True):
    """All mitigations over the same questions of one run."""

    run: str
    outcomes: list[Outcome]


def read_comparison(folder: Path) -> Comparison | None:
    """What a finished job found; None where there is nothing to read."""
    try:
        return msgspec.json.decode((Path(folder) / TABLE).read_bytes(), type=Comparison)
    except (OSError, msgspec.MsgspecError):
        return None


def page(found: Comparison) -> str:
    """The comparison as a page of Markdown."""
    lines = [f"# Mitigations of {found.run}", "", "Shares of all questions, with 95 % bootstrap intervals.", "",
             "| | Right | Made up | Answered | s |", "|---|---|---|---|---|"]  # fmt: skip
    for one in found.outcomes:
        if one.refusal:
            lines.append(f"| {one.name} | {one.refusal.format(**one.values)} | | | |")
            continue
        shares = (f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"
                  for share in (one.right, one.made_up, one.given))  # fmt: skip
        lines.append(f"| {one.name} | {' | '.join(shares)} | {one.elapsed_s:.1f} |")
    return "\n".join([*lines, ""])


def count(name: str, asked: Sequence[Answered], told: Sequence[str], elapsed_s: float = 0.0) -> Outcome:
    """Shares of all questions: right, made up, answered."""
    given = np.array([not abstains(text) for text in told])
    wrong = np.array([one.label.is_wrong(text) for one, text in zip(asked, told, strict=True)])
    return Outcome(
        name=name, asked=len(told), right=bootstrap(np.mean, (given & ~wrong).astype(float)),
        made_up=bootstrap(np.mean, (given & wrong).astype(float)), given=bootstrap(np.mean, given.astype(float)),
        elapsed_s=round(elapsed_s, 2))  # fmt: skip


def abstains(answer: str) -> bool:
    """Whether an answer says that there is none."""
    plain = " ".join(answer.casefold().replace("’", "'").split())
    return not plain.strip(" .") or any(plain.startswith(words) for words in UNKNOWING)
