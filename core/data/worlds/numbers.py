"""Chance without state: numbers fixed by a seed and a place, and shuffles that can be asked at any place."""

_MASK = (1 << 64) - 1
_ROUNDS = 4


def mix(number: int) -> int:
    """A 64-bit number that looks random, the same on every machine.

    Source: the finaliser of SplitMix64, Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195.
    """
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & _MASK
    return number ^ (number >> 31)


def draw(*keys: int) -> int:
    """A 64-bit number fixed by the keys and their order."""
    number = 0
    for key in keys:
        number = mix(number ^ (key & _MASK))
    return number


class Shuffle:
    """A permutation of 0 .. n-1 that needs no memory: both ways at any place.

    A Feistel network over the next power of four; places that fall outside are sent through again
    until they fall inside. Source: Black & Rogaway 2002, doi:10.1007/3-540-45760-7_9.
    """

    def __init__(self, n: int, *keys: int) -> None:
        if n >= 1 << 128:
            raise ValueError(f"at most 2^128 places, not {n}")
        self.n = n
        self._half = max(1, ((n - 1).bit_length() + 1) // 2)
        self._low = (1 << self._half) - 1
        self._keys = [draw(*keys, number) for number in range(_ROUNDS)]

    def __call__(self, place: int) -> int:
        """Where ``place`` goes."""
        while True:
            left, right = place >> self._half, place & self._low
            for key in self._keys:
                left, right = right, left ^ (mix(right ^ key) & self._low)
            place = left << self._half | right
            if place < self.n:
                return place

    def inverse(self, place: int) -> int:
        """What goes to ``place``."""
        while True:
            left, right = place >> self._half, place & self._low
            for key in reversed(self._keys):
                left, right = right ^ (mix(left ^ key) & self._low), left
            place = left << self._half | right
            if place < self.n:
                return place


def sample(space: int, count: int, *keys: int) -> list[int]:
    """``count`` different numbers below ``space``, in random order."""
    shuffle = Shuffle(space, *keys)
    return [shuffle(place) for place in range(min(count, space))]
