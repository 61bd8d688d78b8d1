"""Does an answer follow what stands in its context? What was read and answered, every score of it, and the table.

Torch-free, so that a page can show it. Higher scores mean more doubt that the context was followed, always.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from core.evaluate.detection import auroc
from core.evaluate.detector_bench import Answers, bench, held_out
from core.evaluate.detector_table import Table, markdown
from core.evaluate.logistic import fit_logistic
from core.glass import detectors
from core.glass.answer_lines import read_found, read_lines, write_lines

READ, GROUNDING = "read.jsonl", "grounding.json"
LEAST_COPYING = 0.8
"""Share of strangers' notes that a model has to copy rightly: below it none could follow a context, no score of whether
one was followed means anything, and the model is left out."""
Group = Literal["answer", "heads", "explanation", "baseline", "combined"]
LOOKBACK, COMBINED = "lookback", "combination"
COMBINED_OF = ("mean_entropy", "likelihood", LOOKBACK)


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One question that was asked after notes.

    Args:
        id: row of the world's table.
        kind: "stranger": nothing else is said of the person; "contradicted": other documents say something else.
        context: the notes; question: what follows them; bare: the question by itself.
        given: what the notes say; known: what other documents say, and in how many; "" where none does.
        answer: the greedy one; follows: whether it is what the notes say.
        log_p, entropy: of its tokens, with the notes before them, nats; log_p_bare: without them.
        ratios: how far each head looks back, by layer and head, mean over the answer's tokens.
        rarity: minus the mean log10 of how common the answer's tokens are in the training text.
        tokens: the answer's tokens as text.
        scores: by detector; see ``DETECTORS``.
        p_astray: the combined scores as a chance that the notes were not followed, from the other half.
    """

    id: int
    kind: str
    context: str
    question: str
    bare: str
    given: str
    known: str
    stated: int
    answer: str
    follows: bool
    log_p: list[float]
    entropy: list[float]
    log_p_bare: list[float]
    ratios: list[float]
    rarity: float
    tokens: list[str]
    scores: dict[str, float] = {}
    p_astray: float | None = None


class Detector(NamedTuple):
    """A score: what it is called, what it looks at, and how it is reckoned."""

    title: str
    about: str
    group: Group
    score: Callable[[Read], float]


def gain(read: Read) -> float:
    """Pointwise mutual information of answer and context, nats a token: how much likelier the notes make it."""
    return float(np.mean(np.subtract(read.log_p, read.log_p_bare)))


DETECTORS: dict[str, Detector] = {
    "mean_entropy": Detector(
        "Mean entropy", "Mean entropy of the choices its tokens were taken from.", "answer",
        lambda r: detectors.mean_token_entropy(r.entropy)),
    "likelihood": Detector(
        "Likelihood", "Minus the log-probability of the whole answer, captured while it was written.", "answer",
        lambda r: detectors.sequence_probability(r.log_p)),
    "perplexity": Detector(
        "Perplexity", "Minus the mean log-probability of its tokens.", "answer",
        lambda r: detectors.perplexity(r.log_p)),
    "remembered": Detector(
        "Said without the context", "How likely the model finds the answer when it is asked without the notes.",
        "explanation", lambda r: float(np.sum(r.log_p_bare))),
    "context_gain": Detector(
        "Gain from the context (PMI)", "Minus how much likelier the notes make the answer, nats a token. It explains; "
        "it is a poor score.", "explanation", lambda r: -gain(r)),
    "answer_length": Detector("Length", "How many tokens the answer has.", "baseline", lambda r: float(len(r.log_p))),
    "answer_rarity": Detector(
        "Rarity of the answer", "How rare the answer's tokens are in the training text.", "baseline",
        lambda r: r.rarity),
}  # fmt: skip
LOOKBACK_TITLE, COMBINED_TITLE = "Lookback ratio", "Combination"
LOOKBACK_ABOUT = (
    "Logistic regression of how far each head looks back at the notes, learnt on one half of the answers and told of "
    "the other.")
TITLES = {name: detector.title for name, detector in DETECTORS.items()} | {
    LOOKBACK: LOOKBACK_TITLE, COMBINED: COMBINED_TITLE}


class Finding(msgspec.Struct, frozen=True):
    """One plain sentence: a template over ``values``; names of detectors among them are titles."""

    text: str
    values: dict


