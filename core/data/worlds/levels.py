"""What tasks are: a level is a numbered list of problems of one kind and length, made when asked for."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.data.worlds.numbers import draw

MOST = 1 << 120  # problems of a level that are numbered one by one


class Problem(NamedTuple):
    """A question, the way to its answer, and the answer."""

    question: str
    steps: list[str]
    answer: str


class Level(NamedTuple):
    """Problems of one task and length; different numbers below ``space`` are different problems."""

    task: str
    level: str
    space: int
    make: Callable[[int], Problem]

    def problem(self, number: int) -> Problem:
        """One problem by its number below ``min(space, MOST)``.

        Where there are more than MOST, numbers are scattered over all of them: two of them meet
        with a chance below one in 10^20 even among 10^8.
        """
        if self.space > MOST:
            number = sum(draw(number, number >> 64, i) << 64 * i for i in range(self.space.bit_length() // 64 + 1))
        return self.make(number % self.space)


def permutations(things: int, taken: int) -> int:
    """How many ordered choices of different things there are."""
    count = 1
    for i in range(taken):
        count *= things - i
    return count


def take(number: int, things: Sequence, taken: int) -> tuple[list, int]:
    """The ordered choice that a number stands for, and what is left of the number."""
    left, chosen = list(things), []
    for _ in range(taken):
        number, place = divmod(number, len(left))
        chosen.append(left.pop(place))
    return chosen, number


def digits(number: int, base: int, count: int) -> tuple[list[int], int]:
    """``count`` digits to a base, and what is left of the number."""
    found = []
    for _ in range(count):
        number, digit = divmod(number, base)
        found.append(digit)
    return found, number
