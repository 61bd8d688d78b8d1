"""Near-duplicates made to measure: invented documents, copies of them with known edits, and the truth about them."""

from typing import NamedTuple

import numpy as np

_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve",
              "wi", "xo", "zu")  # fmt: skip
_VOCABULARY = 20_000
_WORDS = (60, 240)  # of a document
_MOST_COPIES, _MOST_EDITS = 3, 6


class Made(NamedTuple):
    """Documents in an order that mixes originals and copies.

    Attributes:
        texts: one a document.
        families: int64, (D,): documents of one number are an original and its copies; none other are alike.
    """

    texts: list[str]
    families: np.ndarray


def near_duplicates(count: int, seed: int = 0) -> Made:
    """Originals of 60 to 240 words, half of them with 1 to 3 copies.

    A copy has 0 to 6 words replaced, dropped or put in, and other capitals and stops: similarities from
    1 to about .5 by 5-grams, many of them close to .8.
    """
    rng = np.random.default_rng(seed)
    words = np.array([_word(i) for i in range(_VOCABULARY)])
    chances = np.cumsum(1 / (np.arange(_VOCABULARY) + 10))  # about as often as words are in a language

    def draw(n: int) -> np.ndarray:
        return np.searchsorted(chances, rng.random(n) * chances[-1])

    texts, families = [], []
    while len(texts) < count:
        original = draw(rng.integers(*_WORDS))
        copies = rng.integers(1, _MOST_COPIES + 1) if rng.random() < 0.5 else 0
        family = [original] + [_edited(original, rng, draw) for _ in range(copies)]
        families += [families[-1] + 1 if families else 0] * len(family)
        texts += [_sentence(words[member].tolist(), capital=bool(i % 2)) for i, member in enumerate(family)]
    order = rng.permutation(count)
    return Made([texts[i] for i in order], np.array(families)[order])


def exact_clusters(made: Made, threshold: float, words: int = 5) -> np.ndarray:
    """The first document of the cluster of each, by exact Jaccard similarity of sets of word tuples, in Python alone.

    Independent of the kernels and of every hash: what they are measured against.
    """
    first = list(range(len(made.texts)))

    def root(d: int) -> int:
        while first[d] != d:
            d = first[d]
        return d

    members: dict[int, list[int]] = {}
    for d, family in enumerate(made.families.tolist()):
        members.setdefault(family, []).append(d)
    for family in members.values():
        sets = [_grams(made.texts[d], words) for d in family]
        for j in range(len(family)):
            for i in range(j):
                shared = len(sets[i] & sets[j])
                if shared >= threshold * (len(sets[i]) + len(sets[j]) - shared):
                    low, high = sorted((root(family[i]), root(family[j])))
                    first[high] = low
    return np.array([root(d) for d in range(len(first))])


def _grams(text: str, words: int) -> set[tuple[str, ...]]:
    found = text.lower().replace(".", " ").split()
    return set(zip(*(found[i:] for i in range(words))))


def _word(number: int) -> str:
    word, number = "", number + len(_SYLLABLES)
    while number:
        number, digit = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[digit]
    return word


def _edited(original: np.ndarray, rng: np.random.Generator, draw) -> np.ndarray:
    copy = original.copy()
    for kind in rng.integers(0, 3, rng.integers(0, _MOST_EDITS + 1)).tolist():
        at = int(rng.integers(0, len(copy)))
        if kind == 0:
            copy[at] = draw(1)[0]
        elif kind == 1:
            copy = np.delete(copy, at)
        else:
            copy = np.insert(copy, at, draw(1)[0])
    return copy


def _sentence(words: list[str], capital: bool) -> str:
    """Words with a stop after every twelfth."""
    words = [word + "." if i % 12 == 11 else word for i, word in enumerate(words)]
    return " ".join(words).capitalize() + "." if capital else " ".join(words)
