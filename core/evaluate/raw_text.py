"""The raw text of an experiment: what is held out for all, and what each arm is given to clean."""

import random
from pathlib import Path

import msgspec

from core.data.documents import Documents
from core.data.plants import Planted, plant
from core.errors import LabError
from core.record.atomic import write_bytes
from core.spec.experiment import Arm, ExperimentSpec

_encoder = msgspec.json.Encoder()


class RawText:
    """Texts of every source as they were found, parted into held-out and training text before anything is planted.

    Args:
        corpora: {source: folder of its uncleaned corpus}.
    """

    def __init__(self, spec: ExperimentSpec, corpora: dict[str, Path]) -> None:
        self.spec = spec
        self.held_out: list[str] = []
        self._train: dict[str, list[str]] = {}
        for source, folder in corpora.items():
            with Documents(folder) as documents:
                self.held_out += [document.text for document in documents.iter("held_out")]
                self._train[source] = [document.text for document in documents.iter("train")]
        if not self.held_out:
            raise LabError(
                "There is no held-out text to measure on.", ", ".join(corpora), "Hold out a larger share of the text.")

    def of(self, arm: Arm) -> tuple[list[str], Planted]:
        """The raw training text of an arm with everything planted, and the truth about it."""
        texts: list[str] = []
        for number, (source, n_bytes) in enumerate(self._bytes_of(arm).items()):
            texts += take(self._train[source], n_bytes, seed=self.spec.base.seed + number)
        return plant(texts, arm.plants, self.spec.base.seed)

    def _bytes_of(self, arm: Arm) -> dict[str, float]:
        """How much of each source an arm takes, bytes."""
        there = {source: _size(texts) for source, texts in self._train.items()}
        weight = arm.shares or there
        total = min([self.spec.text_bytes or float("inf"), *map(self._most, self.spec.arms)])
        return {source: total * weight.get(source, 0.0) / sum(weight.values()) for source in there}

    def _most(self, arm: Arm) -> float:
        """The most text that an arm's mixture can have before a source runs out; all arms keep to the least of these,
        so that mixtures do not differ in size as well."""
        shares = {source: share for source, share in arm.shares.items() if share > 0}
        if not shares:
            return float(sum(map(_size, self._train.values())))
        return min(_size(self._train[source]) * sum(shares.values()) / share for source, share in shares.items())


def take(texts: list[str], n_bytes: float, seed: int) -> list[str]:
    """Documents drawn at random until so many bytes are reached, in their own order; all of them if they are fewer."""
    order = list(range(len(texts)))
    random.Random(seed).shuffle(order)
    chosen, taken = [], 0
    for row in order:
        size = _size(texts[row : row + 1])
        if taken + size <= n_bytes:
            chosen.append(row)
            taken += size
    return [texts[row] for row in sorted(chosen)]


def write_texts(path: Path, texts: list[str]) -> None:
    """One JSON object a line, as the corpus job reads them; written whole or not at all."""
    write_bytes(path, b"".join(_encoder.encode({"text": text}) + b"\n" for text in texts))


def _size(texts: list[str]) -> int:
    return sum(len(text.encode("utf-8")) for text in texts)
