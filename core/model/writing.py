"""Text out of any model, token by token: what each kind does to say what may come next."""

import torch
from torch import Tensor, nn

from core.errors import LabError
from core.model.attention import KVCache
from core.model.decoder import Decoder
from core.model.encoder_decoder import EncoderDecoder
from core.model.permutation import PermutationModel
from core.model.recurrent import RecurrentModel, State
from core.model.replaced import ReplacedTokenModel
from core.model.window import WindowModel
from core.spec.model import ModelSpec


class DecoderWriter:
    """One stack: the prompt is read (both ways where the model was trained so), then each token follows.

    Args:
        model: in eval mode.
        mark: a token put behind the prompt before writing begins; -1 = none.
    """

    def __init__(self, model: Decoder, mark: int = -1) -> None:
        self.model, self.mark = model, mark
        self.both_ways = model.spec.layout == "prefix" and model.spec.objective.task != "causal"
        self.device = next(model.parameters()).device
        self.cache = KVCache(model.spec, device=self.device)

    @property
    def length(self) -> int:
        """Tokens read and written so far."""
        return self.cache.length

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        self.cache.length = 0
        prefix = torch.tensor([len(ids)], device=self.device) if self.both_ways else None
        marked = [*ids, self.mark] if self.mark >= 0 else ids
        return self._read(marked, prefix)

    def step(self, id: int) -> Tensor:
        """Read one more token; the logits after it, float32, (V,)."""
        return self._read([id], None)

    def _read(self, ids: list[int], prefix: Tensor | None) -> Tensor:
        seen = {} if prefix is None else {"prefix": prefix}
        hidden = self.model.hidden(torch.tensor([ids], device=self.device), self.cache, **seen)[0, -1]
        return self.model.logits(hidden).float()


class TwoStackWriter:
    """The encoder reads the prompt once; the decoder begins with a document's end (0), as in training."""

    def __init__(self, model: EncoderDecoder) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.cache = KVCache(model.spec, device=self.device)

    @property
    def length(self) -> int:
        """Tokens written so far; the prompt stands in the encoder."""
        return self.cache.length

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits of the first token to write, float32, (V,)."""
        self.cache.length = 0
        self.cache.memory = self.model.read(torch.tensor([ids], device=self.device))
        return self.step(0)

    def step(self, id: int) -> Tensor:
        """Read one token of its own; the logits after it, float32, (V,)."""
        return self.model.logits(self.model.hidden(torch.tensor([[id]], device=self.device), self.cache)[0, -1]).float()


class StateWriter:
    """LSTMs carry their state from token to token."""

    def __init__(self, model: RecurrentModel) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.state = State()

    @property
    def length(self) -> int:
        """Nothing fills up: a state holds any number of tokens."""
        return 0

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        self.state = State()
        return self._read(ids)

    def step(self, id: int) -> Tensor:
        """Read one more token; the logits after it, float32, (V,)."""
        return self._read([id])

    def _read(self, ids: list[int]) -> Tensor:
        hidden = self.model.hidden(torch.tensor([ids], device=self.device), self.state)[0, -1]
        return self.model.logits(hidden).float()


class WindowWriter:
    """Models that see the last few tokens alone."""

    def __init__(self, model: WindowModel) -> None:
        self.model, self.device = model, next(model.parameters()).device
        self.ids: list[int] = []

    @property
    def length(self) -> int:
        """Nothing fills up: what is too far back is not seen anyway."""
        return 0

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        self.ids = list(ids)
        return self.model(torch.tensor([self.ids[-self.model.spec.window :]], device=self.device))[0, -1]

    def step(self, id: int) -> Tensor:
        """Read one more token; the logits after it, float32, (V,)."""
        return self.start([*self.ids[-self.model.spec.window :], id])


class GapWriter:
    """Models that fill gaps write by filling the one behind the text: no cache, one whole pass a token.

    Args:
        model: in eval mode.
        gap: the token that stands for what is to be filled in.
    """

    def __init__(self, model: nn.Module, gap: int) -> None:
        self.model, self.gap, self.device = model, gap, next(model.parameters()).device
        self.ids: list[int] = []

    @property
    def length(self) -> int:
        """Tokens read and written so far."""
        return len(self.ids)

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits of the gap behind them, float32, (V,)."""
        self.ids = list(ids)
        seen = self.ids[-(self.model.spec.context - 1) :]  # room for the gap
        shown = torch.tensor([[*seen, self.gap]], device=self.device)
        if isinstance(self.model, ReplacedTokenModel):
            return self.model.proposals(shown)[0, -1]
        return self.model(shown)[0, -1].float()

    def step(self, id: int) -> Tensor:
        """Read one more token; the logits of the gap behind it, float32, (V,)."""
        return self.start([*self.ids, id])


def make_writer(model: nn.Module, vocab: int):
    """What draws text from a model, in eval mode: an object with ``start(ids)``, ``step(id)`` and ``length``.

    Args:
        vocab: tokens of the tokenizer; masks and marks come after them.
    Raises:
        LabError: this kind of model does not write.
    """
    spec: ModelSpec = model.spec
    if isinstance(model, RecurrentModel):
        return StateWriter(model)
    if isinstance(model, WindowModel):
        return WindowWriter(model)
    if isinstance(model, EncoderDecoder):
        return TwoStackWriter(model)
    if isinstance(model, PermutationModel):
        return GapWriter(model, 0)  # what stands in the gap is never seen
    if spec.objective.task in ("masked", "replaced", "unilm"):
        return GapWriter(model, vocab)
    if isinstance(model, Decoder):
        return DecoderWriter(model, vocab + 1 if spec.objective.task == "blank_infilling" else -1)
    raise LabError(
        "Word vectors do not write text: they say which words are alike.", spec.family,
        "Look at the neighbours of a word, or open a model that writes.")
