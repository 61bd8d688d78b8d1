"""Several corpora to be mixed into one, in chosen shares."""

from typing import Annotated, Literal

from core.errors import LabError
from core.spec.base import Spec, about

EPOCHS = "Muennighoff et al. 2023, Scaling Data-Constrained Language Models, arXiv:2305.16264"
TEMPERATURE = "Arivazhagan et al. 2019, arXiv:1907.05019; Xue et al. 2021 (mT5), arXiv:2010.11934"


class Part(Spec):
    """One corpus of a mixture."""

    corpus: Annotated[str, about("Corpus", "Where this part comes from.", picks="corpora")]
    weight: Annotated[float, about(
        "Weight", "Its share of the mixture is its weight over the sum of all weights.", low=0.0, high=1e9)] = 1.0
    most_epochs: Annotated[float, about(
        "Passes at most", "How many times each of its documents may be used. 0 = as the whole mixture says.",
        low=0.0, high=1000.0, expert=True)] = 0.0


class MixtureSpec(Spec):
    """A corpus put together from others; documents keep their source and their split."""

    parts: Annotated[list[Part], about(
        "Parts", "The corpora to mix; on a command line NAME or NAME,weight=2,most_epochs=3.")]
    weighting: Annotated[Literal["weights", "proportional", "temperature"], about(
        "Shares", "By the weights given; in proportion to the sizes; or by temperature, which favours small corpora.",
        source=TEMPERATURE)] = "weights"
    temperature: Annotated[float, about(
        "Temperature", "Shares go with size to the power of 1/T: 1 leaves them in proportion, larger ones make them "
        "more equal.", low=1.0, high=1000.0, source=TEMPERATURE)] = 2.0
    unit: Annotated[Literal["documents", "bytes", "tokens"], about(
        "Counted in", "What shares and sizes are counted in.")] = "bytes"
    size: Annotated[int, about(
        "Size", "How much training text the mixture should have, in that unit. 0 = as much as its parts have together.",
        low=0, high=10**15)] = 0
    most_epochs: Annotated[float, about(
        "Passes at most", "No document is used more often than this; what is then missing of a part is taken from the "
        "others.", low=0.01, high=1000.0, source=EPOCHS)] = 4.0
    tokenizer: Annotated[str, about(
        "Tokenizer", "Counts the tokens; needed only when sizes are counted in tokens.", picks="tokenizers")] = ""
    seed: Annotated[int, about("Seed", "Fixes which documents are taken and their order.", low=0, high=2**31,
                               expert=True)] = 0  # fmt: skip

    def __post_init__(self) -> None:
        if not self.parts or not any(part.weight > 0 for part in self.parts):
            raise LabError("A mixture needs at least one corpus with a weight above 0.", "", "Add a corpus.")
        names = [part.corpus for part in self.parts]
        for name in names:
            if names.count(name) > 1:
                raise LabError("The corpus {name} is there twice.", "", "Keep one of them and raise its weight.",
                               name=name)
        if self.unit == "tokens" and not self.tokenizer:
            raise LabError("Tokens can only be counted with a tokenizer.", "", "Choose one, or count in bytes.")
