"""An n-gram model behind the Engine protocol: its logits are the logarithms of its probabilities. No torch."""

from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.infer.engine import check_length
from core.infer.sources import checkpoint_path
from core.model.ngram.file import from_file
from core.spec.base import build
from core.spec.model import ModelSpec
from core.tokens.tokenizer import Tokenizer

MODEL = "model.safetensors"


class NgramEngine:
    """One checkpoint of a run of the family "ngram".

    Args:
        run: the run's folder.
        which: "best", "last", "step-00000005" or "5".
    Raises:
        LabError: no such checkpoint, or a damaged one.
    """

    kind = "ngram"
    chat_template = None

    def __init__(self, run: str | Path, which: str = "best") -> None:
        self.run, self.which = Path(run), which
        self.name = self.run.name
        self._tokenizer = Tokenizer.load(self.run)
        self.checkpoint = checkpoint_path(self.run, which)
        self._model, metadata = from_file(self.checkpoint / MODEL)
        self.spec = build(ModelSpec, msgspec.json.decode(metadata["spec"]), str(self.checkpoint))
        self.step_trained = int(metadata["step"])
        self.start_id = self._model.boundary
        self.end_ids = frozenset({self._model.boundary})
        self.vocab_size, self.context = self._tokenizer.vocab_size, self.spec.context
        self._ids: list[int] = []

    def refresh(self) -> bool:
        """A counted model has one checkpoint: there is never a newer one."""
        return False

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token; ``special`` also reads the end of text written out in it."""
        return self._tokenizer.encode(text, special)

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text."""
        return self._tokenizer.token_bytes(id)

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        check_length(self, ids, self.name)
        self._ids = list(ids)
        return self._logits(self._ids)

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the logits after it, float32, (V,)."""
        if len(self._ids) >= self.context:
            raise LabError(
                "The model's context of {context} tokens is full.", self.name, "Start anew.", context=self.context)
        self._ids.append(id)
        return self._logits(self._ids)

    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position, float32, (T, V)."""
        check_length(self, ids, self.name)
        return np.stack([self._logits(ids[: place + 1]) for place in range(len(ids))])

    def _logits(self, ids: list[int]) -> np.ndarray:
        context = ids[-max(1, self._model.order - 1) :]  # no n-gram is longer
        return np.log(self._model.distribution(np.array(context)))[: self.vocab_size].astype(np.float32)

    def close(self) -> None:
        """Let go of the tables."""
        self._model = None
