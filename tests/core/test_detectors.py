"""Scores of doubt, each against its formula written out another way, and against worked examples."""

import math

import numpy as np
import pytest

from core.glass import detectors

WORDS = "the frost took seven young plants in a cold glass frame last night said gardener".split()


def draws(seed, count=40):
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield random, [" ".join(random.choice(WORDS, random.integers(1, 8))) for _ in range(random.integers(2, 9))]


def test_likelihoods_and_entropies_are_sums_and_means():
    log_p = [math.log(0.5), math.log(0.25), math.log(0.125)]
    assert detectors.sequence_probability(log_p) == pytest.approx(6 * math.log(2))
    assert detectors.perplexity(log_p) == pytest.approx(2 * math.log(2))
    assert detectors.mean_token_entropy([1.0, 2.0, 6.0]) == 3.0
    assert detectors.monte_carlo_entropy([-1.0, -3.0]) == 2.0
    assert detectors.p_true(math.log(0.2)) == pytest.approx(math.log(5))


def test_equal_words_are_one_cluster_whatever_their_case_and_punctuation():
    answers = ["In Leeds.", "in leeds", "In York!", "Leeds"]
    assert detectors.lexical_entropy(answers) == pytest.approx(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)))
    assert detectors.lexical_entropy(["a", "A."]) == 0.0
    assert detectors.words("生于1815年，Leeds") == [*"生于1815年", "leeds"]


def common(first, second):
    """Longest common subsequence by trying what to leave out."""
    if not first or not second:
        return 0
    if first[0] == second[0]:
        return 1 + common(first[1:], second[1:])
    return max(common(first[1:], second), common(first, second[1:]))


def test_lexical_similarity_is_the_mean_rouge_l_of_all_pairs():
    for _, answers in draws(1, 15):
        cut = [answer.split() for answer in answers]
        scores = []
        for i, first in enumerate(cut):
            for second in cut[i + 1 :]:
                shared = common(first, second)
                precision, recall = shared / len(second), shared / len(first)
                scores.append(2 * precision * recall / (precision + recall) if shared else 0.0)
        assert detectors.lexical_similarity(answers) == pytest.approx(-sum(scores) / len(scores), abs=1e-12)


def test_graph_scores_follow_their_formulas():
    for _, answers in draws(2):
        size = len(answers)
        similar = np.array([[len(a & b) / len(a | b) for b in (set(t.split()) for t in answers)]
                            for a in (set(t.split()) for t in answers)])  # fmt: skip
        assert detectors.degree_matrix(answers) == pytest.approx(
            sum(1 - similar[i, j] for i in range(size) for j in range(size)) / size**2, abs=1e-12)
        # of D^-1 W, which has the eigenvalues of the symmetric form
        shifted = np.linalg.eigvals(similar / similar.sum(1, keepdims=True)).real
        assert detectors.eigenvalue_sum(answers) == pytest.approx(sum(v for v in shifted if v > 0), abs=1e-6)
        degree = np.diag(similar.sum(1))
        root = np.linalg.inv(np.sqrt(degree))
        values, vectors = np.linalg.eigh(root @ (degree - similar) @ root)
        total = 0.0
        for value, vector in zip(values, vectors.T, strict=True):
            if value < 0.9:
                total += sum((x - vector.mean()) ** 2 for x in vector)
        assert detectors.eccentricity(answers) == pytest.approx(math.sqrt(total), abs=1e-9)


def test_clusters_are_counted_by_the_laplacian():
    assert detectors.eigenvalue_sum(["a b"] * 5) == pytest.approx(1.0)
    assert detectors.eigenvalue_sum(["a b", "a b", "c", "d e", "d e"]) == pytest.approx(3.0)
    assert detectors.degree_matrix(["a", "a"]) == 0.0 and detectors.degree_matrix(["a", "b"]) == 0.5


def test_mutual_information_is_what_the_question_adds_and_the_first_token_has_nothing_to_compare_with():
    assert detectors.pointwise_mutual_information([-1.0, -2.0, -3.0], [-9.0, -4.0, -4.0]) == pytest.approx(
        -((-1.0) + 2.0 + 1.0) / 3)


def test_doubt_is_carried_along_attention():
    random = np.random.default_rng(3)
    for _ in range(10):
        length = int(random.integers(2, 8))
        log_p, attention = -random.exponential(1, length), random.random((6, 3, length, length))
        worst = -math.inf
        for layer in (2, 3, 4):  # the middle third of six, its end included
            means = [sum(attention[layer, head, t, t - 1] for t in range(1, length)) for head in range(3)]
            head, confidence = means.index(max(means)), [math.exp(log_p[0])]
            for t in range(1, length):
                confidence.append(0.2 * math.exp(log_p[t]) + 0.8 * attention[layer, head, t, t - 1] * confidence[-1])
            worst = max(worst, 1 - sum(map(math.log, confidence)) / length)
        assert detectors.rauq(log_p, attention) == pytest.approx(worst, abs=1e-12)


def test_cocoa_is_zero_where_all_answers_agree_and_grows_with_both_its_parts():
    assert detectors.cocoa([-1.0, -1.0], "a b", ["a b", "a b"]) == 0.0
    assert detectors.cocoa([-1.0], "a", ["b", "a"]) == pytest.approx(0.5)
    assert detectors.cocoa([-2.0], "a", ["b", "a"]) == pytest.approx(1.0)


def test_a_token_that_no_other_answer_has_is_the_most_surprising():
    model = detectors.unigrams([[1, 1, 2], [1, 3]], vocabulary=10)
    assert model[1] == pytest.approx(math.log(4 / 15)) and model[None] == pytest.approx(math.log(1 / 15))
    assert detectors.self_check_ngram([model[1], model[2]]) == pytest.approx(-math.log(2 / 15))
