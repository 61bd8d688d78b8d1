"""What is decided by measuring: precision and kernels (how many steps fit a time budget: see plan).

Decided once, on the run's real shapes, and written to choices.json: a resume never measures again,
because other arithmetic would give other bits.
"""

import time

import torch

from core.kernels import ops, step
from core.model.decoder import Decoder
from core.model.feed_forward import OUR_GELU
from core.record.events import Chosen
from core.record.folder import JobFolder
from core.spec.train import TrainSpec
from core.train.optimizers.adamw import time_paths
from core.train.precision import DTYPES
from core.train.race import race

SAME = 1.03  # times the fastest: of these the one of most bits is taken
PRECISIONS = ("fp32", "bf16", "bf16_weights")  # most exact first


def choose(spec: TrainSpec, folder: JobFolder, model: Decoder, batch, device: str, emit) -> dict:
    """The arithmetic of this run: {"precision", "kernels": {op: path}, "step_s", "threads", "adamw": path}.

    Args:
        batch: what the model is shown and asked, by name: the micro-batch of the first step.
    """
    choices = folder.read_choices()
    if "precision" not in choices:
        random_state = torch.get_rng_state()
        timings = race(model, batch, device, _candidates(spec, model, device))
        torch.set_rng_state(random_state)
        (precision, paths), step_s = _best(timings)
        choices |= {
            "precision": precision, "kernels": dict(paths), "step_s": step_s, "threads": torch.get_num_threads(),
            "timings_s": {label(*key): value for key, value in timings.items()},
        }  # fmt: skip
        choices |= _choose_adamw(spec, model, device)
        folder.write_choices(choices)
    emit(Chosen(
        what="arithmetic", value=label(choices["precision"], tuple(choices["kernels"].items())),
        why="The fastest of those timed on this machine.", timings=choices["timings_s"]))
    if choices.get("adamw_s"):
        emit(Chosen(what="optimizer", value=choices["adamw"], why="The faster of the two on this machine.",
                    timings=choices["adamw_s"]))  # fmt: skip
    return choices


def _choose_adamw(spec: TrainSpec, model: Decoder, device: str) -> dict:
    """Whose AdamW, and what was timed: they differ in the last bits. Nothing where only torch's will do."""
    fits = all(p.dtype == torch.float32 and p.is_contiguous() for p in model.parameters())
    if (spec.optimizer != "adamw" or spec.kernels == "torch" or device != "cpu" or spec.mesh.world > 1 or not fits
            or not ops.available()["built"]):  # fmt: skip
        return {}
    if spec.kernels == "ours":
        return {"adamw": "ours"}
    timings = time_paths(list(model.parameters()), spec.clip)
    return {"adamw": min(timings, key=timings.get), "adamw_s": timings}


def label(precision: str, paths) -> str:
    """A candidate in a few words: "bf16, our loss + attention" or "fp32, torch"."""
    ours = [name for name, path in paths if path == "ours"]
    return f"{precision}, {'our ' + ' + '.join(ours) if ours else 'torch'}"


def _candidates(spec: TrainSpec, model: Decoder, device: str) -> list[tuple[str, tuple]]:
    """Every precision with torch alone, with each of our two large kernels, with all of ours, and the step in one call.

    fp16 is left to those who ask for it: its loss has to be scaled, and bfloat16 is as fast wherever it is known.
    """
    precisions = PRECISIONS if spec.precision == "auto" else (spec.precision,)
    usable = [name for name in _ours(device) if _applies(name, model, device)]
    if spec.precision == "fp16" and device == "cpu":
        usable = []  # the C++ kernels read float32 and bfloat16
    sets = [()] if spec.kernels != "ours" or not usable else []
    if spec.kernels != "torch" and usable:
        if spec.kernels == "auto" and len(usable) > 1:
            sets += [(name,) for name in usable if name in ("loss", "attention")]
        sets.append(tuple(usable))
    ends = list(dict.fromkeys((sets[0], sets[-1])))  # a twin in bf16 gains the same whichever kernel runs
    whole = [("step",)] if spec.kernels != "torch" and device == "cpu" and _applies("step", model, device) else []
    offered = {"bf16": sets + whole, "bf16_weights": ends}
    return [(p, tuple((name, "ours") for name in names)) for p in precisions for names in offered.get(p, sets)]


def _ours(device: str) -> list[str]:
    """Names of the parts of a step that have a kernel of our own here."""
    if device == "cuda":
        return ["loss", "attention", "norm", "swiglu", "gelu"] if ops.available()["triton"] else []
    return ["loss", "attention", "norm", "swiglu", "gelu"] if ops.available()["built"] else []


def _applies(name: str, model: Decoder, device: str = "cpu") -> bool:
    """Whether a kernel of ours can carry out a part of this design at all; what cannot differ is not timed."""
    spec = model.spec
    if name == "loss":
        return (spec.family != "word_vectors" and not spec.head_bias and not spec.logit_softcap
                and spec.objective.task != "replaced")  # fmt: skip
    if name == "step":
        return ops.available()["built"] and isinstance(model, Decoder) and step.fits(spec)
    if spec.family != "transformer":
        return False
    gates = ("swiglu",) if device == "cpu" else ("swiglu", "geglu", "geglu_tanh", "silu")
    turned = spec.position == "rope" and spec.rope_pairs == "half" and spec.rotated == spec.head
    turned = turned and spec.layout == "decoder" and spec.attention != "window"  # on a GPU these positions are ours
    return {
        "attention": spec.dropout == 0.0 and not spec.attn_softcap and spec.position not in ("xl", "deberta")
        and spec.objective.task not in ("unilm", "permutation") and (device == "cpu" or turned),
        "norm": True, "swiglu": spec.activation in gates, "gelu": spec.activation in OUR_GELU,
    }.get(name, False)  # fmt: skip


def _best(timings: dict[tuple, float]) -> tuple[tuple, float]:
    """The fastest candidate and its seconds; among those as fast, one of most bits."""
    fastest = min(timings.values())
    same = [item for item in timings.items() if item[1] <= SAME * fastest]
    return min(same, key=lambda item: (PRECISIONS.index(item[0][0]) if item[0][0] in PRECISIONS else 0, item[1]))


def peak_flops(precision: str, device: str) -> float:
    """Floating-point operations a second of a large matrix product here: what MFU is measured against."""
    dtype = DTYPES.get(precision, torch.float32)
    width = 8192 if device == "cuda" else 1024  # a GPU needs more work than it takes to be told of it
    a = torch.randn(width, width, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        product = a @ a
        if device == "cuda":
            product[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * width**3 / best
