"""What the picture of a model consists of: stacks of boxes from the spec, before anything has a place.

Rows stand from the output at the top to the input at the foot, as papers draw them.
"""

from dataclasses import dataclass, field

from core.spec.base import fields
from core.spec.model import ModelSpec
from core.spec.objective import Objective
from widgets.spec_words import choice_text, say

SHOWN_EXPERTS = 3
# The fields behind the boxes, the one most often changed first; a form shows those that mean something.
NORM = ("norm", "norm_place", "norm_eps", "norm_bias", "deep_norm", "parallel")
ATTENTION = ("n_heads", "kv_heads", "head_size", "position", "rope_theta", "rope_share", "rope_pairs", "rope_scaling",
             "rope_factor", "relative_buckets", "relative_distance", "attention", "window", "attn_bias", "bias",
             "qk_norm", "attn_scaled", "attn_softcap", "query_layer", "layout", "parallel")  # fmt: skip
FEED_FORWARD = ("d_ff", "activation", "bias", "parallel", "experts.count")
EXPERTS = ("experts.count", "experts.top", "experts.every", "d_ff", "activation", "bias")
ROUTER = ("experts.router", "experts.top", "experts.every", "experts.normalised", "experts.capacity",
          "experts.balance_loss", "experts.z_loss")  # fmt: skip
HEAD = ("tied_head", "head_bias", "head_transform", "vocab_size", "logit_scale", "logit_softcap", "objective.task")
OBJECTIVE = tuple(f"objective.{field.name}" for field in fields(Objective))
EMBEDDING = ("d_model", "vocab_size", "embed_size", "embed_scaled", "embed_norm", "segments", "context",
             "init_std", "family")  # fmt: skip
BLOCK = ("n_layers", "encoder_layers", "shared_layers", "dropout", "layout", "family")  # of what is repeated
LSTM = ("layout", "d_ff", "projected", "weight_drop", "dropout")


@dataclass(frozen=True)
class Cell:
    """One box: its words, the fields behind it, its colour token, and the mask drawn in it."""

    title: str
    lines: tuple[str, ...]
    fields: tuple[str, ...]
    token: str = "line_strong"
    mask: str = ""


@dataclass(frozen=True)
class Row:
    """Boxes side by side; rows of one ``group`` lie in one repeated block."""

    cells: tuple[Cell, ...]
    group: str = ""
    residual: int = 0  # rows from here downwards that a residual path goes around; 0 = no path ends above this row
    cross: bool = False  # looks at what the other stack has read


@dataclass
class Stack:
    """One tower: its rows, its name where there are two, and what the pill of each block says."""

    rows: list[Row]
    title: str = ""
    pills: dict[str, str] = field(default_factory=dict)

    @property
    def wide(self) -> bool:
        """Whether large boxes stand side by side."""
        return any(len(row.cells) > 1 and row.cells[0].lines for row in self.rows)


def draw(spec: ModelSpec) -> list[Stack]:
    """The stacks of a design: one, or the reading and the writing one."""
    if spec.family != "transformer":
        return [{"lstm": _lstm, "window": _window, "word_vectors": _word_vectors, "ngram": _ngram}[spec.family](spec)]
    if spec.layout != "encoder_decoder":
        return [Stack([*_top(spec), *_blocks(spec, "", False), *_bottom(spec)], "", _pills(spec, spec.n_layers))]
    reads = Stack([*_final(spec), *_blocks(spec, "two_way", False), *_bottom(spec)], say("Reads"),
                  _pills(spec, spec.encoders))  # fmt: skip
    writes = Stack([*_top(spec), *_blocks(spec, "causal", True), *_bottom(spec)], say("Writes"),
                   _pills(spec, spec.n_layers))  # fmt: skip
    return [reads, writes]


def mask_of(spec: ModelSpec) -> str:
    """Which tokens see which in a model of one stack: causal, prefix, two_way or permuted, narrowed to a band."""
    if spec.objective.task == "permutation":
        return "permuted"
    if spec.objective.task == "unilm":
        return "prefix"
    seen = {"decoder": "causal", "prefix": "prefix", "encoder": "two_way"}[spec.layout]
    return seen if spec.attention == "full" else f"{seen}_band"


def _pills(spec: ModelSpec, layers: int) -> dict[str, str]:
    shared = say("× {count}, one set of weights") if spec.shared_layers else "× {count}"
    return {"block": shared.format(count=layers), "query": say("once")}


