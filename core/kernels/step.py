"""One training step of the standard decoder in one call of the C++ library: forward, loss and all gradients.

Between torch's operations lie a dispatch, a trip of every activation through memory, and weights laid out anew for
each product. Here weights are laid out once a layer, activations stay in cache, and nothing is allocated: the memory
of a step is one piece, kept from call to call.
"""

import ctypes
import threading
from collections.abc import Iterator
from ctypes import POINTER, Structure, c_double, c_float, c_int, c_int32, c_int64, c_void_p

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from core.kernels import library
from core.spec.model import ModelSpec

BENDS = {"gelu": 0, "gelu_tanh": 1, "relu": 2, "silu": 3, "swiglu": 3, "geglu": 0, "geglu_tanh": 1, "reglu": 2}
"""Activations that the library knows (Bend in cpu/bend.h); the last four bend a gate."""

LAYER = {
    "attn_norm": "attn_norm.weight", "attn_norm_bias": "attn_norm.bias", "q": "attn.q.weight", "k": "attn.k.weight",
    "v": "attn.v.weight", "o": "attn.o.weight", "q_bias": "attn.q.bias", "k_bias": "attn.k.bias",
    "v_bias": "attn.v.bias", "o_bias": "attn.o.bias", "ff_norm": "ff_norm.weight", "ff_norm_bias": "ff_norm.bias",
    "gate": "ff.gate.weight", "up": "ff.up.weight", "down": "ff.down.weight", "gate_bias": "ff.gate.bias",
    "up_bias": "ff.up.bias", "down_bias": "ff.down.bias",
}  # fmt: skip
ENDS = {"embed": "embed.weight", "positions": "positions.weight", "final_norm": "final_norm.weight",
        "final_norm_bias": "final_norm.bias", "head": "head.weight"}  # fmt: skip


class StepLayer(Structure):
    """Mirror of the struct of this name in cpu/step_job.h."""

    _fields_ = [(name, c_void_p) for name in LAYER]


class StepEnds(Structure):
    """Mirror of the struct of this name in cpu/step_job.h."""

    _fields_ = [(name, c_void_p) for name in ENDS]


class StepJob(Structure):
    """Mirror of the struct of this name in cpu/step_job.h."""

    _fields_ = [
        *((name, c_int64) for name in ("d_model", "n_layers", "n_heads", "kv_heads", "head_size", "feed_forward",
                                       "vocabulary", "batch", "time")),
        ("epsilon", c_float), ("centred", c_int32), ("bend", c_int32), ("train", c_int32),
        ("ends", StepEnds), ("d_ends", StepEnds), ("layers", POINTER(StepLayer)), ("d_layers", POINTER(StepLayer)),
        *((name, c_void_p) for name in ("cosines", "sines", "ids", "targets", "memory")),
        ("loss", c_double), ("counted", c_int64),
    ]  # fmt: skip


def fits(spec: ModelSpec) -> bool:
    """Whether a design is one of those that the whole step can carry out: GPT-2's and LLaMA's shapes and their kin."""
    usual = {"family": "transformer", "layout": "decoder", "norm_place": "pre", "parallel": "no", "attention": "full",
             "attn_scaled": True, "attn_softcap": 0.0, "qk_norm": False, "query_layer": False, "embed_norm": False,
             "embed_scaled": False, "segments": 0, "shared_layers": False, "head_bias": False, "head_transform": False,
             "logit_scale": 1.0, "logit_softcap": 0.0, "dropout": 0.0}  # fmt: skip
    turned = spec.position != "rope" or (spec.rope_pairs == "half" and spec.rotated == spec.head)
    return (all(getattr(spec, field) == value for field, value in usual.items()) and turned
            and spec.position in ("rope", "learned", "none") and spec.activation in BENDS and not spec.experts.count
            and spec.embed == spec.d_model and spec.objective.task == "causal")  # fmt: skip


def takes(model: nn.Module, ids: Tensor) -> bool:
    """Whether it can carry out this model as it is now: a design that :func:`fits`, in float32, on a processor."""
    return ids.device.type == "cpu" and model.embed.weight.dtype == torch.float32 and fits(model.spec)


