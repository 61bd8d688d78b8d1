"""The table of a bench of detectors, and its page of Markdown. Torch-free, so that a page can show it."""

from collections.abc import Callable

import msgspec

from core.evaluate.detection import Interval


class Bin(msgspec.Struct, frozen=True):
    """Answers of which about the same was told: mean chance told, share really wrong, how many."""

    told: float
    real: float
    count: int


class Stratum(msgspec.Struct, frozen=True):
    """A kind of question: how many were asked, and how many answered wrongly, over all sets."""

    name: str
    answers: int
    wrong: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One detector.

    Args:
        auroc: over all answers, the mean of the sets.
        by_stratum: the wrong answers of a kind against all right ones; kinds with hardly any are left out.
        ece: of the calibrated chances, all sets together.
        roc, precision: share of wrong answers caught over share of right ones suspected, and precision over
            recall, at 51 places from 0 to 1.
        each: AUROC of each set.
    """

    name: str
    auroc: Interval
    by_stratum: dict[str, Interval]
    average_precision: float
    rejection: float
    ece: float
    roc: list[float]
    precision: list[float]
    reliability: list[Bin]
    each: list[float]


class Difference(msgspec.Struct, frozen=True):
    """How much more of AUROC the first detector has than the second, paired."""

    first: str
    second: str
    difference: Interval


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a bench found."""

    answers: int
    wrong: int
    sets: int
    rows: list[Row]
    strata: list[Stratum]
    differences: list[Difference]

    def row(self, name: str) -> Row:
        """A detector's row."""
        return next(row for row in self.rows if row.name == name)


def markdown(table: Table, title_of: Callable[[str], str]) -> list[str]:
    """The lines of the tables: all detectors, kinds of question, differences."""
    names = [stratum.name for stratum in table.strata]
    lines = ["| Detector | AUROC | 95 % interval | " + " | ".join(map(title_of, names))
             + " | Average precision | PRR | ECE |", "|---|---|---|" + "---|" * (len(names) + 3)]  # fmt: skip
    for row in table.rows:
        kinds = " | ".join(f"{row.by_stratum[n].value:.3f}" if n in row.by_stratum else "" for n in names)
        lines.append(
            f"| {title_of(row.name)} | {row.auroc.value:.3f} | {row.auroc.low:.3f} to {row.auroc.high:.3f} | {kinds} | "
            f"{row.average_precision:.3f} | {row.rejection:.3f} | {row.ece:.3f} |")
    lines += ["", "| Kind of fact | Asked | Answered wrongly |", "|---|---|---|"]
    lines += [f"| {title_of(s.name)} | {s.answers:,} | {s.wrong:,} |" for s in table.strata]
    lines += ["", "| Better | Than | By, AUROC | 95 % interval |", "|---|---|---|---|"]
    for d in table.differences:
        found = d.difference
        lines.append(f"| {title_of(d.first)} | {title_of(d.second)} | {found.value:+.3f} | {found.low:+.3f} to "
                     f"{found.high:+.3f} |")
    return lines
