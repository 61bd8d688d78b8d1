"""Scores of doubt against LM-Polygraph on the same inputs; where it is not installed, tests/core has the formulas.

Only its estimators are loaded, not the package around them: ``pip install --no-deps lm-polygraph rouge-score``.
"""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from core.glass import detectors

FOUND = importlib.util.find_spec("lm_polygraph") and importlib.util.find_spec("rouge_score")
pytestmark = pytest.mark.skipif(not FOUND, reason="LM-Polygraph and rouge-score are not installed")
WORDS = "the frost took seven young plants in a cold glass frame last night said gardener".split()


@pytest.fixture(scope="module")
def load():
    """Loads one module of the estimators by name."""
    folder = Path(importlib.util.find_spec("lm_polygraph").submodule_search_locations[0]) / "estimators"
    known = dict(sys.modules)
    for name in ("lm_polygraph", "lm_polygraph.utils", "lm_polygraph.utils.common", "estimators"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["estimators"].__path__ = [str(folder)]
    sys.modules["lm_polygraph.utils.common"].polygraph_module_init = lambda function: function

    def load_one(name):
        spec = importlib.util.spec_from_file_location(f"estimators.{name}", folder / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    for name in ("estimator", "common"):
        load_one(name)
    yield load_one
    for name in set(sys.modules) - set(known):
        if name.startswith(("lm_polygraph", "estimators")):
            del sys.modules[name]


def test_every_score_has_its_value(load):
    from rouge_score import rouge_scorer

    random = np.random.default_rng(0)
    similar = load("lexical_similarity").LexicalSimilarity("rougeL")
    similar.scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)  # ours has no English stemmer
    of_texts = {
        "degree_matrix": load("deg_mat").DegMat("Jaccard_score"), "lexical_similarity": similar,
        "eigenvalue_sum": load("eig_val_laplacian").EigValLaplacian("Jaccard_score"),
        "eccentricity": load("eccentricity").Eccentricity("Jaccard_score"),
    }  # fmt: skip
    likelihood, perplexity = load("max_probability").MaximumSequenceProbability(), load("perplexity").Perplexity()
    entropy, drawn = load("token_entropy").MeanTokenEntropy(), load("monte_carlo_sequence_entropy")
    information = load("pointwise_mutual_information").MeanPointwiseMutualInformation()
    true, carried = load("p_true").PTrue(), load("rauq").RAUQ(n_layers=6, n_heads=4)
    for _ in range(100):
        answers = [" ".join(random.choice(WORDS, random.integers(1, 9))) for _ in range(random.integers(2, 12))]
        length = int(random.integers(2, 20))
        log_p, alone = -random.exponential(1, length), -random.exponential(2, length)
        attention = random.random((6, 4, length, length))
        greedy = {"greedy_log_likelihoods": [log_p], "greedy_lm_log_likelihoods": [alone],
                  "attention_all": [attention.reshape(24, length, length)]}  # fmt: skip
        pairs = [(getattr(detectors, name)(answers), twin({"sample_texts": [answers]})[0])
                 for name, twin in of_texts.items()]  # fmt: skip
        pairs += [
            (detectors.sequence_probability(log_p), likelihood(greedy)[0]),
            (detectors.perplexity(log_p), perplexity(greedy)[0]),
            (detectors.mean_token_entropy(-alone), entropy({"entropy": [-alone]})[0]),
            (detectors.monte_carlo_entropy(alone), drawn.MonteCarloSequenceEntropy()({"sample_log_probs": [alone]})[0]),
            (detectors.pointwise_mutual_information(log_p, alone), information(greedy)[0]),
            (detectors.p_true(log_p[0]), true({"p_true": [log_p[0]]})[0]),
            (detectors.rauq(log_p, attention), carried(greedy)[0]),
        ]
        for ours, theirs in pairs:
            assert ours == pytest.approx(float(theirs), abs=1e-6)
