"""Scores that tell how much an answer is to be doubted. Higher is worse, always.

Each needs only what a model gave while it wrote: log-probabilities, entropies, attention, or other answers to the
same question. All are cheap and none is a judge: they say how unsure a model was, not what is true. Clusters and
similarities are of words, not of meaning: no model of entailment is asked.

Natural logarithms throughout.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

SMALLEST = 1e-12  # keeps logarithms finite
INFORMATIVE = 0.9  # eigenvalues of the Laplacian below this belong to clusters
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts whose characters count as words


def sequence_probability(log_p: Sequence[float]) -> float:
    """Minus the log-probability of the answer, nats; grows with its length. ``log_p``: (T,) of its tokens."""
    return -float(np.sum(log_p))


def perplexity(log_p: Sequence[float]) -> float:
    """Minus the mean log-probability of a token, nats (the logarithm of what is usually called perplexity)."""
    return -float(np.mean(log_p))


def mean_token_entropy(entropies: Sequence[float]) -> float:
    """Mean entropy of the distributions that the tokens were taken from, nats; ``entropies``: (T,)."""
    return float(np.mean(entropies))


def monte_carlo_entropy(sample_log_p: Sequence[float]) -> float:
    """Entropy of whole answers, estimated from M drawn ones, nats.

    Args:
        sample_log_p: log-probability of each drawn answer, its tokens summed, (M,).
    Source: Kuhn et al. 2023, arXiv:2302.09664, eq. 2.
    """
    return -float(np.mean(sample_log_p))


def lexical_entropy(answers: Sequence[str]) -> float:
    """Entropy of clusters of equal answers, nats; answers are equal when their words are.

    Source: Farquhar et al. 2024, Nature 630, discrete semantic entropy, with words in place of meanings.
    """
    shares = np.array(list(Counter(tuple(words(answer)) for answer in answers).values())) / len(answers)
    return float(-(shares * np.log(shares)).sum())


def lexical_similarity(answers: Sequence[str]) -> float:
    """Minus the mean ROUGE-L F-measure over all pairs of drawn answers.

    Source: Fomicheva et al. 2020, arXiv:2005.10608; Lin 2004, ROUGE.
    """
    cut = [words(answer) for answer in answers]
    pairs = [rouge_l(cut[i], cut[j]) for i in range(len(cut)) for j in range(i + 1, len(cut))]
    return -float(np.mean(pairs)) if pairs else 0.0


def degree_matrix(answers: Sequence[str]) -> float:
    """1 minus the mean similarity of two drawn answers. Source: Lin et al. 2024, arXiv:2305.19187, section 4.2."""
    return 1.0 - float(similarities(answers).sum()) / len(answers) ** 2


def eigenvalue_sum(answers: Sequence[str]) -> float:
    """How many clusters the drawn answers fall into, as a real number: from the graph Laplacian of their similarity.

    Source: Lin et al. 2024, arXiv:2305.19187, eq. 5.
    """
    return float(np.maximum(0.0, 1.0 - np.linalg.eigvalsh(_laplacian(similarities(answers)))).sum())


def eccentricity(answers: Sequence[str]) -> float:
    """How far the drawn answers lie from their common centre, in the space of the Laplacian's informative vectors.

    Source: Lin et al. 2024, arXiv:2305.19187, eq. 6.
    """
    values, vectors = np.linalg.eigh(_laplacian(similarities(answers)))
    kept = vectors[:, values < INFORMATIVE]
    return float(np.linalg.norm(kept - kept.mean(0)))


def pointwise_mutual_information(log_p: Sequence[float], log_p_alone: Sequence[float]) -> float:
    """Minus the mean of how much the question made each token likelier, nats.

    Args:
        log_p: log-probability of each token after question and answer so far, (T,).
        log_p_alone: the same with the answer so far alone; the first, which has nothing before it, is not used, (T,).
    Source: van der Poel et al. 2022, arXiv:2210.13210.
    """
    alone = np.array(log_p_alone, np.float64)
    alone[0] = 0.0
    return -float(np.mean(np.asarray(log_p, np.float64) - alone))


def p_true(log_p_of_true: float) -> float:
    """Minus the log-probability of "True" when the model is asked whether its answer is. Source: Kadavath et al. 2022,
    arXiv:2207.05221.
    """
    return -float(log_p_of_true)


def rauq(log_p: Sequence[float], attention: np.ndarray, alpha: float = 0.2) -> float:
    """Doubt carried from token to token along attention to the token before.

    Args:
        log_p: log-probability of each token of the answer, (T,).
        attention: weights of every layer and head among the answer's tokens, (layers, heads, T, T).
        alpha: share of a token's own probability in its confidence.
    Source: Vazhentsev et al. 2025, arXiv:2505.20045: in each layer of the middle third the head that looks most at the
        token before; the layer with most doubt counts.
    """
    layers = attention.shape[0]
    before = np.diagonal(attention, offset=-1, axis1=2, axis2=3)  # (layers, heads, T - 1)
    middle = range(layers // 3, min(layers, int(np.ceil(layers / 3 * 2)) + 1))
    return max(_carried(np.exp(log_p), before[layer, before[layer].mean(-1).argmax()], alpha) for layer in middle)


def _carried(p: np.ndarray, attention: np.ndarray, alpha: float) -> float:
    confidence = [float(p[0])]
    for here, weight in zip(p[1:], attention, strict=True):
        confidence.append(alpha * float(here) + (1 - alpha) * float(weight) * confidence[-1])
    return 1.0 - float(np.log(np.maximum(confidence, SMALLEST)).mean())


def cocoa(log_p: Sequence[float], answer: str, others: Sequence[str]) -> float:
    """Perplexity times the mean unlikeness of the answer to other drawn ones.

    Source: Vashurin et al. 2025, arXiv:2502.04964, with ROUGE-L as similarity.
    """
    cut = words(answer)
    unlike = [1.0 - rouge_l(cut, words(other)) for other in others]
    return perplexity(log_p) * float(np.mean(unlike)) if unlike else 0.0


def self_check_ngram(log_p_of_tokens: Sequence[float]) -> float:
    """Greatest surprise of a sentence's tokens under the tokens of other drawn answers, nats.

    Args:
        log_p_of_tokens: log-probability of each token under :func:`unigrams` of the other answers, (T,).
    Source: Manakul et al. 2023, SelfCheckGPT, arXiv:2303.08896, section 5.3.
    """
    return -float(np.min(log_p_of_tokens))


def unigrams(texts: Sequence[Sequence], vocabulary: int) -> dict:
    """Log-probability of each token in some texts, one added to every count; None stands for a token never seen.

    Args:
        texts: token sequences, the answer itself among them, as the source has it.
        vocabulary: tokens there are.
    """
    counts = Counter(token for text in texts for token in text)
    total = sum(counts.values()) + vocabulary
    return {None: float(np.log(1 / total)), **{token: float(np.log((n + 1) / total)) for token, n in counts.items()}}


def words(text: str) -> list[str]:
    """Words of a text without case and punctuation; each character of a script without spaces is a word."""
    found = []
    for word in _WORD.findall(text.lower()):
        found += list(word) if _UNSPACED.search(word) else [word]
    return found


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """F-measure of the longest common subsequence of two word lists. Source: Lin 2004, ROUGE."""
    if not first or not second:
        return 0.0
    row = np.zeros(len(second) + 1, np.int64)
    for word in first:
        before = row.copy()
        for j, other in enumerate(second, 1):
            row[j] = before[j - 1] + 1 if word == other else max(before[j], row[j - 1])
    common = int(row[-1])
    return 2 * common / (len(first) + len(second))


def similarities(answers: Sequence[str]) -> np.ndarray:
    """Jaccard similarity of the sets of words of every two answers, float64 (M, M), 1 on the diagonal."""
    sets = [set(answer.lower().split()) for answer in answers]
    found = np.eye(len(sets))
    for i, first in enumerate(sets):
        for j in range(i + 1, len(sets)):
            both = first | sets[j]
            found[i, j] = found[j, i] = len(first & sets[j]) / len(both) if both else 0.0
    return found


def _laplacian(similarity: np.ndarray) -> np.ndarray:
    """Symmetric normalised Laplacian of a similarity graph, (M, M)."""
    scale = similarity.sum(1) ** -0.5
    return np.eye(len(similarity)) - similarity * scale[:, None] * scale