def loss(model: nn.Module, ids: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of a decoder, nats, float32 scalar; its backward pass gives all gradients.

    Products are of bfloat16 and summed in float32; weights, gradients and the residual stream are float32.

    Args:
        model: a :class:`core.model.decoder.Decoder` of a design that :func:`fits`, its parameters float32.
        ids: (B, T), int64.
        targets: (B, T), int64; a negative target is ignored.
    Raises:
        IndexError: a token is not in the vocabulary.
        LabError: the library is missing; remedy: build it.
    """
    highest = model.spec.vocab_size
    if int(ids.max()) >= highest or int(ids.min()) < 0 or int(targets.max()) >= highest:
        raise IndexError(f"a token is not below the vocabulary size {highest}")
    named = dict(_parameters(model))
    return _Loss.apply(model, list(named), ids.contiguous(), targets.contiguous(), *named.values())


def memory_bytes(model: nn.Module, batch: int, time: int) -> int:
    """What a training step of this shape works in, beside weights and gradients."""
    job = _job(model, dict(_parameters(model)), {}, batch, time, train=True)
    return _library().coldframe_step_bytes(ctypes.byref(job))


def _parameters(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Parameter]]:
    """What named_parameters gives where nothing is shared, in half its time: a small model's step is short."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            yield prefix + name, parameter
    for name, part in module._modules.items():
        yield from _parameters(part, f"{prefix}{name}.")


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, model: nn.Module, names: list[str], ids: Tensor, targets: Tensor, *parameters: Tensor) -> Tensor:
        train = any(ctx.needs_input_grad[4:])
        gradients = _room_for(parameters) if train else None
        weights = dict(zip(names, parameters, strict=True))
        slopes = dict(zip(names, gradients[1], strict=True)) if train else {}
        total, counted = _run(model, ids, targets, weights, slopes)
        if train:
            ctx.gradients = gradients
        return torch.tensor(total / max(counted, 1), dtype=torch.float32)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_loss: Tensor):
        (whole, views), ctx.gradients = ctx.gradients, None
        _kept.gradients = whole
        if (factor := d_loss.item()) != 1.0:  # micro-batches scale the loss
            whole.mul_(factor)
        return None, None, None, None, *views


_kept = threading.local()
ALIGNED = 16  # floats: each gradient starts on a cache line


def _room_for(parameters: tuple[Tensor, ...]) -> tuple[Tensor, list[Tensor]]:
    """One buffer for all gradients, and its views in the parameters' shapes.

    Fresh pages cost more than the arithmetic on them, so the backward pass gives the buffer back for the next step: a
    loss that still waits for its own keeps its gradients. One in which a parameter's gradient lies is not taken.
    """
    starts, at = [], 0
    for parameter in parameters:
        starts.append(at)
        at += -(-parameter.numel() // ALIGNED) * ALIGNED
    held = getattr(_kept, "gradients", None)
    used = {parameter.grad.untyped_storage().data_ptr() for parameter in parameters if parameter.grad is not None}
    if held is None or held.numel() != at or held.untyped_storage().data_ptr() in used:
        held = torch.empty(at)
    _kept.gradients = None
    return held, [held[start : start + p.numel()].view(p.shape) for start, p in zip(starts, parameters, strict=True)]


def _run(model: nn.Module, ids: Tensor, targets: Tensor, weights: dict, slopes: dict) -> tuple[float, int]:
    """Call the library: the loss summed over the targets that count, and how many they are."""
    counted = int((targets >= 0).sum())
    if not counted:
        for slope in slopes.values():
            slope.zero_()
        return 0.0, 0
    batch, time = ids.shape
    if "positions.weight" in slopes:
        slopes["positions.weight"][time:].zero_()
    job = _job(model, weights, slopes, batch, time, train=bool(slopes))
    angles = [] if model.cos is None else [x[:time].contiguous() for x in (model.cos, model.sin)]
    job.cosines, job.sines = [x.data_ptr() for x in angles] or (None, None)
    job.ids, job.targets, job.counted = ids.data_ptr(), targets.data_ptr(), counted
    called = _library()
    memory = _memory(called.coldframe_step_bytes(ctypes.byref(job)))
    job.memory = memory.data_ptr()
    called.coldframe_step(ctypes.byref(job), torch.get_num_threads())
    return job.loss, counted


def _job(model: nn.Module, weights: dict, slopes: dict, batch: int, time: int, train: bool) -> StepJob:
    """A job without its tokens and its memory."""
    spec: ModelSpec = model.spec
    return StepJob(
        spec.d_model, spec.n_layers, spec.n_heads, spec.kv, spec.head, spec.ff, spec.vocab_size, batch, time,
        spec.norm_eps, spec.norm == "layer_norm", BENDS[spec.activation], train, _ends(weights), _ends(slopes),
        _layers(spec.n_layers, weights), _layers(spec.n_layers, slopes))


def _layers(count: int, tensors: dict[str, Tensor]):
    return (StepLayer * count)(*(
        StepLayer(*(_address(tensors.get(f"blocks.{i}.{name}")) for name in LAYER.values())) for i in range(count)))


def _ends(tensors: dict[str, Tensor]) -> StepEnds:
    return StepEnds(*(_address(tensors.get(name)) for name in ENDS.values()))


def _address(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def _library() -> ctypes.CDLL:
    called = library.load()
    called.coldframe_step.restype, called.coldframe_step.argtypes = None, [POINTER(StepJob), c_int]
    called.coldframe_step_bytes.restype, called.coldframe_step_bytes.argtypes = c_int64, [POINTER(StepJob)]
    return called


def _memory(count: int) -> Tensor:
    """So many bytes on a cache line's boundary, kept for the next call."""
    held = getattr(_kept, "memory", None)
    if held is None or held.numel() < count + 64:
        _kept.memory = None
        held = torch.empty(count + 64, dtype=torch.uint8)
        _kept.memory = held
    return held[-held.data_ptr() % 64 :]
