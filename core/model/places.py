"""Where tokens stand and what each may see: worked out once a forward pass, shared by all layers."""

import torch
from torch import Tensor

from core.kernels.heads import Seen
from core.model.positions import distances

HIDDEN = -1e30  # finite: a row that may see nothing sees all alike, instead of turning into NaN


class Places:
    """The new tokens of one pass, those already seen, and the masks over them.

    Args:
        start: tokens in the cache before this pass.
        new: tokens of this pass.
        causal: whether a token sees only itself and those before it.
        window: how many tokens back a banded layer sees, itself counted.
        prefix: for each sequence how many tokens at its beginning all see, int64 (B,); None = none.
        padding: True where a key is not there, bool (B, S); None = all are.
        allowed: True where query may see key, bool (B or 1, T, S), instead of ``causal``; None = by the rest.
        memory_padding: as ``padding``, for the sequence that cross-attention looks at.
        angles: RoPE's (cos, sin) of the new tokens, each (T, pairs), or None.
        bias: added to every score, float (1, H, T, S), or None: T5.
        slopes: taken from the scores for each step of distance, float32 (H,), or None: ALiBi.
    """

    def __init__(
        self, start: int, new: int, causal: bool, *, window: int = 0, prefix: Tensor | None = None,
        padding: Tensor | None = None, allowed: Tensor | None = None, memory_padding: Tensor | None = None,
        angles: tuple[Tensor, Tensor] | None = None, bias: Tensor | None = None,
        slopes: Tensor | None = None, device=None, dtype=torch.float32,
    ) -> None:  # fmt: skip
        self.start, self.new, self.total, self.causal = start, new, start + new, causal
        self.window, self.prefix, self.padding, self.allowed = window, prefix, padding, allowed
        self.memory_padding, self.angles, self.bias, self.slopes = memory_padding, angles, bias, slopes
        self.device, self.dtype = device, dtype
        self.shared: dict[str, Tensor] = {}  # what relative terms compute once for all layers
        self._masks: dict[bool, Tensor] = {}
        self._stretches: dict[bool, Seen | None] = {}

    @property
    def plain(self) -> bool:
        """Whether this is nothing but causal attention over a whole sequence."""
        return (self.causal and not self.start and self.unbiased and self.prefix is None
                and self.padding is None and self.allowed is None)  # fmt: skip

    @property
    def unbiased(self) -> bool:
        """Whether distance adds nothing to the scores."""
        return self.bias is None and self.slopes is None

    def stretches(self, banded: bool) -> Seen | None:
        """The same as our kernel is told it: a stretch of keys a query. None: a cache, or no stretches."""
        if banded not in self._stretches:
            self._stretches[banded] = self._as_stretches(banded)
        return self._stretches[banded]

    def _as_stretches(self, banded: bool) -> Seen | None:
        if self.start or self.allowed is not None:
            return None
        lengths = None
        if self.padding is not None:
            lengths = (~self.padding).sum(1)
            if not torch.equal(self.padding, torch.arange(self.total, device=lengths.device) >= lengths[:, None]):
                return None
        slopes = None if self.slopes is None else self.slopes.float().contiguous()
        return Seen(not self.causal, self.window if banded else 0, self.prefix, lengths, slopes)

    def distance(self) -> Tensor:
        """Key minus query, int64 (T, S)."""
        if "distance" not in self.shared:
            self.shared["distance"] = distances(self.start, self.new, self.total, self.device)
        return self.shared["distance"]

    def mask(self, banded: bool, cross: bool) -> tuple[Tensor | None, bool]:
        """What is added to the scores, or None, and whether torch should mask what comes later by itself."""
        if cross:
            return self._hidden(self.memory_padding), False
        if self.plain and not banded:
            return None, True
        if self.new == 1 and not banded and self.causal and self.unbiased and self.padding is None \
                and self.allowed is None:  # fmt: skip
            return None, False  # one new token sees everything
        if not self.causal and not banded and self.unbiased and self.padding is None and self.allowed is None:
            return None, False
        return self.dense_mask(banded), False

    def dense_mask(self, banded: bool) -> Tensor:
        """Biases, and a very low score where a key is hidden, float (1 or B, 1 or H, T, S)."""
        if banded not in self._masks:
            seen = self._seen(banded)
            mask = torch.zeros(seen.shape, dtype=self.dtype, device=seen.device).masked_fill(~seen, HIDDEN)
            if self.slopes is not None:
                mask = mask - self.distance().abs()[None, None] * self.slopes.to(self.dtype)[:, None, None]
            self._masks[banded] = mask if self.bias is None else mask + self.bias
        return self._masks[banded]

    def _seen(self, banded: bool) -> Tensor:
        """True where a query may see a key, bool (1 or B, 1, T, S)."""
        distance = self.distance()
        if self.allowed is not None:
            seen = self.allowed[:, None]
        else:
            seen = (distance <= 0 if self.causal else torch.ones_like(distance, dtype=torch.bool))[None, None]
        if self.prefix is not None:
            keys = torch.arange(self.total, device=distance.device)
            seen = seen | (keys[None, :] < self.prefix[:, None])[:, None, None, :]
        if banded:
            seen = seen & (distance.abs() < self.window)
        if self.padding is not None:
            seen = seen & ~self.padding[:, None, None, :]
        return seen

    def _hidden(self, padding: Tensor | None) -> Tensor | None:
        if padding is None:
            return None
        mask = torch.zeros(padding.shape, dtype=self.dtype, device=padding.device)
        return mask.masked_fill(padding, HIDDEN)[:, None, None, :]
