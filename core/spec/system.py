"""A system of the field: what it was, and the shape that can be grown after it."""

from typing import Annotated, Literal

import msgspec

from core.spec.base import Spec, about
from core.spec.model import ModelSpec

Branch = Literal["ancestor", "encoder", "encoder-decoder", "decoder", "prefix", "permutation"]


class SystemSpec(Spec):
    """One entry of the family tree. Sizes are the original's; a small one of the same ratios is grown from them."""

    name: Annotated[str, about("Name", "As its authors write it.")]
    year: Annotated[int, about("Year", "When it was published.", low=1900, high=2100)]
    branch: Annotated[Branch, about("Branch", "Where it stands in the family tree.")]
    open_weights: Annotated[bool, about("Open", "Whether anybody may download its weights.")]
    itself: Annotated[str, about("What makes it itself", "The idea that it is known for.")]
    base: Annotated[str, about(
        "Grows from", "Another entry of the tree whose shape it has; empty = a shape of its own.")] = ""
    recipe: Annotated[bool, about(
        "Recipe", "Whether what is new is not the shape, but what was done with it.")] = False
    not_yet: Annotated[str, about("Not there yet", "What of the recipe the lab cannot do so far.")] = ""
    published_parameters: Annotated[float, about(
        "Published size", "Parameters as its authors count them; 0 = not known.", low=0.0, high=1e14)] = 0.0
    difference: Annotated[str, about(
        "Why it differs", "Why the count of this shape is not the published one, where it is not.")] = ""
    data: Annotated[str, about("Data", "What the original learned from.")] = ""
    hardware: Annotated[str, about("Hardware", "What the original was trained on.")] = ""
    shape: Annotated[ModelSpec, about("Shape", "The original's shape.")] = msgspec.field(default_factory=ModelSpec)
