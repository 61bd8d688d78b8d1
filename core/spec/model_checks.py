"""Designs that cannot work, and why: caught while a person still types; ``where`` names the field."""

from core.errors import LabError

TASKS = {  # objectives that each layout of a Transformer can learn
    "decoder": ("causal",),
    "prefix": ("prefix", "causal", "blank_infilling", "denoisers"),
    "encoder": ("masked", "replaced", "permutation", "unilm"),
    "encoder_decoder": ("span_corruption", "infilling", "denoisers", "prefix", "causal"),
}
FAMILY_TASKS = {"lstm": ("causal",), "window": ("causal",), "word_vectors": ("skip_gram", "cbow"), "ngram": ("causal",)}

LONGEST_NGRAM = 6  # tokens


def check(spec) -> None:
    """Refuse an impossible design.

    Raises:
        LabError: which field cannot be, and what would work.
    """
    tasks = TASKS[spec.layout] if spec.family == "transformer" else FAMILY_TASKS[spec.family]
    if spec.objective.task not in tasks:
        raise LabError(
            "A model of the kind {kind} cannot learn the objective {task}.", "objective.task",
            "Choose one of {tasks}, or another layout.", task=spec.objective.task, tasks=", ".join(tasks),
            kind=spec.layout if spec.family == "transformer" else spec.family)
    if spec.objective.kept_share + spec.objective.random_share > 1:
        raise LabError(
            "Tokens left as they are and tokens replaced at random make more than all.", "objective.random_share",
            "Let the two shares sum to at most one.")
    if spec.family != "transformer":
        return _check_other(spec)
    _check_heads(spec)
    _check_positions(spec)
    _check_blocks(spec)


def _check_other(spec) -> None:
    if spec.family == "lstm" and spec.layout not in ("decoder", "encoder"):
        raise LabError(
            "An LSTM reads one way (decoder) or both ways (encoder).", "layout", "Choose decoder or encoder.")
    if spec.family in ("lstm", "window") and spec.tied_head and spec.embed_size not in (0, spec.d_model):
        raise LabError(
            "A tied head needs an embedding as wide as what comes out, and {embed} is not {width}.", "embed_size",
            "Set the embedding size to 0, or do not tie the head.", embed=spec.embed_size, width=spec.d_model)
    if spec.family == "ngram" and spec.window > LONGEST_NGRAM:
        raise LabError(
            "N-grams of {window} tokens are too long to count: nearly every one occurs only once.", "window",
            "Choose a window of at most {longest}.", window=spec.window, longest=LONGEST_NGRAM)
    if spec.family in ("window", "word_vectors") and spec.window > 64:
        raise LabError(
            "A window of {window} tokens is too wide for this kind of model.", "window", "Choose at most 64.",
            window=spec.window)


def _check_heads(spec) -> None:
    if spec.head_size == 0 and spec.d_model % spec.n_heads:
        raise LabError(
            "The width {d_model} cannot be divided evenly among {n_heads} query heads.", "n_heads",
            "Choose a width that is a multiple of {n_heads}, or give a head size.",
            d_model=spec.d_model, n_heads=spec.n_heads)
    if spec.n_heads % spec.kv:
        raise LabError(
            "{n_heads} query heads cannot share {kv_heads} key/value heads evenly.", "kv_heads",
            "Choose a number of key/value heads that divides {n_heads}.",
            n_heads=spec.n_heads, kv_heads=spec.kv)
    if spec.kv != spec.n_heads and spec.position in ("xl", "deberta"):
        raise LabError(
            "Relative positions of this kind belong to each query head, so heads cannot share keys and values.",
            "kv_heads", "Set key/value heads to 0, or choose other positions.")


