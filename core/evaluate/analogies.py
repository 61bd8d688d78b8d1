"""A text with analogies planted in it, so that word vectors can be examined with known answers.

The made-up words stand in a grid: a word of row i and column j is found among the markers of its row and of its
column, as "queen" is among royal words and among women's. Then word(i, j) - word(i, l) + word(k, l) is word(k, j).
The idea of the exam: Mikolov et al. 2013, arXiv:1301.3781, section 4.1.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ONSETS, VOWELS = "bdfgklmnprstvz", "aeiou"
MARKERS = 2  # words that tell a row, or a column
QUESTIONS = 400  # asked at most


class Grid(NamedTuple):
    """The planted words by row and column, and the markers of each row and each column."""

    words: list[list[str]]
    rows: list[list[str]]
    columns: list[list[str]]


def make_grid(rows: int, columns: int, seed: int) -> Grid:
    """Words of three syllables that no language has, all different."""
    rng = np.random.default_rng(seed)
    syllables = [a + b for a in ONSETS for b in VOWELS]
    made: dict[str, None] = {}
    while len(made) < rows * columns + MARKERS * (rows + columns):
        made["".join(rng.choice(syllables, 3))] = None
    found = iter(made)

    def take(count: int) -> list[str]:
        return list(itertools.islice(found, count))

    return Grid([take(columns) for _ in range(rows)], [take(MARKERS) for _ in range(rows)],
                [take(MARKERS) for _ in range(columns)])  # fmt: skip


def planted_sentences(grid: Grid, count: int, seed: int) -> list[str]:
    """Sentences of one planted word between markers of its row and of its column."""
    rng = np.random.default_rng([seed, 1])
    said = []
    for _ in range(count):
        row, column = int(rng.integers(len(grid.rows))), int(rng.integers(len(grid.columns)))
        around = [*grid.rows[row], *grid.columns[column]]
        rng.shuffle(around)
        middle = len(around) // 2
        said.append(" ".join([*around[:middle], grid.words[row][column], *around[middle:]]))
    return said


def questions(grid: Grid, token_of: Callable[[str], int | None], seed: int) -> list[tuple[int, int, int, int]]:
    """Analogies over the grid as tokens (man, king, woman, queen); words that are no single token are not asked.

    Args:
        token_of: the token that is a word, or None.
    """
    tokens = [[token_of(word) for word in row] for row in grid.words]
    asked = []
    for (i, k), (j, m) in itertools.product(
        itertools.permutations(range(len(grid.rows)), 2), itertools.permutations(range(len(grid.columns)), 2)):
        four = (tokens[i][j], tokens[i][m], tokens[k][j], tokens[k][m])
        if None not in four:
            asked.append(four)
    np.random.default_rng([seed, 2]).shuffle(asked)
    return [tuple(int(id) for id in four) for four in asked[:QUESTIONS]]
