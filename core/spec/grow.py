"""The whole way from text to a shipped model as one request."""

from typing import Annotated

import msgspec

from core.spec.base import Spec, about
from core.spec.corpus import CorpusSpec
from core.spec.export import FORMATS, Format
from core.spec.model import ModelSpec


class GrowTokenizer(Spec):
    """The tokenizer stage; the corpus is the one grown a stage before."""

    kind: str = "bpe"
    vocab_size: int = 2048


class GrowSpec(Spec):
    """Import, clean, tokenize, train, index, export and verify, one job after the other."""

    corpus: Annotated[CorpusSpec, about("Corpus", "What to read and how to clean it.")]
    tokenizer: Annotated[GrowTokenizer, about("Tokenizer", "How to cut it into tokens.")] = GrowTokenizer()
    model: Annotated[ModelSpec, about("Model", "The shape to grow.")] = ModelSpec()
    train: Annotated[dict, about("Training", "Fields of the training spec.")] = msgspec.field(default_factory=dict)
    formats: Annotated[list[Format], about("Formats", "Files to ship.")] = msgspec.field(
        default_factory=lambda: list(FORMATS))
