"""Decoding by contrast: what the model knows better than a weaker one, or than its own earlier layers.

    ContrastiveEngine(expert, amateur)     # Li et al. 2023, Contrastive Decoding, arXiv:2210.15097
    DolaEngine(engine)                     # Chuang et al. 2024, DoLa, arXiv:2309.03883

Both are engines, so that everything that samples, measures or streams works with them as with any other; what they give
for logits is the contrast, so probabilities of their tokens are not the model's own.
"""

from typing import Literal

import numpy as np

from core.errors import LabError
from core.infer.engine import Engine

ALPHA = 0.1  # of both papers: tokens less likely than this share of the likeliest one are out


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities of ``logits`` along the last axis, float64, same shape."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def contrast(
    expert: np.ndarray, amateur: np.ndarray, alpha: float = ALPHA, amateur_temperature: float = 1.0
) -> np.ndarray:
    """log p_expert - log p_amateur of every plausible token, minus infinity of every other, float64 (V,).

    Args:
        expert, amateur: logits, (V,).
        alpha: a token is plausible where the expert gives it at least this share of its likeliest one.
        amateur_temperature: divides the amateur's logits.
    Source: Li et al. 2023, arXiv:2210.15097, eq. 2 and 4; Chuang et al. 2024, arXiv:2309.03883, eq. 3 and 4.
    """
    knows, guesses = log_softmax(expert), log_softmax(np.asarray(amateur, np.float64) / amateur_temperature)
    return np.where(knows >= knows.max() + np.log(alpha), knows - guesses, -np.inf)


def divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of two distributions given by logits (..., V), nats, (...). Source: Lin 1991."""
    p, q = log_softmax(first), log_softmax(second)
    middle = np.logaddexp(p, q) - np.log(2)
    return 0.5 * ((np.exp(p) * (p - middle)).sum(-1) + (np.exp(q) * (q - middle)).sum(-1))


def bucket(layers: int, tied: bool, which: Literal["low", "high"]) -> list[int]:
    """The layers that may be contrasted with the last, 0 being the embedding.

    As the authors' code in transformers has it: every second layer of the lower or of the upper half, at most 20
    layers wide; a tied embedding is left out, since it would only say the token again.
    """
    if which == "high":
        return list(range(layers // 2 if layers <= 40 else layers - 20, layers, 2))
    start = min(2, layers - 1) if tied else 0
    return list(range(start, layers // 2 if layers <= 40 else 20, 2)) or [start]


class _Borrowed:
    """An engine over another one that is not its own: closing it leaves that one open."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name, self.kind, self.vocab_size = engine.name, engine.kind, engine.vocab_size
        self.context, self.end_ids = engine.context, engine.end_ids
        self.start_id, self.chat_template = engine.start_id, engine.chat_template

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token."""
        return self.engine.encode(text, special)

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text."""
        return self.engine.token_bytes(id)

    def score(self, ids: list[int]) -> np.ndarray:
        """Not to be had: a contrast is for writing.

        Raises:
            LabError: always.
        """
        raise LabError("A contrast of two models gives no probability to a text.", self.name, "Score it without.")

    def close(self) -> None:
        """Nothing: the model belongs to whoever opened it."""


class ContrastiveEngine(_Borrowed):
    """Says what an expert finds likelier than an amateur does.

    Args:
        expert: any engine.
        amateur: a weaker model with the same tokens: a smaller one, or an earlier checkpoint.
    Raises:
        LabError: their tokens differ.
    """

    def __init__(
        self, expert: Engine, amateur: Engine, alpha: float = ALPHA, amateur_temperature: float = 1.0
    ) -> None:
        super().__init__(expert)
        if expert.vocab_size != amateur.vocab_size or any(
            expert.token_bytes(id) != amateur.token_bytes(id) for id in range(expert.vocab_size)
        ):
            raise LabError(
                "{expert} and {amateur} have other tokens, so they cannot be contrasted.", "",
                "Choose a model with the same tokenizer.", expert=expert.name, amateur=amateur.name)  # fmt: skip
        self.amateur, self._alpha, self._temperature = amateur, alpha, amateur_temperature
        self.context = min(expert.context, amateur.context)

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the contrast after the last, float64, (V,)."""
        return contrast(self.engine.start(ids), self.amateur.start(ids), self._alpha, self._temperature)

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the contrast after it, float64, (V,)."""
        return contrast(self.engine.step(id), self.amateur.step(id), self._alpha, self._temperature)


class DolaEngine(_Borrowed):
    """Says what the last layer finds likelier than the earlier layer that differs most from it.

    The earlier layer's vector goes straight into the output matrix, as the paper has it.

    Args:
        engine: a torch engine with a plain decoder.
        layers: "low" or "high" half of the layers, or their numbers, 0 being the embedding.
    Raises:
        LabError: its model is no decoder, or is not computed by torch.
    """

    def __init__(
        self, engine: Engine, layers: Literal["low", "high"] | list[int] = "high", alpha: float = ALPHA
    ) -> None:
        super().__init__(engine)
        model = getattr(engine, "plain_decoder", None)
        if model is None:
            raise LabError(
                "DoLa contrasts the layers of a decoder that torch computes, and {name} is none.", "",
                "Open one of your own runs of a decoder.", name=engine.name)  # fmt: skip
        from core.infer.layers import LayerReader

        self._reader = LayerReader(model)
        self.layers = bucket(model.layers, model.spec.tied_head, layers) if isinstance(layers, str) else layers
        self._alpha = alpha
        self.chosen: list[int] = []  # the layer that was contrasted, a token each

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the contrast after the last, float64, (V,)."""
        self.chosen.clear()
        return self._contrast(self._reader.start(ids))

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the contrast after it, float64, (V,)."""
        return self._contrast(self._reader.step(id))

    def _contrast(self, said: np.ndarray) -> np.ndarray:
        said = said[:, : self.vocab_size]
        last, earlier = said[-1], said[self.layers]
        farthest = int(divergence(earlier, last).argmax())
        self.chosen.append(self.layers[farthest])
        return contrast(last, earlier[farthest], self._alpha)
