"""What happens inside, layer by layer: gradients, weights, activations, dead units and attention, now and then.

Looking must not change what it looks at. The hooks read and draw no random number, they hang only in the steps that
are looked at, and only the first micro-batch of such a step is measured. One record a look stands in ``layers.bin``,
in the format of ``metrics.bin``; its columns are called ``measure/layer``.
"""

import copy
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from core.model.attention import Attention
from core.model.block import Block
from core.model.feed_forward import ACTIVATIONS, GATES, FeedForward
from core.model.places import Places
from core.record.metrics import Columns, MetricsWriter

UNITS = (Block, nn.LSTM)  # what counts as one layer; all else is named after its place in the model
WAY_IN = ("embed", "positions", "segments", "embed_norm", "embed_up")  # what a token passes before the first block
ROWS = 2  # sequences whose attention is written out
DENSE = 512  # tokens a sequence; from there on one sequence is enough
CLOSED_BELOW_ZERO = ("relu", "relu_squared", "gelu", "gelu_tanh", "silu")


class Layers:
    """Looks into a model every ``every`` steps, and at the first.

    Args:
        path: the file of the records.
        last_step: records of later steps are cut off: they are undone.
        working: the same model in the arithmetic that forward and backward are made in; None = itself.
    """

    def __init__(
        self, model: nn.Module, path: Path, every: int, last_step: int = 0, working: nn.Module | None = None,
    ) -> None:  # fmt: skip
        self.every = every
        self.parts = _parts(model)
        self.working = working or model
        self.modules = {name: module for name, module in self.working.named_modules() if name in self.parts}
        self._seen: dict[str, Tensor] = {}
        self._hooks: list = []
        columns = self._columns() if every and self.parts else []
        self.file = MetricsWriter(path, columns, last_step) if columns else None
        if self.file is not None and [name for name, _ in self.file.columns] != [name for name, _ in columns]:
            self.file.close()  # of a model made otherwise: nothing is added to it
            self.file = None

    def begin(self, step: int) -> None:
        """Hang up the hooks if this step (counted from 1) is to be looked at."""
        if self.file is None or not (step == 1 or step % self.every == 0):
            return
        self._leave()
        self._seen = {}
        for name, module in self.modules.items():
            self._hang(name, module)
        self.working.looked_at = True

    def take(self, step: int, grad_norm: float, clip: float) -> None:
        """Write what was seen; between the backward pass and the change of the weights.

        Args:
            grad_norm: of all gradients before clipping.
            clip: what they were clipped to; 0 = not at all. Their lengths are told as they were before.
        """
        if not self._hooks:
            return
        self._leave()
        shrunk = min(1.0, clip / (grad_norm + 1e-6)) if clip else 1.0
        names = list(self.parts)
        found = dict(self._seen)
        for name in names:
            weights = [p.detach() for p in self.parts[name]]
            found[f"weight_norm/{name}"] = _length(weights)
            found[f"grad_norm/{name}"] = _length([p.grad for p in self.parts[name] if p.grad is not None]) / shrunk
        values = torch.stack([value.double().cpu() for value in found.values()]).tolist()
        self.file.append(step=step, **dict(zip(found, values)))

    def drop(self) -> None:
        """Forget a look at a step that is not carried out."""
        self._leave()

    def cut(self, last_step: int) -> None:
        """Take back the records of later steps."""
        if self.file is not None:
            path, columns = self.file.path, self.file.columns
            self.file.close()
            self.file = MetricsWriter(path, columns, last_step)

    def sync(self) -> None:
        """Make the records outlast a power cut."""
        if self.file is not None:
            self.file.sync()

    def close(self) -> None:
        """Take the hooks away and close the file."""
        self._leave()
        if self.file is not None:
            self.file.close()

    def _columns(self) -> Columns:
        measured = {"grad_norm": list(self.parts), "weight_norm": list(self.parts), "activation": list(self.modules),
                    "dead": [n for n, m in self.modules.items() if _gates(m)],
                    "entropy": [n for n, m in self.modules.items() if _attention(m) is not None]}  # fmt: skip
        units = {"dead": "share", "entropy": "nats"}
        return [("step", "")] + [
            (f"{what}/{name}", units.get(what, "")) for what, names in measured.items() for name in names]

    def _hang(self, name: str, module: nn.Module) -> None:
        """Hooks on one layer; each keeps only what its first call saw."""
        self._hooks.append(module.register_forward_hook(
            lambda _, given, out: self._keep(f"activation/{name}", lambda: _size(out))))
        gates = _gates(module)
        for place, gate in enumerate(gates):
            self._hooks.append(gate.register_forward_hook(
                lambda _, given, out, place=place: self._count(f"dead/{name}", place, len(gates), out)))
        attention = _attention(module)
        if attention is not None:
            self._hooks.append(attention.register_forward_pre_hook(
                lambda layer, given, named: self._keep(
                    f"entropy/{name}", lambda: _entropy(layer, *given[:2], named.get("memory"))),
                with_kwargs=True))

    @torch.no_grad()
    def _keep(self, key: str, measure) -> None:
        if key not in self._seen:
            self._seen[key] = measure()

    @torch.no_grad()
    def _count(self, key: str, place: int, gates: int, out: Tensor) -> None:
        """Units that no token opened; of several experts the mean over those that were asked."""
        seen = self._asked.setdefault(key, {})
        if place in seen or not out.numel():
            return
        seen[place] = (out.detach().flatten(0, -2).amax(0) <= 0).float().mean()
        self._seen[key] = torch.stack(list(seen.values())).mean()

    def _leave(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self.working.looked_at = False
        self._asked: dict[str, dict[int, Tensor]] = {}


def _parts(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Every weight of a model once, by layer, from its input on: blocks by their name, the rest by where it stands."""
    units = [name for name, module in model.named_modules() if isinstance(module, UNITS)]
    parts: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        unit = next((unit for unit in units if name.startswith(f"{unit}.")), name.partition(".")[0])
        parts.setdefault(unit, []).append(parameter)
    return {name: parts[name] for name in sorted(parts, key=lambda name: name not in WAY_IN)}


def _gates(module: nn.Module) -> list[nn.Linear]:
    """The layers whose outputs open the hidden units of a block, where a unit can be closed."""
    found = [part for part in module.modules() if isinstance(part, FeedForward)]
    closing = [part for part in found if GATES.get(part.activation, part.activation) in CLOSED_BELOW_ZERO]
    return [part.up if part.gate is None else part.gate for part in closing]


def _attention(module: nn.Module) -> Attention | None:
    return module.attn if isinstance(module, Block) else None


def _length(tensors: Iterable[Tensor]) -> Tensor:
    """Euclidean length of several tensors as one vector, float32 scalar."""
    tensors = list(tensors)
    if not tensors:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack([norm.float() for norm in torch._foreach_norm(tensors)]))


def _size(out) -> Tensor:
    """Root mean square of a layer's output, float32 scalar."""
    first = out[0] if isinstance(out, tuple) else out
    return first.detach().float().square().mean().sqrt()


def _entropy(attention: Attention, x: Tensor, places: Places, memory: Tensor | None) -> Tensor:
    """Mean entropy of a layer's attention over heads and queries, nats; of the first few sequences.

    Source: Zhai et al. 2023, Stabilizing Transformer Training by Preventing Attention Entropy Collapse,
    arXiv:2303.06296.
    """
    rows = ROWS if x.shape[1] < DENSE else 1
    few = memory if memory is None else memory[:rows]
    weights = attention.weights(x[:rows].detach(), _first(places, rows), few)
    return torch.special.entr(weights).sum(-1).mean()


def _first(places: Places, rows: int) -> Places:
    """The same places for the first sequences alone; what is computed there leaves no trace in the others."""
    few = copy.copy(places)
    few.shared, few._masks = dict(places.shared), {}
    for name in ("prefix", "padding", "allowed", "memory_padding", "bias"):
        value = getattr(places, name)
        if value is not None and value.shape[0] > rows:
            setattr(few, name, value[:rows])
    return few


assert set(CLOSED_BELOW_ZERO) <= set(ACTIVATIONS)
