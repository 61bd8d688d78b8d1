"""From answered questions to what tells errors: the table, how often what was stated is known, and findings in words.

Torch-free, so that a page can show it.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.data.worlds.facts import STRATA
from core.evaluate.detection import auroc
from core.evaluate.detector_bench import Answers, bench, held_out
from core.evaluate.detector_table import Table, markdown
from core.glass.answer_lines import read_found, read_lines, write_lines
from core.glass.answers import COMBINED, COMBINED_OF, DETECTORS, UNCERTAINTY, Answered, verdict

ANSWERS, TABLE = "answers.jsonl", "table.json"
TITLES = {name: detector.title for name, detector in DETECTORS.items()} | {
    COMBINED: "Combination", "true_stated": "Stated truly", "false_stated": "Stated wrongly",
    "conflicting": "Contradicted", "accidental": "Met by accident", "never_stated": "Never stated",
    "knowable": "All but stated wrongly",
}  # fmt: skip
KINDS = {kind: (kind,) for kind in STRATA} | {"knowable": tuple(kind for kind in STRATA if kind != "false_stated")}


class Count(msgspec.Struct, frozen=True):
    """Facts whose truth stands in so many training documents, and nothing else of them: asked, answered rightly."""

    stated: int
    asked: int
    right: int


class Finding(msgspec.Struct, frozen=True):
    """One sentence of what was found: a template over ``values``; names of detectors among them are titles."""

    text: str
    values: dict


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What questioning one run, or several, came to.

    Args:
        best: the score of uncertainty with the largest AUROC.
        seconds: of each set, from its world to its answers; empty where only the questions were asked here.
    """

    table: Table
    best: str
    accuracy: list[Count]
    findings: list[Finding] = []
    seconds: list[float] = []
    parameters: int = 0
    training_tokens: int = 0
    elapsed_s: float = 0.0


def inspect_answers(sets: Sequence[Sequence[Answered]], seed: int) -> tuple[Inspection, list[list[Answered]]]:
    """Measure all detectors, their combination and their calibration.

    Args:
        sets: the answers of each run, with their scores.
    Returns:
        what was found, and the answers with the combination's score and chance.
    Raises:
        LabError: in a set all answers are right, or all are wrong.
    """
    told, combined, chances = [], [], []
    for answers in sets:
        columns = _columns(answers)
        held = held_out(columns, seed, COMBINED, COMBINED_OF)
        scores = columns.scores | {COMBINED: held.combination}
        combined.append(msgspec.structs.replace(columns, scores=scores))
        chances.append(held.p_wrong)
        told.append([
            msgspec.structs.replace(one, scores=one.scores | {COMBINED: float(odds)}, p_wrong=float(p))
            for one, odds, p in zip(answers, held.combination, held.p_wrong[COMBINED], strict=True)
        ])  # fmt: skip
    areas = {name: np.mean([auroc(one.scores[name], one.wrong) for one in combined]) for name in DETECTORS}
    best = max(UNCERTAINTY, key=areas.__getitem__)
    rivals = sorted(DETECTORS, key=areas.__getitem__)[-3:][::-1]
    pairs = [("corpus_belief", best), *((COMBINED, name) for name in dict.fromkeys([*rivals, "corpus_belief", best]))]
    table = bench(combined, chances, KINDS, pairs, seed)
    found = Inspection(table=table, best=best, accuracy=_accuracy([one for answers in sets for one in answers]))
    return msgspec.structs.replace(found, findings=_findings(found, told)), told


def ceiling(answers: Sequence[Answered]) -> float:
    """AUROC of who knows exactly what the text says of every fact and how often, and no more: the most to hope for.

    Taken from the world's table. Answers are alike when they are stated alone as often, when as many other statements
    contradict them, or when nothing states them; each kind gets the share of its answers that are wrong, which no
    other score of these kinds can beat.
    """
    kinds: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, one in enumerate(answers):
        label = one.label
        said = label.told | ({label.truth: label.stated} if label.stated else {})
        own = [n for value, n in said.items()
               if not msgspec.structs.replace(label, truth=value).is_wrong(one.answer)]  # fmt: skip
        kinds[(own[0] if len(said) == 1 else 0, len(said)) if own else (0, 0)].append(place)
    wrong = np.array([one.wrong for one in answers])
    doubt = np.zeros(len(answers))
    for places in kinds.values():
        doubt[places] = wrong[places].mean()
    return auroc(doubt, wrong)


def write_answers(path: Path, answers: Sequence[Answered]) -> bytes:
    """The answers, one JSON line each; written atomically."""
    return write_lines(path, answers)


def read_answers(path: Path) -> list[Answered]:
    """Answers written before. Raises: see :func:`core.glass.answer_lines.read_lines`."""
    return read_lines(path, Answered)


def read_inspection(folder: Path) -> Inspection | None:
    """What a finished job found; None where there is nothing to read."""
    return read_found(Path(folder) / TABLE, Inspection)


