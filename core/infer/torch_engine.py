"""Models grown here, answered by torch with a key/value cache; fit for a run that is still training."""

from pathlib import Path

import numpy as np
import torch

from core.errors import LabError
from core.infer.engine import check_length
from core.infer.sources import checkpoint_path
from core.model.loading import load_decoder
from core.model.writing import DecoderWriter, StateWriter, WindowWriter, make_writer
from core.tokens.tokenizer import Tokenizer


class TorchEngine:
    """One checkpoint of a run behind the Engine protocol.

    Args:
        run: the run's folder.
        which: "best", "last", "step-00000200" or "200".
        device: where torch computes.
    Raises:
        LabError: no such checkpoint, or a damaged one.
    """

    kind = "torch"
    chat_template = None

    def __init__(self, run: str | Path, which: str = "best", device: str = "cpu") -> None:
        self.run, self.which, self.device = Path(run), which, device
        self.name = self.run.name
        self._tokenizer = Tokenizer.load(self.run)
        self.start_id = self._tokenizer.end_id
        self.end_ids = frozenset({self._tokenizer.end_id})
        self._open(checkpoint_path(self.run, which))

    def _open(self, checkpoint: Path) -> None:
        try:
            self._decoder, self.spec, self.step_trained = load_decoder(checkpoint, self.device)
        except LabError:
            newer = checkpoint_path(self.run, self.which)
            if newer == checkpoint:
                raise
            return self._open(newer)  # the run has just replaced it
        self.checkpoint = checkpoint
        self.vocab_size = self.spec.vocab_size - self.spec.objective.extra_tokens
        self.context = self.spec.context
        self._writer = make_writer(self._decoder, self._tokenizer.vocab_size)

    def refresh(self) -> bool:
        """Load what "best" or "last" means by now; True when that is another checkpoint than before."""
        newest = checkpoint_path(self.run, self.which)
        if newest == self.checkpoint:
            return False
        self._open(newest)
        return True

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token; ``special`` also reads the end of text written out in it."""
        return self._tokenizer.encode(text, special)

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text."""
        return self._tokenizer.token_bytes(id)

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        check_length(self, ids, self.name)
        with torch.inference_mode():
            return self._answer(self._writer.start(ids))

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the logits after it, float32, (V,)."""
        if self._writer.length >= self.context:
            raise LabError(
                "The model's context of {context} tokens is full.", self.name, "Start anew.", context=self.context
            )
        with torch.inference_mode():
            return self._answer(self._writer.step(id))

    @property
    def plain_decoder(self):
        """The decoder where it reads every prompt in order, as it stands; None for other designs."""
        writer = self._writer
        plain = isinstance(writer, DecoderWriter) and writer.mark < 0 and not writer.both_ways
        return self._decoder if plain else None

    @property
    def model(self) -> torch.nn.Module:
        """The model itself, in eval mode, to look into."""
        return self._decoder

    def _answer(self, logits: torch.Tensor) -> np.ndarray:
        """Logits of the tokenizer's own tokens; masks and sentinels of an objective are never written."""
        return logits[: self.vocab_size].cpu().numpy()

    @torch.inference_mode()
    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position, float32, (T, V), by one full pass without a cache.

        Raises:
            LabError: a model that fills gaps or has two stacks gives no probability to a text read in order.
        """
        check_length(self, ids, self.name)
        if not isinstance(self._writer, DecoderWriter | StateWriter | WindowWriter):
            raise LabError(
                "This model does not read in order, so a text as a whole has no probability for it.", self.name,
                "Open a decoder to measure a text token by token.")
        return self._decoder(self._tensor(ids))[0, :, : self.vocab_size].cpu().numpy()

    def _tensor(self, ids: list[int]) -> torch.Tensor:
        return torch.tensor([ids], dtype=torch.int64, device=self.device)

    def close(self) -> None:
        """Let go of weights and cache."""
        self._decoder = self._writer = None
