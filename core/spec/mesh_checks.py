"""Layouts over several processes that cannot work, and why; ``where`` names the field."""

from core.errors import LabError

SPLITTABLE_POSITIONS = ("rope", "learned", "sinusoidal", "alibi", "none")
ELEMENTWISE = ("adamw", "lion", "sgd")  # optimizers that change each weight by its own gradient alone


def check_mesh(spec) -> None:
    """Refuse a run that cannot be laid out as its mesh says.

    Args:
        spec: a TrainSpec.
    Raises:
        LabError: which field cannot be, and what would work.
    """
    mesh = spec.mesh
    if mesh.world == 1:
        return
    _check_batch(spec)
    _check_kind(spec)
    if mesh.splits_weights or mesh.pipeline > 1:
        _check_divided(spec)
    if mesh.splits_weights:
        _check_split(spec)
    if mesh.tensor > 1:
        _check_tensor(spec)
    if mesh.pipeline > 1:
        _check_pipeline(spec)


def _check_batch(spec) -> None:
    copies = spec.mesh.copies
    for field, count in (("batch_size", spec.batch_size), ("micro_batch", spec.micro_batch)):
        if count % copies:
            raise LabError(
                "{count} sequences cannot be shared out evenly among {copies} processes.", field,
                "Choose a multiple of {copies}.", count=count, copies=copies)
    if spec.batch_ramp_from:
        raise LabError(
            "A batch that grows cannot be shared out evenly at every step.", "batch_ramp_from",
            "Set it to 0, or train in one process.")


def _check_kind(spec) -> None:
    model = spec.model
    if model.family in ("ngram", "word_vectors"):
        raise LabError(
            "Models of the family {family} are made in one process.", "mesh", "Set every direction of the mesh to 1.",
            family=model.family)
    if spec.precision in ("fp16", "bf16_weights"):
        raise LabError(
            "The precision {precision} is built for runs in one process.", "precision",
            "Choose fp32 or bf16, or set every direction of the mesh to 1.", precision=spec.precision)


def _check_divided(spec) -> None:
    """No process has the whole model."""
    model = spec.model
    if model.family != "transformer" or model.layout != "decoder" or model.objective.task != "causal":
        raise LabError(
            "Only decoder Transformers can be divided; other models can be copied.", "mesh",
            "Use copies alone, or ZeRO stage 1.")
    if model.experts.count or model.shared_layers:
        raise LabError(
            "Models with experts or shared layers cannot be divided; they can be copied.", "mesh",
            "Use copies alone, or ZeRO stage 1.")
    if spec.kernels == "ours":
        raise LabError(
            "Kernels of our own run where each process has the whole model.", "kernels",
            "Choose auto or torch, or use copies or ZeRO stage 1.")
    if spec.budget_s:
        raise LabError(
            "A time budget needs timed steps, and a divided model is not timed beforehand.", "budget_s",
            "Set it to 0 and say how many steps.")


def _check_split(spec) -> None:
    if spec.optimizer not in ELEMENTWISE:
        raise LabError(
            "The optimizer {optimizer} looks at whole matrices, and here each process holds a part of each.",
            "optimizer", "Choose one of {names}, or copies with ZeRO stage 1.",
            optimizer=spec.optimizer, names=", ".join(ELEMENTWISE))
    if spec.ema_decay:
        raise LabError(
            "An average of the weights is kept where each process has whole matrices.", "ema_decay",
            "Set it to 0, or use copies or ZeRO stage 1.")


def _check_tensor(spec) -> None:
    model, parts = spec.model, spec.mesh.tensor
    for field, count, problem in (
        ("n_heads", model.n_heads, "{count} query heads cannot be divided among {parts} processes."),
        ("kv_heads", model.kv, "{count} key/value heads cannot be divided among {parts} processes."),
        ("d_ff", model.ff, "{count} feed-forward features cannot be divided among {parts} processes."),
    ):  # fmt: skip
        if count % parts:
            raise LabError(
                problem, f"model.{field}", "Choose a multiple of {parts}, or another tensor parallel size.",
                count=count, parts=parts)
    if model.position not in SPLITTABLE_POSITIONS:
        raise LabError(
            "Positions of the kind {position} cannot be divided by heads.", "model.position",
            "Choose one of {names}, or set tensor parallel to 1.", position=model.position,
            names=", ".join(SPLITTABLE_POSITIONS))
    if spec.mesh.sequence and model.context % parts:
        raise LabError(
            "A context of {context} cannot be divided among {parts} processes.", "model.context",
            "Choose a multiple of {parts}, or switch sequence parallel off.", context=model.context, parts=parts)


def _check_pipeline(spec) -> None:
    model, mesh = spec.model, spec.mesh
    if model.n_layers < mesh.pipeline:
        raise LabError(
            "{layers} layers cannot be divided among {stages} processes.", "mesh.pipeline",
            "Choose at most as many as there are layers.", layers=model.n_layers, stages=mesh.pipeline)
    if mesh.shard > 1 and mesh.zero > 1:
        raise LabError(
            "In a pipeline the weights of a piece stay whole.", "mesh.zero", "Choose ZeRO stage 1, or copies.")
    if model.position not in SPLITTABLE_POSITIONS or model.query_layer:
        raise LabError(
            "Relative positions that all layers share, and a query layer, cannot be divided into a pipeline.",
            "mesh.pipeline", "Set it to 1, or choose RoPE for the positions.")
