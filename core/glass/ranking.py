"""Which of a few documents is closest to a text."""

import math
from collections import Counter

from core.glass.words import words

K1, B = 1.5, 0.75  # the usual saturation and length weights


def bm25(query: str, texts: list[str]) -> list[float]:
    """Okapi BM25 of each text for ``query``; rarity of words is judged among these texts alone.

    Source: Robertson & Zaragoza 2009, doi:10.1561/1500000019; the non-negative IDF of Lucene.
    """
    if not texts:
        return []
    counted = [Counter(words(text)) for text in texts]
    lengths = [counts.total() for counts in counted]
    mean_length = sum(lengths) / len(texts) or 1.0
    scores = [0.0] * len(texts)
    for word in set(words(query)):
        holders = sum(word in counts for counts in counted)
        if not holders:
            continue
        idf = math.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
        for i, counts in enumerate(counted):
            frequency = counts[word]
            weight = K1 * (1 - B + B * lengths[i] / mean_length)
            scores[i] += idf * frequency * (K1 + 1) / (frequency + weight)
    return scores