def _norm(spec: ModelSpec, title: str = "") -> Cell:
    return Cell(title or say("Norm"), (choice_text(spec.norm),), NORM)


def _top(spec: ModelSpec) -> list[Row]:
    rows = []
    if spec.objective.task != "causal":
        rows.append(Row((Cell(say("Objective"), (choice_text(spec.objective.task),), OBJECTIVE, "clay"),)))
    if spec.objective.task == "replaced":
        return [*rows, Row((Cell(say("Detector"), (say("was this token replaced?"),),
                                 ("objective.generator_share", "objective.replaced_weight", *HEAD), "sky"),)),
                *_final(spec)]
    tied = say("tied to the embedding") if spec.tied_head else say("own weights")
    rows.append(Row((Cell(say("Head"), (tied,), HEAD, "sky"),)))
    if spec.head_transform:
        detail = f"{choice_text(spec.activation)} · {choice_text(spec.norm)}"
        rows.append(Row((Cell(say("Head transform"), (detail,), ("head_transform",), "sky"),)))
    return [*rows, *_final(spec), *_query(spec)]


def _final(spec: ModelSpec) -> list[Row]:
    return [Row((_norm(spec, say("Final norm")),))] if spec.final_normed else []


def _query(spec: ModelSpec) -> list[Row]:
    """PanGu's extra layer: learned places ask instead of tokens."""
    if not spec.query_layer:
        return []
    cell = Cell(say("Query layer"), (say("learned places ask"),), ("query_layer",), "accent", "causal")
    return [Row((cell,), "query")]


def _blocks(spec: ModelSpec, mask: str, crosses: bool) -> list[Row]:
    attends = _attention(spec, mask or mask_of(spec))
    if spec.parallel != "no":
        norms = (_norm(spec),) if spec.parallel == "one_norm" else (_norm(spec), _norm(spec))
        return [Row((attends, _feed_forward(spec)), "block", 2), Row(norms, "block")]
    rows = _around(spec, _feed(spec))
    if crosses:
        cell = Cell(say("Cross-attention"), (say("looks at what was read"),), ("layout", "n_heads"), "accent")
        rows += _around(spec, [Row((cell,), "block", cross=True)])
    return rows + _around(spec, [Row((attends,), "block")])


def _around(spec: ModelSpec, part: list[Row]) -> list[Row]:
    """A part with its norms and the residual path around it."""
    norm = Row((_norm(spec),), "block")
    below = [norm] if spec.norm_place in ("pre", "sandwich") else []
    inside = [*([norm] if spec.norm_place == "sandwich" else []), *part, *below]
    first = Row(inside[0].cells, "block", len(inside), inside[0].cross)
    return [*([norm] if spec.norm_place == "post" else []), first, *inside[1:]]


def _attention(spec: ModelSpec, mask: str) -> Cell:
    heads = say("{heads} heads of {size}").format(heads=spec.n_heads, size=spec.head)
    shared = say("{kv} key/value").format(kv=spec.kv) if spec.kv != spec.n_heads else ""
    words = [choice_text(spec.position)] if spec.position not in ("learned", "sinusoidal", "none") else []
    if spec.position == "rope" and spec.rope_share < 1:
        words = [f"RoPE {100 * spec.rope_share:.0f} %"]
    if spec.attention != "full":
        words.append(f"{choice_text(spec.attention)} {spec.window:,}")
    if spec.qk_norm:
        words.append(say("norm of queries and keys"))
    return Cell(say("Attention"), tuple(filter(None, (heads, shared, " · ".join(words)))), ATTENTION, "accent", mask)


def _feed_forward(spec: ModelSpec) -> Cell:
    lines = (choice_text(spec.activation), f"{spec.d_model:,} → {spec.ff:,}")
    return Cell(say("Feed-forward"), lines, FEED_FORWARD, "amber")


