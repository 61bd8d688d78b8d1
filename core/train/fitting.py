"""How many sequences are computed at once, and whether activations are computed again, so that a run fits into memory.

Decided once, from what is free as the run begins, and written to choices.json: another micro-batch would give other
bits. A batch that fits stays whole.
"""

import msgspec
import psutil
import torch
from torch import nn

from core.errors import LabError
from core.model.sizing import FLOAT, training_memory
from core.model.trunk import Trunk
from core.record.events import Chosen
from core.record.folder import JobFolder
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.optimizers import KEPT

ROOM = 0.9  # of the free memory that an automatic choice may plan with


class Fit(msgspec.Struct, frozen=True):
    """Sequences computed at once, and whether each block's inside is computed again in the backward pass."""

    micro_batch: int
    recompute: bool


def memory_needed(spec: TrainSpec, shape: ModelSpec, fit: Fit) -> dict[str, int]:
    """Estimated bytes of a run by cause, and their ``total``: the model's, and what the spec adds or saves.

    With recomputation each block leaves its input, and one block at a time all that its backward pass needs.
    """
    halved, accumulated = spec.precision in ("bf16", "bf16_weights", "fp16"), fit.micro_batch < spec.batch_size
    whole = training_memory(shape, fit.micro_batch, halved, accumulated)
    parts = {**whole, "optimizer": int(whole["weights"] * KEPT[spec.optimizer])}
    if spec.ema_decay:
        parts["average"] = parts["weights"]
    if spec.precision == "bf16_weights":
        parts["twin"] = parts["weights"]  # half as many bytes, and so are its gradients
    if fit.recompute:
        layers = shape.n_layers + shape.encoders
        inputs = fit.micro_batch * shape.context * layers * shape.d_model * FLOAT
        parts["activations"] = min(parts["activations"], inputs + parts["activations"] // layers)
    more = sum(n - whole.get(cause, 0) for cause, n in parts.items() if cause != "total")
    return {**parts, "total": whole["total"] + more}


def free_memory(device: str) -> int:
    """Bytes that a run may still take."""
    return torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available


def fit(spec: TrainSpec, shape: ModelSpec, device: str, folder: JobFolder, emit) -> Fit:
    """The decision of this run; made now, or read from its folder.

    Raises:
        LabError: it does not fit whatever is done.
    """
    if device == "cuda":
        shape = msgspec.structs.replace(shape, dropout=0.0)  # there attention keeps no weights, dropout or not
    choices, free = folder.read_choices(), free_memory(device)
    kept = choices.get("fit")
    if kept is None:
        made = _decide(spec, shape, ROOM * free) or _decide(spec, shape, free) or _smallest(spec, shape)
    else:
        made = msgspec.convert(kept, Fit)
    need = memory_needed(spec, shape, made)["total"]
    if need > free:
        remedy, values = _way_out(spec, shape, free) if kept is None else (
            "End other programs, then resume: the run goes on from its last checkpoint.", {})
        raise LabError(
            "Training this would need about {need:.3g} GB of memory, and {free:.3g} GB are free.", "", remedy,
            need=need / 1e9, free=free / 1e9, **values)
    if kept is None:
        folder.write_choices({**choices, "fit": msgspec.to_builtins(made)})
        _say(spec, made, need, emit)
    return made


def _decide(spec: TrainSpec, shape: ModelSpec, room: float) -> Fit | None:
    """The largest micro-batch that fits, without computing again where that is possible; None = none fits."""
    for again in _recomputing(spec, shape):
        for rows in _micro_batches(spec):
            made = Fit(rows, again)
            if memory_needed(spec, shape, made)["total"] <= room:
                return made
    return None


def _smallest(spec: TrainSpec, shape: ModelSpec) -> Fit:
    return Fit(_micro_batches(spec)[-1], _recomputing(spec, shape)[-1])


def _way_out(spec: TrainSpec, shape: ModelSpec, free: float) -> tuple[str, dict]:
    """What would make a run fit that does not: a remedy with its figures, the one that changes least first."""
    loose = msgspec.structs.replace(spec, micro_batch=0)
    found = _decide(loose, shape, free)
    if found is not None:
        return "Set the micro-batch to {micro_batch}: the result is the same.", {"micro_batch": found.micro_batch}
    loose = msgspec.structs.replace(loose, recompute="auto")
    found = _decide(loose, shape, free)
    if found is not None:
        return ("Set Recompute to auto or on, and the micro-batch to {micro_batch}.",
                {"micro_batch": found.micro_batch})  # fmt: skip
    context = shape.context // 2
    while context >= 8:
        if _decide(loose, msgspec.structs.replace(shape, context=context), free) is not None:
            return "Choose a context of {context}, with Recompute on auto.", {"context": context}
        context //= 2
    alone = sum(memory_needed(loose, shape, _smallest(loose, shape)).get(cause, 0)
                for cause in ("weights", "gradients", "optimizer", "average", "twin"))  # fmt: skip
    return ("Choose a smaller model: its weights, their gradients and what the optimizer keeps take {alone:.3g} GB "
            "alone.", {"alone": alone / 1e9})  # fmt: skip


def _recomputing(spec: TrainSpec, shape: ModelSpec) -> list[bool]:
    """What may be tried, in order; only blocks of Transformers can be computed again."""
    if shape.family != "transformer":
        return [False]
    return {"off": [False], "on": [True], "auto": [False, True]}[spec.recompute]


def _micro_batches(spec: TrainSpec) -> list[int]:
    """What may be tried, the largest first: what the spec says, or all that divide the batch."""
    if spec.micro_batch:
        return [spec.micro_batch]
    return [rows for rows in range(spec.batch_size, 0, -1) if spec.batch_size % rows == 0]


def _say(spec: TrainSpec, made: Fit, need: int, emit) -> None:
    if not spec.micro_batch and made.micro_batch < spec.batch_size:
        emit(Chosen(what="Micro-batch", value=str(made.micro_batch),
                    why="As many sequences at once as fit into the free memory."))  # fmt: skip
    if made.recompute and spec.recompute == "auto":
        emit(Chosen(what="Recompute", value=f"{need / 1e9:.1f} GB",
                    why="Kept whole, the activations would not fit into the free memory."))  # fmt: skip


def set_recompute(model: nn.Module, on: bool) -> None:
    """Let every stack of blocks compute its activations again in the backward pass, or keep them."""
    for module in model.modules():
        if isinstance(module, Trunk):
            module.recompute = on
