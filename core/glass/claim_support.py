"""How a claim stands to a run's training text: word for word, all of it in one document, in pieces, or not at all.

A match is not a proof: a document may hold all the names of a claim and say something else of them.
"""

import msgspec
import numpy as np

from core.glass.attribution import Tracer
from core.glass.corpus_support import names
from core.glass.words import words
from core.spec.doubt import Claim

MOST_PLACES = 2000  # of the rarest thing that a claim names; more are sampled evenly
SHOWN = 8  # documents named of one claim
WORDS = 4  # rarest words looked for where a claim names nothing
SHORTEST = 3  # letters of such a word


class ClaimSupport:
    """A run's training text, opened for asking about claims."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._texts: dict[int, str] = {}

    def judge(self, claim: Claim) -> Claim:
        """The claim with its support, what of it is missing, and documents that hold it."""
        asked = list(dict.fromkeys(part.text for part in claim.parts)) or self._rare_words(claim.text)
        owners = {text: self._owners(text) for text in asked}
        missing = [text for text in asked if not owners[text]]
        rarest = min(owners, key=lambda text: len(owners[text]), default="")
        together = [owner for owner in owners.get(rarest, ())
                    if all(names(self._text(owner), text) for text in asked)]  # fmt: skip
        stating = [owner for owner in together or self._holders(claim.text) if _states(self._text(owner), claim.text)]
        support = "verbatim" if stating else "absent" if missing else "together" if together else "parts"
        if not asked and not stating:
            support = "parts"
        rows = [int(self._tracer.doc_rows[owner]) for owner in (stating or together)[:SHOWN]]
        return msgspec.structs.replace(claim, support=support, missing=missing, documents=rows)

    def _owners(self, text: str) -> list[int]:
        """The training documents that name something as whole words, ascending; of very many a sample."""
        return [owner for owner in self._holders(text) if names(self._text(owner), text)]

    def _holders(self, text: str) -> list[int]:
        """Documents in which the tokens of a text stand, with or without a space before it; its last may differ."""
        encode, index, found = self._tracer.tokenizer.encode, self._tracer.index, set()
        text = text.rstrip(".。!！?？」")
        for ngram in (encode(text), encode(f" {text}")):
            for wanted in (ngram, ngram[:-1]):
                places = index.locate(wanted, limit=MOST_PLACES) if wanted else np.zeros(0, np.int64)
                if len(places):
                    found |= set((np.searchsorted(self._tracer.doc_starts, places, side="right") - 1).tolist())
                    break
        return sorted(found)

    def _rare_words(self, text: str) -> list[str]:
        """The rarest longer words of a sentence that names nothing, as they are written there."""
        lower = text.lower()
        found = [text[at : at + len(word)] for word in dict.fromkeys(words(text)) if len(word) >= SHORTEST
                 and (at := lower.find(word)) >= 0]  # fmt: skip
        counts = {word: self._tracer.index.count(self._tracer.tokenizer.encode(f" {word}")) for word in found}
        return sorted(found, key=counts.__getitem__)[:WORDS]

    def _text(self, owner: int) -> str:
        if owner not in self._texts:
            if len(self._texts) > 4 * MOST_PLACES:
                self._texts.clear()
            self._texts[owner] = self._tracer.documents[int(self._tracer.doc_rows[owner])].text
        return self._texts[owner]


def _states(text: str, claim: str) -> bool:
    """Whether a document has the wording of a claim, white space and the last stop aside."""
    wanted = " ".join(claim.split()).rstrip(".。!！?？」")
    return names(" ".join(text.split()), wanted) if wanted else False