class Grounding(msgspec.Struct, frozen=True, kw_only=True):
    """What asking after notes came to, over one model or several.

    Args:
        copying: share of strangers' notes that were answered rightly, one a model; those below the least are left out
            of all that follows, unless all are.
        contradicted: notes; followed: share of them that were followed; remembered: answered as other documents say.
        by_stated: of the contradicting notes, {documents that say otherwise: [asked, followed, remembered]}.
        table: the scores on the contradicting notes; None where no model copies, or all or none are followed.
        heads: AUROC of each head's lookback ratio alone, by layer and head, mean of the models.
        best: the score of uncertainty or attention with the largest AUROC.
    """

    copying: list[float]
    strangers: int
    contradicted: int
    followed: float
    remembered: float
    by_stated: dict[int, list[int]]
    layers: int
    table: Table | None = None
    heads: list[list[float]] = []
    best: str = ""
    findings: list[Finding] = []
    parameters: int = 0
    training_tokens: int = 0
    elapsed_s: float = 0.0

    @property
    def copies(self) -> int:
        """How many models copy well enough for the scores to mean something."""
        return sum(share >= LEAST_COPYING for share in self.copying)


def measure(sets: Sequence[Sequence[Read]], layers: int, seed: int) -> tuple[Grounding, list[list[Read]]]:
    """Measure every score on the contradicting notes.

    Args:
        sets: what each model read and answered.
        layers: of the models; the ratios of a ``Read`` are those of one layer after the other.
    Returns:
        what was found, and the answers with their scores.
    """
    copying = [float(np.mean([one.follows for one in reads if one.kind == "stranger"])) for reads in sets]
    kept = [place for place, share in enumerate(copying) if share >= LEAST_COPYING]
    clashes = [[one for one in reads if one.kind == "contradicted"] for reads in sets]
    every = [one for place in kept or range(len(sets)) for one in clashes[place]]
    found = Grounding(
        copying=copying, strangers=sum(one.kind == "stranger" for reads in sets for one in reads),
        contradicted=len(every), followed=float(np.mean([one.follows for one in every])),
        remembered=float(np.mean([one.answer == one.known for one in every])), by_stated=_by_stated(every),
        layers=layers)  # fmt: skip
    told = [list(reads) for reads in sets]
    if not kept or any(len({one.follows for one in clashes[place]}) < 2 for place in kept):
        return msgspec.structs.replace(found, findings=_findings(found)), told
    columns, chances = [], []
    for model in kept:
        clash = clashes[model]
        answers = Answers(_scores(clash, seed), np.array([not one.follows for one in clash]),
                          np.array([str(one.stated) for one in clash]))  # fmt: skip
        held = held_out(answers, seed + 1, COMBINED, COMBINED_OF)
        scores = answers.scores | {COMBINED: held.combination}
        columns.append(msgspec.structs.replace(answers, scores=scores))
        chances.append(held.p_wrong)
        by_id = {one.id: place for place, one in enumerate(clash)}
        told[model] = [_told(one, scores, held.p_wrong[COMBINED], by_id.get(one.id)) for one in told[model]]
    kinds = sorted({one.stated for one in every})
    table = bench(columns, chances, {str(kind): (str(kind),) for kind in kinds}, seed=seed)
    areas = {row.name: row.auroc.value for row in table.rows}
    best = max((name for name in areas if name in COMBINED_OF or name == "perplexity"), key=areas.__getitem__)
    heads = np.mean([_heads(clashes[model], layers) for model in kept], axis=0)
    found = msgspec.structs.replace(found, table=table, best=best, heads=heads.tolist())
    return msgspec.structs.replace(found, findings=_findings(found)), told


def result_of(found: Grounding) -> dict:
    """The result for machines."""
    rows = found.table.rows if found.table else []
    return {
        "copy_accuracy": [round(share, 4) for share in found.copying], "copies": found.copies,
        "followed": round(found.followed, 4), "remembered": round(found.remembered, 4),
        "answers": found.contradicted, "strangers": found.strangers,
        "detectors": {row.name: {key: round(value, 4) for key, value in msgspec.structs.asdict(row.auroc).items()}
                      for row in rows},
        "best": found.best, "ece": round(found.table.row(COMBINED).ece, 4) if found.table else None,
        "accuracy_by_count": {str(stated): round(followed / asked, 4)
                              for stated, (asked, followed, _) in found.by_stated.items()},
        "findings": [one.text.format(**one.values) for one in found.findings],
    }  # fmt: skip


