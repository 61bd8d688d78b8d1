"""What a model cannot become: a reason to leave out one format, not to give up the others."""

import msgspec

from core.errors import LabError
from core.spec.experts import Experts
from core.spec.model import ModelSpec
from core.spec.objective import Objective
from core.spec.relevance import meaningful

# The parts of a shape that both exports know how to write; any other must be as it is by default.
KNOWN = {
    "d_model", "n_layers", "n_heads", "kv_heads", "head_size", "d_ff", "context", "n_positions", "vocab_size", "norm",
    "norm_eps", "position", "rope_theta", "activation", "bias", "tied_head", "dropout", "init_std",
}  # fmt: skip
POSITIONS = ("learned", "sinusoidal", "rope", "none")
ACTIVATIONS = ("gelu", "gelu_tanh", "relu", "silu", "swiglu", "geglu")


class Refusal(LabError):
    """A format that has no way to express this model; the message names the part and offers another format."""


def refuse_unknown_parts(spec: ModelSpec) -> None:
    """Refuse a design with a part that no export writes yet; fields that mean nothing in it are passed over.

    Raises:
        Refusal: names the first such part.
    """
    plain, used = ModelSpec(), meaningful(ModelSpec, msgspec.to_builtins(spec))
    strange = [name for name, known in (("position", POSITIONS), ("activation", ACTIVATIONS))
               if spec.family == "transformer" and getattr(spec, name) not in known]  # fmt: skip
    strange += [field.name for field in msgspec.structs.fields(ModelSpec)
                if field.name in used and field.name not in KNOWN
                and getattr(spec, field.name) != getattr(plain, field.name)]  # fmt: skip
    strange.sort(key=lambda name: name not in ("family", "layout"))  # what it is at all comes before its parts
    if strange:
        value = getattr(spec, strange[0])
        raise Refusal(
            "No export can write this model's {part} ({value}) yet.", "",
            "Use the run inside the lab, or grow a design without it to ship.", part=strange[0],
            value=_words(value))


def _words(value) -> str | int | float:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Experts):
        return value.count
    return value.task if isinstance(value, Objective) else value
