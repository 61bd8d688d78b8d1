"""What the law of hallucination came to in an experiment: the table, its findings and its page. Torch-free."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.evaluate.fact_law import Count, Model, Side, chance_term, spearman
from core.evaluate.intervals import Interval, t_interval

LAW = "law.json"
WAYS = ("asked", "free")
FEWEST = 3  # models below which a rank correlation says nothing
GROUPS = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 1 << 30))  # counts that are shown together
CLOSE = 0.02  # of monofact rates that count as one setting


class Finding(msgspec.Struct, frozen=True):
    """One plain sentence: a template over ``values``."""

    text: str
    values: dict


class Repeated(msgspec.Struct, frozen=True):
    """What repeating some documents changed: a model beside its twin of the same world and seed."""

    with_copies: Model
    without: Model


class LawTable(msgspec.Struct, frozen=True, kw_only=True):
    """All models that have spoken so far; law.json is this.

    Args:
        wanted: how many there will be.
    """

    models: list[Model]
    wanted: int
    bins: int
    parameters: int = 0
    trained_tokens: int = 0
    findings: list[Finding] = []
    machine: str = ""
    elapsed_s: float = 0.0

    @property
    def settings(self) -> list[Model]:
        """The models of texts without copies: those that the law is drawn through, by monofact rate."""
        return sorted((model for model in self.models if not model.copies), key=lambda model: model.monofacts)

    @property
    def repeated(self) -> list[Repeated]:
        """Each model of a text with copies, beside its twin without."""
        pairs = []
        for model in self.models:
            twin = next((other for other in self.models if not other.copies and (other.seed, other.spread) ==
                         (model.seed, model.spread) and abs(other.monofacts - model.monofacts) < CLOSE), None)
            if model.copies and twin is not None:
                pairs.append(Repeated(model, twin))
        return sorted(pairs, key=lambda pair: pair.without.monofacts)

    def rank_correlation(self, way: str) -> float | None:
        """Spearman's, of monofact rate and hallucination; None of too few models."""
        models = self.settings
        if len(models) < FEWEST:
            return None
        return spearman([m.monofacts for m in models], [side(m, way).hallucination for m in models])

    def holds(self, way: str) -> int:
        """In how many of the models, copies or not, at least as much is false as the law says."""
        return sum(side(model, way).holds for model in self.models)

    def gain(self, way: str) -> Interval | None:
        """How much more is false with copies than without; negative = copies help."""
        pairs = self.repeated
        return t_interval([side(p.with_copies, way).hallucination - side(p.without, way).hallucination
                           for p in pairs]) if pairs else None  # fmt: skip


def side(model: Model, way: str) -> Side:
    """What one way of speaking came to: "asked" or "free"."""
    return model.asked if way == "asked" else model.free


def by_count(models: Sequence[Model]) -> list[Count]:
    """Facts of several models put together by how often they are stated, neighbouring counts as one group.

    ``stated`` is the group's least count; groups of which nothing was asked are left out.
    """
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for count in (count for model in models for count in model.counts):
        least = next(low for low, high in GROUPS if low <= count.stated <= high)
        for place, number in enumerate((count.asked, count.right, count.made_up)):
            sums[least][place] += number
    return [Count(least, *sums[least]) for least in sorted(sums)]


def group_text(least: int) -> str:
    """What a group of counts is called: "3-4"."""
    low, high = next(group for group in GROUPS if group[0] == least)
    return str(low) if low == high else f"{low}+" if high >= 1 << 30 else f"{low}–{high}"


def read_law(folder: Path) -> LawTable | None:
    """What is known so far; None where nothing is."""
    try:
        return msgspec.json.decode((Path(folder) / LAW).read_bytes(), type=LawTable)
    except (OSError, msgspec.MsgspecError):
        return None


def found(table: LawTable) -> list[Finding]:
    """What the table says."""
    said, settings = [], table.settings
    if (ranks := table.rank_correlation("asked")) is not None:
        said.append(Finding(
            "Over {count} texts, the larger the share of statements that stand alone, the more is made up: Spearman "
            "{asked:.3f} when asked, {free:.3f} when speaking freely.",
            {"count": len(settings), "asked": ranks, "free": table.rank_correlation("free")}))  # fmt: skip
    said.append(Finding(
        "The bound (monofact rate less miscalibration) holds in {asked} of {models} models when asked, and in {free} "
        "when they speak freely.",
        {"asked": table.holds("asked"), "free": table.holds("free"), "models": len(table.models)}))  # fmt: skip
    known = {count.stated: count for count in by_count(settings)}
    if 1 in known and max(known) > 1:
        most = known[max(known)]
        said.append(Finding(
            "A fact that was stated once is answered rightly {once:.0f} % of the time, one stated {most} times or more "
            "{often:.0f} %.", {"once": 100 * known[1].right / known[1].asked, "most": most.stated,
                               "often": 100 * most.right / most.asked}))  # fmt: skip
    said += [_gain(way, gain, len(table.repeated)) for way in WAYS if (gain := table.gain(way))]
    return said


