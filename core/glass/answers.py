"""What a model answered to a question, what its training text says of it, and every score of doubt. Torch-free.

Higher scores are worse, always.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from core.glass import detectors
from core.glass.questions import Label, Question
from core.spec.inspect import Asking

Group = Literal["answer", "samples", "corpus", "baseline", "combined"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the training text of a run says of one answer to one question.

    Args:
        about: training documents that name the subject.
        together: those of them that name the answer as well, whatever they say of it.
        stated: those that answer the question, in any of its wordings, with this answer.
        others: what other documents answer it with, and how many of them.
        documents: rows of the corpus of a few that state this answer, or else name both.
        rarity: minus the mean log10 of how common the answer's tokens are.
    """

    about: int
    together: int
    stated: int
    others: dict[str, int] = {}
    documents: list[int] = []
    rarity: float = 0.0


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One question answered.

    Args:
        answer: the greedy one.
        wrong: whether it is another than the truth.
        log_p, entropy: of its tokens, the one that ended it included, nats.
        samples, sample_log_p: the drawn answers, and the log-probability of each, nats.
        others, others_log_p: greedy answers to the other wordings, and the log-probability of ``answer`` itself
            after each of them, nats.
        scores: by detector; see ``DETECTORS``.
        p_wrong: the combined scores as a chance to be wrong, from a half of the questions that this one is not in.
    """

    question: Question
    label: Label
    answer: str
    wrong: bool
    log_p: list[float]
    entropy: list[float]
    samples: list[str]
    sample_log_p: list[float]
    others: list[str]
    others_log_p: list[float] = []
    evidence: Evidence = Evidence(about=0, together=0, stated=0)
    scores: dict[str, float] = {}
    p_wrong: float | None = None


class Detector(NamedTuple):
    """A score of doubt: what it is called, what it looks at, and how it is reckoned."""

    title: str
    about: str
    group: Group
    score: Callable[[Answered, Asking], float]


def belief(evidence: Evidence, conflicts: str, one_statement: float) -> float:
    """How far the corpus lets one believe an answer, 0 to 1.

    An answer that is not stated gets 0. One that is stated k times, and nothing else is, gets k / (k + d), where d
    is such that a single statement gets ``one_statement``. Other answers to the same question take their share:
    each as often as it is stated ("by_count"), or each alike ("by_value"), where repetition is no evidence.
    """
    if not evidence.stated:
        return 0.0
    doubt = 1.0 / one_statement - 1.0
    alone = evidence.stated / (evidence.stated + doubt)
    if conflicts == "by_value":
        return alone / (1 + len(evidence.others))
    return alone * evidence.stated / (evidence.stated + sum(evidence.others.values()))



def unlike(answer: str, others: Sequence[str]) -> float:
    """Share of other answers whose words are not those of ``answer``; 0 where there are none."""
    words = detectors.words(answer)
    return float(np.mean([detectors.words(other) != words for other in others])) if others else 0.0


DETECTORS: dict[str, Detector] = {
    "likelihood": Detector(
        "Likelihood", "Minus the log-probability of the whole answer, captured while it was written.", "answer",
        lambda a, _: detectors.sequence_probability(a.log_p)),
    "perplexity": Detector(
        "Perplexity", "Minus the mean log-probability of its tokens.", "answer",
        lambda a, _: detectors.perplexity(a.log_p)),
    "mean_entropy": Detector(
        "Mean entropy", "Mean entropy of the choices its tokens were taken from.", "answer",
        lambda a, _: detectors.mean_token_entropy(a.entropy)),
    "monte_carlo_entropy": Detector(
        "Monte Carlo entropy", "Entropy of whole answers, estimated from the drawn ones.", "samples",
        lambda a, _: detectors.monte_carlo_entropy(a.sample_log_p)),
    "lexical_entropy": Detector(
        "Lexical entropy", "Entropy of clusters of drawn answers with equal words.", "samples",
        lambda a, _: detectors.lexical_entropy(a.samples)),
    "lexical_similarity": Detector(
        "Lexical similarity", "Minus the mean ROUGE-L of two drawn answers.", "samples",
        lambda a, _: detectors.lexical_similarity(a.samples)),
    "degree_matrix": Detector(
        "DegMat", "How unlike two drawn answers are on average, by their shared words.", "samples",
        lambda a, _: detectors.degree_matrix(a.samples)),
    "eigenvalue_sum": Detector(
        "EigV", "Into how many clusters the drawn answers fall, by the graph of their shared words.", "samples",
        lambda a, _: detectors.eigenvalue_sum(a.samples)),
    "eccentricity": Detector(
        "Ecc", "How far the drawn answers lie from their centre, in the graph of their shared words.", "samples",
        lambda a, _: detectors.eccentricity(a.samples)),
    "cocoa": Detector(
        "CoCoA", "Perplexity times how unlike the drawn answers are to the greedy one.", "samples",
        lambda a, _: detectors.cocoa(a.log_p, a.answer, a.samples)),
    "sample_disagreement": Detector(
        "Disagreement of samples", "Share of the drawn answers that are another than the greedy one.", "samples",
        lambda a, _: unlike(a.answer, a.samples)),
    "wording_disagreement": Detector(
        "Disagreement across wordings", "Share of the other wordings of the question that are answered otherwise.",
        "samples", lambda a, _: unlike(a.answer, a.others)),
    "wording_likelihood": Detector(
        "Likelihood across wordings", "Minus the log-probability of the answer, averaged over all wordings of the "
        "question.", "samples", lambda a, _: -float(np.mean([sum(a.log_p), *a.others_log_p]))),
    "together": Detector(
        "Named together", "In how few training documents subject and answer stand together, whatever is said.",
        "corpus", lambda a, _: -float(np.log1p(a.evidence.together))),
    "corpus_support": Detector(
        "Corpus support", "How few training documents state this answer to this question, in any of the wordings that "
        "it is asked in.", "corpus",
        lambda a, _: -float(np.log1p(a.evidence.stated))),
    "corpus_belief": Detector(
        "Corpus support, conflicts weighed", "The same, and every other answer that the text gives takes its share.",
        "corpus", lambda a, asking: -belief(a.evidence, asking.conflicts, asking.one_statement)),
    "answer_length": Detector(
        "Length", "How many tokens the answer has.", "baseline", lambda a, _: float(len(a.log_p))),
    "subject_rarity": Detector(
        "Rarity of the subject", "In how few training documents the subject is named.", "baseline",
        lambda a, _: -float(np.log1p(a.evidence.about))),
    "answer_rarity": Detector(
        "Rarity of the answer", "How rare the answer's tokens are in the training text.", "baseline",
        lambda a, _: a.evidence.rarity),
}  # fmt: skip
UNCERTAINTY = [name for name, detector in DETECTORS.items() if detector.group in ("answer", "samples")]
COMBINED = "combination"
COMBINED_OF = ("likelihood", "wording_likelihood", "sample_disagreement", "together", "corpus_support", "corpus_belief")


def with_scores(answered: Answered, asking: Asking) -> Answered:
    """The same with the score of every detector."""
    scores = {name: float(detector.score(answered, asking)) for name, detector in DETECTORS.items()}
    return msgspec.structs.replace(answered, scores=scores)


Verdict = Literal["says_so", "says_both", "says_otherwise", "names_both", "silent"]
VERDICTS: dict[Verdict, str] = {
    "says_so": "The corpus says so.",
    "says_both": "The corpus says so, and it also says otherwise.",
    "says_otherwise": "The corpus says otherwise.",
    "names_both": "The corpus names both, but does not say so.",
    "silent": "The corpus does not say.",
}


def verdict(evidence: Evidence) -> Verdict:
    """What the corpus says of an answer. It is never "true": a corpus can be wrong."""
    if evidence.stated:
        return "says_both" if evidence.others else "says_so"
    if evidence.others:
        return "says_otherwise"
    return "names_both" if evidence.together else "silent"
