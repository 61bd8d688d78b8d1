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
    asked, counted = set(words(query)), [Counter(words(text)) for text in texts]
    lengths = [counts.total() for counts in counted]
    mean_length = sum(lengths) / len(texts) or 1.0
    shared = [asked & counts.keys() for counts in counted]
    holders = Counter(word for found in shared for word in found)
    idf = {word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in holders.items()}
    scores = []
    for counts, found, length in zip(counted, shared, lengths, strict=True):
        weight = K1 * (1 - B + B * length / mean_length)
        scores.append(math.fsum(idf[word] * counts[word] * (K1 + 1) / (counts[word] + weight) for word in found))
    return scores
