"""Where the documents of a world stand: copies of some, held-out ones among them, all in one shuffled order."""

from core.data.worlds.numbers import Shuffle

_REPEAT, _PLACE = 21, 22


class Layout:
    """Rows of a corpus against numbers of documents, both ways, without a list of either.

    Args:
        n_base: different training documents.
        n_held: held-out documents.
        repeat_share: share of the training documents that have copies.
        repeat_times: how many times each of those stands there in all.
        seed: fixes which are copied and the order of the whole.
    """

    def __init__(self, n_base: int, n_held: int, repeat_share: float, repeat_times: int, seed: int) -> None:
        self.n_base, self.n_held, self._copies = n_base, n_held, repeat_times - 1
        self.n_repeated = round(repeat_share * n_base)
        self.n_train = n_base + self.n_repeated * self._copies
        self.n_documents = self.n_train + n_held
        self._repeat = Shuffle(max(n_base, 1), seed, _REPEAT)
        self._order = Shuffle(max(self.n_documents, 1), seed, _PLACE)

    def at(self, row: int) -> tuple[bool, int]:
        """Whether the document at a row is held out, and its number among its like."""
        number = self._order(row)
        if number >= self.n_train:
            return True, number - self.n_train
        if number >= self.n_base:
            number = self._repeat((number - self.n_base) // self._copies)
        return False, number

    def rows(self, base: int) -> list[int]:
        """Where a training document and its copies stand."""
        numbers = [base]
        if self.n_repeated and (rank := self._repeat.inverse(base)) < self.n_repeated:
            first = self.n_base + rank * self._copies
            numbers += range(first, first + self._copies)
        return [self._order.inverse(number) for number in numbers]

    def held_row(self, number: int) -> int:
        """Where a held-out document stands."""
        return self._order.inverse(self.n_train + number)
