"""What a model makes of an answer that it did not write: read after its question, token by token."""

import math

from core.glass import detectors
from core.infer.engine import Engine
from core.infer.generate import score


def read_answer(engine: Engine, question: str, answer: str) -> dict[str, float]:
    """Scores of doubt of a given answer; the end of a question that is too long for the context is kept.

    Raises:
        LabError: the answer alone is longer than the context, or the model does not read in order.
    """
    asked = engine.encode(question) if question else []
    given = engine.encode(answer if not question or answer[:1].isspace() else f" {answer}")
    room = max(engine.context - 1 - len(given), 0)
    records = score(engine, (asked[-room:] if room else []) + given)[-len(given):] if given else []
    log_p = [math.log(max(one.probability, detectors.SMALLEST)) for one in records if one.rank]
    entropies = [one.entropy for one in records if one.rank]
    if not log_p:
        return {"likelihood": 0.0, "perplexity": 0.0, "mean_entropy": 0.0}
    return {"likelihood": detectors.sequence_probability(log_p), "perplexity": detectors.perplexity(log_p),
            "mean_entropy": detectors.mean_token_entropy(entropies)}  # fmt: skip
