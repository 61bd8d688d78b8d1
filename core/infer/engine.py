"""What every model that answers can do, whatever runs it: torch, llama.cpp or ONNX Runtime."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np

from core.errors import LabError

EngineKind = Literal["torch", "ngram", "gguf", "onnx"]


@runtime_checkable
class Engine(Protocol):
    """A loaded model that reads token ids and gives logits; not safe for two threads at once."""

    name: str
    kind: EngineKind
    vocab_size: int
    context: int  # the most tokens it can see at once
    end_ids: frozenset[int]  # producing one of these ends the answer
    start_id: int | None  # every context begins with it; None = the model wants no start token
    chat_template: str | None  # Jinja2, as Hugging Face and GGUF store it

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token; ``special`` also reads special tokens written out in it."""

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text; ``b""`` for special tokens."""

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; returns the logits after the last, float32, (V,)."""

    def step(self, id: int) -> np.ndarray:
        """Read one more token; returns the logits after it, float32, (V,)."""

    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position of ``ids``, float32, (T, V), in one pass."""

    def close(self) -> None:
        """Free the memory; the engine cannot be used afterwards."""


def begin(engine: Engine, ids: list[int]) -> list[int]:
    """``ids`` with the model's start token in front, unless it is there already or the model wants none."""
    start = engine.start_id
    if start is None or (ids and ids[0] == start):
        return list(ids)
    return [start, *ids]


def check_length(engine: Engine, ids: list[int], where: str = "") -> None:
    """Refuse what does not fit.

    Raises:
        LabError: no tokens at all, or more than the model can see; the remedy says by how many.
    """
    if not ids:
        raise LabError("The prompt is empty.", where, "Type a few words.")
    excess = len(ids) - engine.context
    if excess > 0:
        raise LabError(
            "The text has {tokens} tokens, {excess} more than the {context} this model can see.", where,
            "Shorten it, or choose a model with a longer context.",
            tokens=len(ids), excess=excess, context=engine.context,
        )  # fmt: skip