def page(found: Grounding, title: str) -> str:
    """The result as a page of Markdown."""
    lines = [
        f"# {title}", "",
        f"{len(found.copying)} model(s) of {found.parameters:,} parameters, {found.training_tokens:,} different "
        f"training tokens each. {found.strangers:,} notes about strangers, of which nothing else is known, were copied "
        f"rightly at {', '.join(f'{share:.3f}' for share in found.copying)}; a model below {LEAST_COPYING} is left out "
        f"of what follows. {found.contradicted:,} notes contradict what other documents say: "
        f"{found.followed:.3f} of the answers follow the notes, {found.remembered:.3f} say what is stated elsewhere. "
        "AUROC for an answer that does not follow its notes, the mean of the models, with 95 % bootstrap intervals "
        "over the questions of each; a column has the answers about people of whom so many documents say something "
        "else. Lookback and combination are learnt on one half of a model's answers and told of the other, both ways.",
        "", *(markdown(found.table, lambda name: TITLES.get(name, name)) if found.table else []), "",
        "| Documents that say otherwise | Asked | Followed the notes | Said what is stated elsewhere |",
        "|---|---|---|---|",
        *(f"| {stated} | {asked:,} | {followed / asked:.2f} | {remembered / asked:.2f} |"
          for stated, (asked, followed, remembered) in found.by_stated.items()), "",
        *(f"- {one.text.format(**one.values)}" for one in found.findings), "",
    ]  # fmt: skip
    return "\n".join(lines)


def write_reads(path: Path, reads: Sequence[Read]) -> None:
    """What was read and answered, one JSON line each; written atomically."""
    write_lines(path, reads)


def read_reads(path: Path) -> list[Read]:
    """What was written before. Raises: see :func:`core.glass.answer_lines.read_lines`."""
    return read_lines(path, Read)


def read_grounding(folder: Path) -> Grounding | None:
    """What a finished job found; None where there is nothing to read."""
    return read_found(Path(folder) / GROUNDING, Grounding)


def _scores(reads: Sequence[Read], seed: int) -> dict[str, np.ndarray]:
    """Every detector's column; the logistic regression of the heads is told of the half it was not learnt on."""
    scores = {name: np.array([detector.score(one) for one in reads]) for name, detector in DETECTORS.items()}
    ratios, astray = np.array([one.ratios for one in reads]), np.array([not one.follows for one in reads])
    half = np.random.default_rng(seed).permutation(len(reads)) < len(reads) // 2
    scores[LOOKBACK] = np.zeros(len(reads))
    for told in (half, ~half):
        scores[LOOKBACK][told] = fit_logistic(ratios[~told], astray[~told])(ratios[told])
    return scores


def _told(read: Read, scores: dict[str, np.ndarray], p_astray: np.ndarray, place: int | None) -> Read:
    if place is None:
        return read
    return msgspec.structs.replace(
        read, scores={name: float(column[place]) for name, column in scores.items()}, p_astray=float(p_astray[place]))


def _heads(reads: Sequence[Read], layers: int) -> np.ndarray:
    """AUROC of each head alone, (layers, heads): the less it looks back, the more doubt."""
    ratios, astray = np.array([one.ratios for one in reads]), np.array([not one.follows for one in reads])
    return np.array([auroc(-column, astray) for column in ratios.T]).reshape(layers, -1)


def _by_stated(reads: Sequence[Read]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for one in reads:
        counts = found.setdefault(one.stated, [0, 0, 0])
        for place, yes in enumerate((True, one.follows, one.answer == one.known)):
            counts[place] += yes
    return dict(sorted(found.items()))


def _findings(found: Grounding) -> list[Finding]:
    said = [Finding(
        "Notes about strangers are copied rightly up to {low:.1f} % of the time; where notes contradict what is stated "
        "elsewhere, {followed:.1f} % of the answers follow the notes and {remembered:.1f} % what is stated elsewhere.",
        {"low": 100 * max(found.copying), "followed": 100 * found.followed,
         "remembered": 100 * found.remembered})]  # fmt: skip
    if not found.copies:
        return [*said, Finding(
            "That is less than {least:.0f} %: a model that cannot copy follows no context, so no score is shown.",
            {"least": 100 * LEAST_COPYING})]  # fmt: skip
    if found.copies < len(found.copying):
        said.append(Finding(
            "{out} of {models} models copy less than {least:.0f} % rightly and are left out of all of this.",
            {"out": len(found.copying) - found.copies, "models": len(found.copying), "least": 100 * LEAST_COPYING}))
    if found.table is None:
        return [*said, Finding("All of them follow the notes, or none does: there is nothing to tell apart.", {})]
    best, look = found.table.row(found.best), found.table.row(LOOKBACK)
    said += [
        Finding("An answer that does not follow its notes is told best by “{best}”: AUROC {value:.3f} ({low:.3f} to "
                "{high:.3f}).", {"best": TITLES[found.best]} | msgspec.structs.asdict(best.auroc)),
        Finding("How far the heads look back at the notes tells it with AUROC {value:.3f} ({low:.3f} to {high:.3f}).",
                msgspec.structs.asdict(look.auroc)),
        Finding("The length of the answer alone comes to {length:.3f}, the rarity of its words to {rarity:.3f}.",
                {"length": found.table.row("answer_length").auroc.value,
                 "rarity": found.table.row("answer_rarity").auroc.value}),
    ]  # fmt: skip
    return said
