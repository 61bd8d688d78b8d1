"""An n-gram language model: scores text, says what comes next, writes text; on disk as plain arrays.

Logarithms are natural: nats.
"""

import json
from pathlib import Path

import numpy as np

from core.errors import LabError
from core.kernels import ngram as kernel
from core.model.ngram.counts import find

META = "ngram.json"


class NgramModel:
    """Probabilities of n-grams and back-off weights of contexts, as arrays over the trie of counts.py.

    Attributes:
        keys: ascending uint64, one array a level from 2 on.
        log_p: float32 nats, one array a level from 1 on: log p(last token | the tokens before).
        log_gamma: float32 nats, one array a level from 1 to order - 1: what a context leaves to its shorter one.
        discounts: (D1, D2, D3+) of each level.
    """

    def __init__(self, vocab_size: int, boundary: int, keys: list[np.ndarray], log_p: list[np.ndarray],
                 log_gamma: list[np.ndarray], discounts: list[tuple[float, float, float]]) -> None:  # fmt: skip
        self.vocab_size, self.boundary = vocab_size, boundary
        self.keys, self.log_p, self.log_gamma, self.discounts = keys, log_p, log_gamma, discounts
        self._scorer: kernel.Scorer | None = None

    @property
    def order(self) -> int:
        """The longest n-grams' length, tokens."""
        return len(self.log_p)

    @property
    def ngrams(self) -> int:
        """How many different n-grams of all lengths are known."""
        return sum(map(len, self.log_p))

    def score(self, ids: np.ndarray) -> np.ndarray:
        """log p of each token of a document and of its end: float32 nats, (len(ids) + 1,).

        Raises:
            LabError: an id is not of the vocabulary.
        """
        edge = [self.boundary]
        stream = np.concatenate([edge, np.asarray(ids, np.int64), edge])
        if stream.min() < 0 or stream.max() >= self.vocab_size:
            raise LabError(
                "A token is not of the model's vocabulary of {size}.", "", "Use the tokenizer it was trained with.",
                size=self.vocab_size)
        if not kernel.built():
            return self.score_plainly(stream)
        if self._scorer is None:
            self._scorer = kernel.Scorer(self.vocab_size, self.keys, self.log_p, self.log_gamma)
        return self._scorer.score(stream)

    def score_plainly(self, stream: np.ndarray) -> np.ndarray:
        """The readable form of the C++ kernel: level by level, all tokens of a document at once.

        Args:
            stream: a document's ids between two boundary tokens.
        """
        size, tokens = np.uint64(self.vocab_size), stream[1:].astype(np.uint64)
        contexts = stream[:-1]  # node of the last n - 1 tokens before each token; -1: never seen
        found = self.log_p[0][stream[1:]].copy()
        for n in range(2, self.order + 1):
            known = np.flatnonzero(contexts >= 0)
            nodes = find(self.keys[n - 2], contexts[known].astype(np.uint64) * size + tokens[known])
            seen = nodes >= 0
            found[known[seen]] = self.log_p[n - 1][nodes[seen]]
            left = known[~seen]
            found[left] += self.log_gamma[n - 2][contexts[left]]
            ending = np.full(len(contexts), -1, np.int64)  # node of the n tokens that end with each token
            ending[known] = nodes
            contexts = np.concatenate([[-1], ending[:-1]])
        return found

    def perplexity(self, ids: np.ndarray) -> float:
        """exp of the mean surprise of a document's tokens and its end; lower is more like the training text."""
        return float(np.exp(-self.score(ids).mean(dtype=np.float64)))

    def distribution(self, context: np.ndarray) -> np.ndarray:
        """p of every token after a context: float64, (vocab_size,); sums to 1.

        Args:
            context: the ids before, the boundary among them where it leads; only the last order - 1 count.
        """
        context = [int(token) for token in context][-(self.order - 1) :] if self.order > 1 else []
        p = np.exp(self.log_p[0].astype(np.float64))
        for n in range(1, len(context) + 1):
            node = self._node(context[-n:])
            if node < 0:
                break  # a longer one holds this one, so it was never seen either
            p *= np.exp(np.float64(self.log_gamma[n - 1][node]))
            first, last = np.searchsorted(self.keys[n - 1], np.array([node, node + 1], np.uint64) * self._size)
            followers = (self.keys[n - 1][first:last] % self._size).astype(np.int64)
            p[followers] = np.exp(self.log_p[n][first:last].astype(np.float64))
        return p

    def sample(self, rng: np.random.Generator, most: int, prompt: np.ndarray = ()) -> list[int]:
        """Ids drawn one after the other, until the document ends or ``most`` are drawn; the prompt is not repeated."""
        text = [self.boundary, *(int(token) for token in prompt)]
        start = len(text)
        while len(text) - start < most:
            p = self.distribution(text)
            token = int(rng.choice(len(p), p=p / p.sum()))
            if token == self.boundary:
                break
            text.append(token)
        return text[start:]

    @property
    def _size(self) -> np.uint64:
        return np.uint64(self.vocab_size)

    def _node(self, tokens: list[int]) -> int:
        node = tokens[0]
        for keys, token in zip(self.keys, tokens[1:]):
            node = int(find(keys, np.array([node * self.vocab_size + token], np.uint64))[0])
            if node < 0:
                break
        return node

    def save(self, folder: Path) -> None:
        """Write the arrays as .npy files and ``ngram.json`` into an existing folder."""
        folder = Path(folder)
        for name, arrays in self.arrays().items():
            for level, array in arrays.items():
                np.save(folder / f"{name}-{level}.npy", array, allow_pickle=False)
        meta = {"order": self.order, "vocab_size": self.vocab_size, "boundary": self.boundary,
                "discounts": self.discounts}  # fmt: skip
        (folder / META).write_text(json.dumps(meta, indent=1), "utf-8")

    def arrays(self) -> dict[str, dict[int, np.ndarray]]:
        """What makes the model, by name and level of the trie."""
        return {"keys": dict(enumerate(self.keys, 2)), "log_p": dict(enumerate(self.log_p, 1)),
                "log_gamma": dict(enumerate(self.log_gamma, 1))}  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> "NgramModel":
        """Open a saved model; its arrays are memory-mapped, so processes that use the same one share them.

        Raises:
            LabError: there is none, or it is damaged.
        """
        folder = Path(folder)
        try:
            meta = json.loads((folder / META).read_text("utf-8"))
            order = meta["order"]

            def arrays(name: str, first: int, last: int) -> list[np.ndarray]:
                return [np.load(folder / f"{name}-{n}.npy", "r", allow_pickle=False) for n in range(first, last + 1)]

            return cls(meta["vocab_size"], meta["boundary"], arrays("keys", 2, order), arrays("log_p", 1, order),
                       arrays("log_gamma", 1, order - 1), [tuple(found) for found in meta["discounts"]])
        except FileNotFoundError:
            raise LabError("There is no n-gram model here.", str(folder), "Train one first.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise LabError("This n-gram model cannot be read.", str(folder), "Train it again.") from error