def _check_positions(spec) -> None:
    if spec.position == "learned" and spec.context > spec.position_rows:
        raise LabError(
            "A context of {context} tokens is longer than the {positions} learned positions.", "context",
            "Choose a context of at most {positions} tokens, or give more positions.",
            context=spec.context, positions=spec.position_rows)
    if spec.position == "rope" and spec.rope_share == 1.0 and spec.head % 2:
        raise LabError(
            "RoPE turns pairs of features, so the head size {head} must be even.", "head_size",
            "Choose an even head size.", head=spec.head)
    if spec.position == "rope" and not spec.rotated:
        raise LabError(
            "RoPE would turn no feature at all of heads of {head}.", "rope_share", "Choose a larger rotated share.",
            head=spec.head)
    if spec.position == "sinusoidal" and spec.d_model % 2:
        raise LabError(
            "Sinusoidal positions come in pairs, so the width {d_model} must be even.", "position",
            "Choose an even width.", d_model=spec.d_model)
    if spec.position == "xl" and spec.d_model % 2:
        raise LabError(
            "The relative positions of Transformer-XL come in pairs, so the width {d_model} must be even.", "position",
            "Choose an even width.", d_model=spec.d_model)
    if spec.position == "t5" and spec.relative_buckets % 4:
        raise LabError(
            "{buckets} distance buckets cannot be split into near and far, before and after.", "relative_buckets",
            "Choose a multiple of four.", buckets=spec.relative_buckets)
    if spec.position == "deberta" and spec.layout != "encoder":
        raise LabError(
            "Disentangled positions are for encoders: they look both ways.", "position",
            "Choose the layout encoder, or other positions.")
    if spec.objective.task == "permutation" and spec.position != "xl":
        raise LabError(
            "Tokens in a random order need the relative positions of Transformer-XL.", "position",
            "Choose xl for the positions.")


def _check_blocks(spec) -> None:
    experts = spec.experts
    if spec.deep_norm and spec.norm_place != "post":
        raise LabError(
            "DeepNorm scales the residual of norms that come after each part.", "norm_place",
            "Choose post for the norm's place, or switch DeepNorm off.")
    if spec.parallel != "no" and spec.norm_place != "pre":
        raise LabError(
            "Parallel blocks read one normalised input, so the norm comes before them.", "norm_place",
            "Choose pre for the norm's place, or no parallel block.")
    if spec.parallel != "no" and (experts.count or spec.layout == "encoder_decoder"):
        raise LabError(
            "Parallel blocks are built for dense models of one stack.", "parallel",
            "Choose no parallel block, or leave out experts and the second stack.")
    if experts.count and experts.router == "none":
        raise LabError(
            "{count} experts need a router that sends each token to some of them.", "experts.router",
            "Choose a learned or a random router, or set the number of experts to 0.", count=experts.count)
    if experts.count == 1 or 0 < experts.count < experts.top:
        raise LabError(
            "A token cannot pass through {top} of {count} experts.", "experts.top",
            "Give more experts, or let each token choose fewer; one expert alone is a dense block.",
            top=experts.top, count=experts.count)
    if experts.count and experts.router == "random" and experts.top != 1:
        raise LabError(
            "A random router sends each token to one expert.", "experts.top", "Let each token choose one expert.")
    if experts.count and experts.every > max(spec.n_layers, spec.encoders):
        raise LabError(
            "With {layers} layers there is no sparse block when only every {every}th has experts.", "experts.every",
            "Choose a smaller number.", layers=spec.n_layers, every=experts.every)
    if experts.count and spec.shared_layers and experts.every > 1:
        raise LabError(
            "Blocks that share their weights are all alike, so experts cannot be in some of them only.",
            "experts.every", "Set it to 1, or do not share layers.")
    if spec.embed_size > spec.d_model:
        raise LabError(
            "An embedding of {embed} features is larger than the width of {width}.", "embed_size",
            "Choose at most the width.", embed=spec.embed_size, width=spec.d_model)
    if spec.query_layer and spec.layout != "decoder":
        raise LabError("A query layer is built for decoders.", "query_layer", "Choose the layout decoder.")
    if spec.query_layer and spec.position == "xl":
        raise LabError("A query layer has positions of its own.", "query_layer", "Choose other positions.")
