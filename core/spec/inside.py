"""Looks into a model while it reads a text: what can be asked for, and what is brought back.

Every look is made by the engine's process on the tokens of one text; the window only draws what comes back.
"""

from typing import Literal

import msgspec


class Array(msgspec.Struct, frozen=True):
    """Numbers on the way between two processes: float32, little-endian, the last dimension fastest."""

    shape: tuple[int, ...]
    data: bytes

    def numpy(self):
        """The numbers as a read-only numpy array."""
        import numpy  # the specs themselves do without

        return numpy.frombuffer(self.data, "<f4").reshape(self.shape)


class Look(msgspec.Struct, frozen=True, tag=True, tag_field="look"):
    """Base of what can be asked for."""


class LensLook(Look, frozen=True):
    """What the model would say if it stopped after each layer.

    ``tuned`` first moves each layer's vectors into the last one's frame by an affine map, which is learnt within
    seconds on the run's held-out text when the checkpoint has none yet.
    """

    tuned: bool = False


class AttentionLook(Look, frozen=True):
    """Where every head looks, at every token."""


class HeadsLook(Look, frozen=True):
    """How much worse the text is predicted when one head's part is taken out.

    Args:
        place: the token whose probability counts; -1 = the mean over all of the text.
        how: put zeros in its place, or what it says on average in this text.
    """

    place: int = -1
    how: Literal["zero", "mean"] = "zero"


class InductionLook(Look, frozen=True):
    """Induction and previous-token scores of every head, on random tokens said twice.

    ``history`` measures every checkpoint that the run has kept.
    """

    history: bool = False


class ResidualLook(Look, frozen=True):
    """How long the vectors of the residual stream are, by layer and place."""


class EmbeddingsLook(Look, frozen=True):
    """The vectors of tokens on the two axes along which they differ most."""

    most: int = 2000  # tokens, those of the text first


class NeuronsLook(Look, frozen=True):
    """What the neurons of one layer say to the text, and where in the training text they said most."""

    layer: int = 0
    examples: int = 5  # a neuron


AnyLook = LensLook | AttentionLook | HeadsLook | InductionLook | ResidualLook | EmbeddingsLook | NeuronsLook


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="look"):
    """Base of what is brought back."""


class LensSeen(Seen, frozen=True, kw_only=True):
    """Rows are layers: row 0 the embedding, the last row what the model says."""

    entropy: Array  # (layers + 1, T), nats
    probability: Array  # of the token that really follows, (layers + 1, T); NaN where none does
    kl: Array  # how far each layer's guess is from the last one's, mean over the text, nats, (layers + 1,)
    top: list[list[list[tuple[bytes, float]]]]  # each cell's likeliest tokens, best first
    tuned: bool
    learnt: list[tuple[float, float]] | None = None  # a layer's KL on held-out text: as it is, and tuned; nats


class AttentionSeen(Seen, frozen=True, kw_only=True):
    """Row: the token that looks; column: the token looked at; each row sums to 1."""

    weights: Array  # (layers, heads, T, T)


class HeadsSeen(Seen, frozen=True, kw_only=True):
    """How much each head is missed."""

    worse: Array  # nats a token, (layers, heads); above 0 = the head helps
    whole: float  # the loss with all heads, nats
    place: int
    how: str


class InductionSeen(Seen, frozen=True, kw_only=True):
    """Scores of the opened checkpoint, and of those before it where they were asked for."""

    induction: Array  # (layers, heads), 0..1
    previous: Array  # (layers, heads), 0..1
    steps: list[int] = []
    history: Array | None = None  # induction scores, (steps, layers, heads)
    previous_history: Array | None = None


class ResidualSeen(Seen, frozen=True, kw_only=True):
    """Lengths of the vectors in the stream."""

    norms: Array  # (layers + 1, T)


class EmbeddingsSeen(Seen, frozen=True, kw_only=True):
    """Places of tokens on the first two principal axes."""

    ids: list[int]
    tokens: list[bytes]
    places: Array  # (n, 2)
    share: tuple[float, float]  # of the variance that each axis holds
    of_text: int  # so many of the first ones stand in the text


class Example(msgspec.Struct, frozen=True):
    """A piece of training text where a neuron said much; ``at`` is the token that it said it to."""

    value: float
    tokens: list[bytes]
    at: int


class NeuronsSeen(Seen, frozen=True, kw_only=True):
    """The neurons of one layer that say most to the text, and each one's strongest examples."""

    layer: int
    layers: int  # of the model
    neurons: list[int]  # their numbers, those that say most to some token of the text first
    values: Array  # what each says to each token, (neurons, T)
    examples: list[list[Example]]
    scanned: int  # tokens of training text that were read; 0 where there is none
    missing: str = ""  # why there are no examples, a template over ``values_said``
    values_said: dict = {}


AnySeen = LensSeen | AttentionSeen | HeadsSeen | InductionSeen | ResidualSeen | EmbeddingsSeen | NeuronsSeen
