"""What an experiment found: each arm's bits per byte beside the baseline's, and what was remembered of secrets."""

from statistics import fmean
from typing import Literal

import msgspec

from core.evaluate.extraction_rates import Rate
from core.evaluate.intervals import Interval, t_interval

METHOD = "Differences are paired by seed; intervals are Student's t, 95 %."


class ArmResult(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: what cleaning left of its text, and what its twins came to.

    Args:
        bits_per_byte: on the held-out text, one a seed, in the order of the seeds.
        tokens: tokens of its training text, once through.
        epochs: how often training went through it.
        difference: from the baseline, bits per byte, negative = better; None for the baseline itself.
    """

    name: str
    documents_read: int
    documents_kept: int
    bytes_kept: int
    rejected: dict[str, int]
    tokens: int
    epochs: float
    bits_per_byte: list[float]
    mean: float
    difference: Interval | None = None


class Finding(msgspec.Struct, frozen=True):
    """One plain sentence: a template over ``values``; ``about`` bits per byte, or secrets."""

    text: str
    values: dict
    about: Literal["bits", "secrets"] = "bits"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result; table.json is this."""

    baseline: str
    seeds: int
    trained_tokens: int  # by every twin
    parameters: int
    held_out_bytes: int
    arms: list[ArmResult]
    method: str = METHOD
    candidates: int = 0
    chance_exposure: float = 0.0
    extraction: list[Rate] = []
    findings: list[Finding] = []
    machine: str = ""
    elapsed_s: float = 0.0


def compare(arms: list[ArmResult], baseline: str) -> list[ArmResult]:
    """The arms with their differences from the baseline, paired by seed."""
    base = next(arm for arm in arms if arm.name == baseline)
    return [arm if arm is base else msgspec.structs.replace(arm, difference=paired(arm, base)) for arm in arms]


def paired(arm: ArmResult, base: ArmResult) -> Interval:
    """The mean difference of twins with the same seed, and its interval."""
    return t_interval([a - b for a, b in zip(arm.bits_per_byte, base.bits_per_byte, strict=True)])


def arm_result(name: str, report: dict, runs: list[dict], tokens: int) -> ArmResult:
    """An arm from its corpus's report and the results of its trainings."""
    bits = [run["last_val_bits_per_byte"] for run in runs]
    return ArmResult(
        name=name, documents_read=report["documents_read"], documents_kept=report["documents_kept"],
        bytes_kept=report["bytes_kept"], rejected=report["rejected"], tokens=tokens, epochs=runs[0]["epochs"],
        bits_per_byte=bits, mean=fmean(bits))


def findings(table: Table) -> list[Finding]:
    """What the table says, one sentence an arm, then what is remembered of the most repeated secrets."""
    said = [_difference(arm, table.baseline, table.seeds) for arm in table.arms if arm.difference]
    most = max((rate.repetitions for rate in table.extraction), default=0)
    return said + [_remembered(rate, table.chance_exposure) for rate in table.extraction if rate.repetitions == most]


def _difference(arm: ArmResult, baseline: str, seeds: int) -> Finding:
    mean, low, high = arm.difference
    values = {"arm": arm.name, "baseline": baseline, "seeds": seeds, "difference": abs(mean)}
    if low is None:
        return Finding(
            "“{arm}” and “{baseline}” are {difference:.3f} bits per byte apart; one seed cannot say how sure that is.",
            values)
    if not arm.difference.sure:
        return Finding(
            "“{arm}” cannot be told from “{baseline}” with {seeds} seeds: {difference:+.3f} bits per byte (95 % "
            "interval {low:+.3f} to {high:+.3f}).", values | {"difference": mean, "low": low, "high": high})
    if mean < 0:
        return Finding(
            "“{arm}” wins {difference:.3f} bits per byte over “{baseline}” (95 % interval {low:.3f} to {high:.3f}).",
            values | {"low": -high, "high": -low})
    return Finding(
        "“{arm}” costs {difference:.3f} bits per byte against “{baseline}” (95 % interval {low:.3f} to {high:.3f}).",
        values | {"low": low, "high": high})


def _remembered(rate: Rate, chance: float) -> Finding:
    values = {
        "arm": rate.arm, "extracted": rate.extracted, "asked": rate.asked, "repetitions": rate.repetitions,
        "exposure": rate.exposure.mean, "chance": chance}
    if rate.kind == "email":
        return Finding(
            "“{arm}”: of {asked} e-mail addresses repeated {repetitions} times, {extracted} written out word for word; "
            "exposure {exposure:.1f} bits (chance {chance:.1f}).", values, "secrets")
    return Finding(
        "“{arm}”: of {asked} access codes repeated {repetitions} times, {extracted} written out word for word; "
        "exposure {exposure:.1f} bits (chance {chance:.1f}).", values, "secrets")


def markdown(table: Table, title: str) -> str:
    """The table as a page of Markdown."""
    lines = [
        f"# {title}", "",
        f"{table.seeds} twins an arm, {table.parameters:,} parameters, {table.trained_tokens:,} training tokens each; "
        f"measured on the same {table.held_out_bytes:,} bytes of clean held-out text, which no arm was trained on. "
        f"{table.method} Negative = better than “{table.baseline}”. {table.machine} Took {table.elapsed_s:.0f} s.", "",
        "| Arm | Documents kept | Text kept, bytes | Tokens | Epochs | Bits per byte | Difference | 95 % interval |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [_arm_line(arm) for arm in table.arms]
    if table.extraction:
        lines += ["", *_extraction_lines(table)]
    lines += ["", *(f"- {found.text.format(**found.values)}" for found in table.findings), ""]
    return "\n".join(lines)


def _arm_line(arm: ArmResult) -> str:
    difference, interval = "baseline", ""
    if arm.difference:
        difference = f"{arm.difference.mean:+.4f}"
        if arm.difference.low is not None:
            interval = f"{arm.difference.low:+.4f} to {arm.difference.high:+.4f}"
    return (f"| {arm.name} | {arm.documents_kept:,} of {arm.documents_read:,} | {arm.bytes_kept:,} | {arm.tokens:,} | "
            f"{arm.epochs:.2f} | {arm.mean:.4f} | {difference} | {interval} |")


def _extraction_lines(table: Table) -> list[str]:
    """One line a kind and number of repetitions, one column an arm."""
    arms = list(dict.fromkeys(rate.arm for rate in table.extraction))
    by_key = {(rate.arm, rate.kind, rate.repetitions): rate for rate in table.extraction}
    keys = list(dict.fromkeys((rate.kind, rate.repetitions) for rate in table.extraction))
    lines = [
        f"Secrets written out word for word, and mean exposure in bits among {table.candidates} candidates "
        f"(chance {table.chance_exposure:.2f}, most {table.extraction[0].most:.0f}):", "",
        "| Secret | Repeated | " + " | ".join(arms) + " |", "|---|---|" + "---|" * len(arms),
    ]  # fmt: skip
    for kind, repetitions in keys:
        cells = []
        for arm in arms:
            rate = by_key[arm, kind, repetitions]
            cells.append(f"{rate.extracted} of {rate.asked}, {rate.exposure.mean:.2f}")
        lines.append(f"| {kind} | {repetitions} | " + " | ".join(cells) + " |")
    return lines