def _gain(way: str, gain: Interval, pairs: int) -> Finding:
    values = {"gain": 100 * gain.mean, "pairs": pairs}
    if gain.low is not None:
        values |= {"low": 100 * gain.low, "high": 100 * gain.high}
    if way == "asked":
        return Finding(
            "Repeating a few documents changes what is made up when asked by {gain:+.1f} points ({pairs} pairs of "
            "twins; 95 % interval {low:+.1f} to {high:+.1f})." if gain.low is not None else
            "Repeating a few documents changes what is made up when asked by {gain:+.1f} points (one pair of twins).",
            values)  # fmt: skip
    return Finding(
        "Repeating a few documents changes what is made up when speaking freely by {gain:+.1f} points ({pairs} pairs "
        "of twins; 95 % interval {low:+.1f} to {high:+.1f})." if gain.low is not None else
        "Repeating a few documents changes what is made up when speaking freely by {gain:+.1f} points (one pair of "
        "twins).", values)


def result_of(table: LawTable) -> dict:
    """The result for machines."""
    arms = list(dict.fromkeys(model.arm for model in table.models))
    return {
        "arms": arms, "seeds": len({model.seed for model in table.models}),
        "settings": [{"arm": m.arm, "seed": m.seed, "spread": m.spread, "facts": m.facts, "statements": m.statements,
                      "monofacts": round(m.monofacts, 4), "copies": m.copies} | {
                          way: _rounded(side(m, way)) for way in WAYS} for m in table.models],
        "spearman": {way: table.rank_correlation(way) for way in WAYS},
        "bound_holds": {way: table.holds(way) == len(table.models) for way in WAYS},
        "repeating": {way: gain and gain._asdict() for way in WAYS for gain in [table.gain(way)]},
        "accuracy_by_count": {group_text(c.stated): round(c.right / c.asked, 4) for c in by_count(table.settings)},
        "hallucination_by_count": {group_text(c.stated): round(c.made_up / c.asked, 4)
                                   for c in by_count(table.settings)},
        "findings": [finding.text.format(**finding.values) for finding in table.findings],
        "elapsed_s": table.elapsed_s,
    }  # fmt: skip


def markdown(table: LawTable, title: str) -> str:
    """The table as a page of Markdown."""
    lines = [
        f"# {title}", "",
        f"{len(table.models)} models, {table.parameters:,} parameters, {table.trained_tokens:,} training tokens each. "
        "Monofacts: share of the statements that are the only one of their fact (Good-Turing). Unseen: how much of "
        "what the world would say the text never says. False: share of what is said that is no fact; asked = "
        "questions as often as the world says the fact, free = whole sentences; both drawn at temperature 1. Off: "
        f"miscalibration over {table.bins} adaptive bins (Kalai & Vempala 2024, arXiv:2311.14648). Bound: monofacts "
        "less miscalibration, not below 0; the paper's allowance for the chance of the draw, which would lower it by "
        f"{_chance(table):.3f} more, is left out. {table.machine} Took {table.elapsed_s:.0f} s.", "",
        "| Text | Facts | Statements | Copies | Monofacts | Unseen | Asked: false | off | bound | holds | Free: false "
        "| about nobody | off | bound | holds |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_line(model) for model in sorted(table.models, key=lambda m: (m.copies, m.monofacts))), "",
        "| Stated | Asked | Answered rightly (greedy) | Made up (drawn) |", "|---|---|---|---|",
        *(f"| {group_text(c.stated)} | {c.asked:,} | {c.right / c.asked:.2f} | {c.made_up / c.asked:.2f} |"
          for c in by_count(table.settings)), "",
        *(f"- {finding.text.format(**finding.values)}" for finding in table.findings), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _line(model: Model) -> str:
    asked, free = ([f"{s.hallucination:.3f}", f"{s.miscalibration:.3f}", f"{s.bound:.3f}", "yes" if s.holds else "no"]
                   for s in (model.asked, model.free))  # fmt: skip
    free.insert(1, f"{model.nobody:.3f}")
    cells = [model.arm, f"{model.facts:,}", f"{model.statements:,}", f"{model.copies or ''}", f"{model.monofacts:.3f}",
             f"{model.unseen:.3f}", *asked, *free]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _chance(table: LawTable) -> float:
    return chance_term(min((model.statements for model in table.models), default=1))


def _rounded(one: Side) -> dict:
    return {name: round(value, 4) for name, value in msgspec.structs.asdict(one).items()} | {"holds": one.holds}