def result_of(found: Inspection) -> dict:
    """The result for machines."""
    return {
        "detectors": {row.name: _rounded(row.auroc) for row in found.table.rows},
        "ece": round(found.table.row(COMBINED).ece, 4),
        "accuracy_by_count": {str(one.stated): round(one.right / one.asked, 4) for one in found.accuracy},
        "by_stratum": {row.name: {kind: _rounded(area) for kind, area in row.by_stratum.items()}
                       for row in found.table.rows},
        "differences": [{"first": d.first, "second": d.second, **_rounded(d.difference, "difference")}
                        for d in found.table.differences],
        "answers": found.table.answers, "wrong": found.table.wrong,
        "seconds_a_seed": found.seconds,
        "findings": [one.text.format(**one.values) for one in found.findings],
    }  # fmt: skip


def page(found: Inspection, title: str) -> str:
    """The inspection as a page of Markdown."""
    table = found.table
    lines = [
        f"# {title}", "",
        f"{table.answers:,} questions to {table.sets} model(s) of {found.parameters:,} parameters, "
        f"{found.training_tokens:,} different training tokens each; {table.wrong:,} answered wrongly. AUROC for error, "
        "the mean of the models, with 95 % bootstrap intervals over the questions of each. A column of a kind of fact "
        "has its wrong answers against all right ones. Combination and calibration are learnt on one half of a model's "
        "questions and told of the other, both ways and in ten halvings; ECE is of all models together. The corpus is "
        "asked through the index of the run's own training tokens, in the wordings that are asked, never through the "
        "table of what is true. P(True) is left out: a model that has read nothing but statements cannot be asked "
        "whether one is true."
        + (f" Seconds a seed, from its world to its answers: {', '.join(f'{s:.0f}' for s in found.seconds)}."
           if found.seconds else ""), "",
        *markdown(table, lambda name: TITLES.get(name, name)), "",
        "| Documents that state the fact | Asked | Answered rightly |", "|---|---|---|",
        *(f"| {one.stated} | {one.asked:,} | {one.right / one.asked:.2f} |" for one in found.accuracy), "",
        *(f"- {one.text.format(**one.values)}" for one in found.findings), "",
    ]  # fmt: skip
    return "\n".join(lines)


def write_inspection(folder: Path, found: Inspection, title: str) -> None:
    """``table.json`` and ``table.md``."""
    from core.record.atomic import write_json, write_text

    write_json(folder / TABLE, msgspec.to_builtins(found))
    write_text(folder / "table.md", page(found, title))


def _columns(answers: Sequence[Answered]) -> Answers:
    return Answers(
        scores={name: np.array([one.scores[name] for one in answers]) for name in DETECTORS},
        wrong=np.array([one.wrong for one in answers]), kinds=np.array([one.label.stratum for one in answers]))


def _accuracy(answers: Sequence[Answered]) -> list[Count]:
    """By how often the truth is stated, of facts of which nothing false is."""
    groups: dict[int, list[bool]] = defaultdict(list)
    for one in answers:
        if one.label.stratum in ("true_stated", "never_stated"):
            groups[one.label.stated].append(not one.wrong)
    return [Count(stated, len(right), sum(right)) for stated, right in sorted(groups.items())]


def _findings(found: Inspection, sets: Sequence[Sequence[Answered]]) -> list[Finding]:
    table, answers = found.table, [one for part in sets for one in part]
    belief, best, combined = (table.row(name) for name in ("corpus_belief", found.best, COMBINED))
    gain = table.differences[0].difference
    said = [
        Finding("Of the scores that need no corpus, “{best}” tells errors best: AUROC {value:.3f} ({low:.3f} to "
                "{high:.3f}).", {"best": TITLES[found.best]} | msgspec.structs.asdict(best.auroc)),
        Finding("Asking the corpus and weighing what contradicts itself: AUROC {value:.3f}, {gain:+.3f} ({low:+.3f} to "
                "{high:+.3f}) against it.",
                {"value": belief.auroc.value, "gain": gain.value, "low": gain.low, "high": gain.high}),
        Finding("All of them combined: AUROC {value:.3f} ({low:.3f} to {high:.3f}); told as a chance, it is off by "
                "{ece:.3f} on average.", msgspec.structs.asdict(combined.auroc) | {"ece": combined.ece}),
    ]  # fmt: skip
    if "knowable" in best.by_stratum:  # hardly anything else may have been answered wrongly
        alone, asked, whole = (row.by_stratum["knowable"].value for row in (best, belief, combined))
        said.append(Finding(
            "Without the facts that the text states wrongly, which no score can know: “{best}” {alone:.3f}, the corpus "
            "{belief:.3f}, combined {combined:.3f}.",
            {"best": TITLES[found.best], "alone": alone, "belief": asked, "combined": whole}))
    false = [one for one in answers if one.label.stratum == "false_stated"]
    taught = [one for one in false if verdict(one.evidence) == "says_so"]
    said.append(Finding(
        "Who knows exactly what the text says and how often, and no more, reaches {ceiling:.3f} on these answers: no "
        "score without a second source can hope for more.",
        {"ceiling": float(np.mean([ceiling(part) for part in sets]))}))
    if false:
        said.append(Finding(
            "Of {count} facts that the text states wrongly, {taught} are answered as the corpus says. No score can "
            "know that these are not true: the corpus says so.", {"count": len(false), "taught": len(taught)}))
    return said


def _rounded(interval, key: str = "auroc") -> dict:
    return {key: round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}
