"""A reference: a tokenizer and an n-gram model of text one trusts, which say how surprising any other text is."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from core.data.quality.trained import open_report
from core.errors import LabError
from core.model.ngram.counts import count
from core.model.ngram.kneser_ney import estimate
from core.model.ngram.model import NgramModel
from core.spec.filters import ReferenceSpec
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import train
from core.tokens.tokenizer import Tokenizer

MODEL = "model"
META = "reference.json"
_DIGITS = re.compile(r"\d")
# Scripts written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MOSTLY_UNSPACED = 0.3  # of the characters
_LONGEST = 1 << 20  # characters of one text that are looked at; the rest of a longer one is passed over

TokenUnits = Literal["pieces", "characters"]


def fold(text: str) -> str:
    """Words without their dress: lower case, digits as 0, any white space as one space."""
    return " ".join(_DIGITS.sub("0", text.lower()).split())


def choose_units(texts: Iterable[str]) -> TokenUnits:
    """Characters where much of the text is in a script without spaces, pieces of words elsewhere."""
    unspaced = total = 0
    for text in texts:
        unspaced += len(_UNSPACED.findall(text))
        total += len(text)
    return "characters" if unspaced > _MOSTLY_UNSPACED * total else "pieces"


class Reference:
    """Says how surprising a text is: its perplexity a token."""

    def __init__(self, tokenizer: Tokenizer, model: NgramModel, folds: bool) -> None:
        self.tokenizer, self.model, self.folds = tokenizer, model, folds

    @classmethod
    def learn(cls, spec: ReferenceSpec, units: TokenUnits, texts: list[str], tell=lambda done, total: None):
        """Learn tokens and n-grams from trusted texts.

        Args:
            spec: order, vocabulary, folding.
            units: what a token is.
            tell: called with texts counted and in all; may raise to stop.
        """
        texts = [cls._seen(text, spec.fold) for text in texts]
        characters = Counter() if units == "pieces" else sum(map(Counter, texts), Counter())
        kind = "bpe" if units == "pieces" else "characters"
        tokenizer = Tokenizer(train(
            TokenizerSpec(corpus="", kind=kind, vocab_size=spec.vocab_size), iter(texts), characters))

        def documents():
            for done, text in enumerate(texts):
                tell(done, len(texts))
                yield np.array(tokenizer.encode_batch([text])[0], np.int64)  # faster than encode: no offsets

        counts = count(documents(), spec.order, tokenizer.vocab_size, Tokenizer.end_id)
        return cls(tokenizer, estimate(counts), spec.fold)

    def perplexity(self, text: str) -> float | None:
        """exp of the mean surprise of its tokens and its end; None where there is no text."""
        (ids,) = self.tokenizer.encode_batch([self._seen(text, self.folds)])
        return self.model.perplexity(np.array(ids, np.int64)) if ids else None

    @staticmethod
    def _seen(text: str, folds: bool) -> str:
        text = text[:_LONGEST].encode("utf-8", "replace").decode("utf-8")
        return fold(text) if folds else text

    def save(self, folder: Path) -> None:
        """Write tokenizer, model and settings into a job's folder."""
        folder = Path(folder)
        (folder / MODEL).mkdir(exist_ok=True)
        self.tokenizer.save(folder)
        self.model.save(folder / MODEL)
        (folder / META).write_text(json.dumps({"fold": self.folds}), "utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Reference":
        """The reference in a finished job's folder.

        Raises:
            LabError: there is none, or it is damaged.
        """
        try:
            folds = json.loads((Path(folder) / META).read_text("utf-8"))["fold"]
        except (OSError, ValueError, KeyError) as error:
            raise LabError("There is no finished reference here.", str(folder), "Train it to its end.") from error
        return cls(Tokenizer.load(folder), NgramModel.load(Path(folder) / MODEL), folds)


def terciles(folder: Path) -> dict[str, float]:
    """The perplexities below which the best third (``head``) and two thirds (``middle``) of the measured text lie."""
    return open_report(folder, "reference")["terciles"]