def _feed(spec: ModelSpec) -> list[Row]:
    """One feed-forward part, or a router below several."""
    experts = spec.experts
    if not experts.count:
        return [Row((_feed_forward(spec),), "block")]
    first = min(SHOWN_EXPERTS if experts.count < 100 else 1, experts.count - 1)
    numbers = [*range(1, first + 1), experts.count]
    cells = [Cell(f"E{number}", (), EXPERTS, "amber") for number in numbers]
    if experts.count > len(cells):
        cells.insert(-1, Cell("…", (), EXPERTS, "amber"))
    lines = [say("{top} of {count} for each token").format(top=experts.top, count=f"{experts.count:,}")]
    if experts.every > 1:
        lines.append(say("in one block of {number}").format(number=experts.every))
    router = Cell(say("Router") if experts.router == "learned" else say("Random router"), tuple(lines), ROUTER, "clay")
    return [Row(tuple(cells), "block"), Row((router,), "block")]


def _bottom(spec: ModelSpec) -> list[Row]:
    rows = []
    if spec.embed_norm:
        rows.append(Row((Cell(say("Norm"), (choice_text(spec.norm),), ("embed_norm",)),)))
    added = [choice_text(spec.position)] if spec.position in ("learned", "sinusoidal") else []
    if added:
        count = spec.position_rows if spec.position == "learned" else spec.context
        fields = ("position", "n_positions", "context", "segments")
        rows.append(Row((Cell(say("Positions"), (f"{added[0]} · {count:,}",), fields, "sky"),)))
    if spec.segments:
        rows.append(Row((Cell(say("Segments"), (f"{spec.segments}",), ("segments",), "sky"),)))
    if spec.embed != spec.d_model:
        rows.append(Row((Cell(say("Widen"), (f"{spec.embed:,} → {spec.d_model:,}",), ("embed_size",), "sky"),)))
    return [*rows, _embedding(spec)]


def _embedding(spec: ModelSpec, width: int = 0) -> Row:
    width = width or spec.embed
    detail = say("{width} features for each token").format(width=f"{width:,}")
    if spec.vocab_size:
        detail = say("{count} tokens × {width}").format(count=f"{spec.vocab_size:,}", width=f"{width:,}")
    return Row((Cell(say("Embedding"), (detail,), EMBEDDING, "sky"),))


def _plain_head(spec: ModelSpec) -> Row:
    tied = say("tied to the embedding") if spec.tied_head else say("own weights")
    return Row((Cell(say("Head"), (tied,), HEAD, "sky"),))


def _lstm(spec: ModelSpec) -> Stack:
    detail = (say("{count} cells").format(count=f"{spec.d_ff or spec.d_model:,}"),)
    if spec.projected:
        detail += (f"→ {spec.d_model:,}",)
    ways = (say("LSTM, forwards"), say("LSTM, backwards")) if spec.layout == "encoder" else (say("LSTM"),)
    cells = tuple(Cell(way, detail, LSTM, "accent") for way in ways)
    return Stack([_plain_head(spec), Row(cells, "block"), _embedding(spec)], "", {"block": f"× {spec.n_layers}"})


def _window(spec: ModelSpec) -> Stack:
    hidden = Cell(say("Hidden layer"), (f"{choice_text(spec.activation)} · {spec.d_model:,}",),
                  ("d_model", "activation", "dropout"), "amber")  # fmt: skip
    last = say("the last {count} tokens").format(count=spec.window)
    side = Cell(say("Laid end to end"), (last,), ("window",), "accent")
    return Stack([_plain_head(spec), Row((hidden,)), Row((side,)), _embedding(spec)])


def _word_vectors(spec: ModelSpec) -> Stack:
    told = Cell(say("Told from random words"), (say("{count} for each neighbour").format(
        count=spec.objective.negatives),), ("objective.negatives", "objective.task"), "clay")  # fmt: skip
    near = Cell(choice_text(spec.objective.task), (say("{count} words either side").format(count=spec.window),),
                ("window", "objective.task", "objective.subwords"), "accent")  # fmt: skip
    rows = [Row((told,)), Row((near,)), _embedding(spec, spec.d_model)]
    if spec.objective.subwords:
        rows.append(Row((Cell(say("Character n-grams"), (say("summed to a word"),), ("objective.subwords",), "sky"),)))
    return Stack(rows)


def _ngram(spec: ModelSpec) -> Stack:
    smooth = Cell(say("Smoothing"), (say("modified Kneser-Ney"),), ("family", "objective.task"), "accent")
    counts = Cell(say("Counts"), (say("runs of words in the corpus"),), ("window", "vocab_size", "context"), "sky")
    return Stack([Row((smooth,)), Row((counts,))])
