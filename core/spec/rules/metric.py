"""Rules about how surprising a text is to a model of text one trusts."""

from typing import Annotated, ClassVar, Literal

from core.spec.base import about
from core.spec.rules.base import Rule


class ReferencePerplexity(Rule, tag="reference_perplexity"):
    """Set aside documents that a reference model of trusted text finds too surprising, or hardly at all."""

    title: ClassVar[str] = "Perplexity under text you trust"
    family: ClassVar[str] = "metric"
    source: ClassVar[str] = "Wenzek et al. 2020 (CCNet), arXiv:1911.00359"
    needs: ClassVar[str] = "reference"  # the kind of job that makes its filter

    filter: Annotated[str, about(
        "Reference", "A reference model, trained on text you trust.", picks="filters")] = ""
    keep: Annotated[Literal["head_and_middle", "head", "number"], about(
        "Keep", "The best two thirds (head and middle) or the best third (head) of the text that the reference was "
        "measured on last, or what stays under a number.")] = "head_and_middle"
    most: Annotated[float, about(
        "Highest perplexity", "With a number: documents that surprise the reference more are set aside.",
        low=1.0, high=1e9, measure="perplexity", keeps="below", when="keep=number")] = 1000.0
    least: Annotated[float, about(
        "Lowest perplexity", "Documents that surprise it less are set aside: mostly phrases repeated, or the trusted "
        "text itself.", low=0.0, high=1e9, measure="perplexity", keeps="above", expert=True)] = 0.0
