"""What one pass of a Transformer leaves behind: its residual stream, the attention of every head, its neurons.

Hooks look on while the model computes what it always computes; the weights and the answer stay as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.errors import LabError
from core.model.block import Block
from core.model.decoder import Decoder
from core.model.encoder_decoder import EncoderDecoder
from core.model.feed_forward import FeedForward
from core.model.permutation import PermutationModel
from core.model.replaced import ReplacedTokenModel


@dataclass
class Trace:
    """One pass over ids (B, T); a layer that stands twice in the stack is counted twice.

    Attributes:
        logits: (B, T, V) float32.
        residual: what enters the first block and what leaves each, layers + 1 of (B, T, D).
        attention: how each head shares out its attention, one (B, H, T, T) float32 a layer; empty if not asked for.
        neurons: what the feed-forward part's neurons say, one (B, T, F) a layer, None where there are experts;
            empty if not asked for.
    """

    logits: Tensor
    residual: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)
    neurons: list[Tensor | None] = field(default_factory=list)


def watch(model: Decoder, ids: Tensor, attention: bool = False, neurons: bool = False) -> Trace:
    """Read ids (B, T) int64 and keep what happened on the way."""
    trace = Trace(torch.empty(0))
    with torch.no_grad(), _looking_on(model, trace, attention, neurons):
        trace.logits = model(ids).float()
    return trace


def blocks_of(model: Decoder) -> list[Block]:
    """The blocks in the order in which they are gone through; a shared one as often as it is used."""
    blocks = [model.blocks[0]] * model.layers if model.spec.shared_layers else list(model.blocks)
    return blocks if model.query_block is None else [*blocks, model.query_block]


@contextmanager
def _looking_on(model: Decoder, trace: Trace, attention: bool, neurons: bool) -> Iterator[None]:
    """Hooks on every block, for the time of one pass."""

    def entered(block: Block, args: tuple, _) -> None:
        if not trace.residual:
            trace.residual.append(args[0])
        if neurons and not isinstance(block.ff, FeedForward):
            trace.neurons.append(None)

    def left(block: Block, args: tuple, out: Tensor) -> None:
        trace.residual.append(out)

    def attended(attn, args: tuple, named: dict) -> None:
        x, places = args[:2]
        trace.attention.append(attn.weights(x, places, named.get("memory")).float())

    def fired(_, args: tuple) -> None:
        trace.neurons.append(args[0])

    handles = []
    for block in dict.fromkeys(blocks_of(model)):
        handles += [block.register_forward_pre_hook(entered, with_kwargs=True), block.register_forward_hook(left)]
        if attention:
            handles.append(block.attn.register_forward_pre_hook(attended, with_kwargs=True))
        if neurons and isinstance(block.ff, FeedForward):
            handles.append(block.ff.down.register_forward_pre_hook(fired))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def inside_of(engine) -> Decoder:
    """The Transformer in an engine, to look into.

    Raises:
        LabError: the engine shows nothing of its inside, or its model has no such parts; one sentence each.
    """
    if engine.kind == "onnx":
        raise LabError(
            "{name} is answered by ONNX Runtime, which gives probabilities and shows nothing of the inside.", "",
            "Open the run that it was exported from; how sure it was of each word is shown for every model.",
            name=engine.name)  # fmt: skip
    model = getattr(engine, "model", None)
    if isinstance(model, ReplacedTokenModel):
        raise LabError(
            "{name} tells which tokens were replaced; these views look into models that predict tokens.", "",
            "Open a run of a decoder.", name=engine.name)  # fmt: skip
    if not isinstance(model, Decoder | EncoderDecoder):
        raise LabError(
            "{name} has no attention and no residual stream, so these views have nothing to show.", "",
            "Open a run of a Transformer.", name=engine.name)  # fmt: skip
    if isinstance(model, EncoderDecoder):
        raise LabError(
            "{name} has two stacks, one that reads and one that writes; these views look into models of one stack.",
            "", "Open a run of a decoder.", name=engine.name)  # fmt: skip
    if isinstance(model, PermutationModel):
        raise LabError(
            "{name} reads its text in changing orders, so a layer has no one guess at each place.", "",
            "Open a run of a decoder.", name=engine.name)  # fmt: skip
    return model


def need_order(model: Decoder, name: str) -> None:
    """Refuse a model that fills gaps where the next token is asked for.

    Raises:
        LabError: every token sees what comes after it.
    """
    if not model.causal:
        raise LabError(
            "{name} sees the whole text at once and fills gaps, so it has no next token to be measured by.", "",
            "Open a run of a decoder.", name=name)  # fmt: skip
