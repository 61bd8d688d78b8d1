"""How text is cut into tokens."""

from typing import Annotated, Literal

from core.spec.base import Spec, about

TokenizerKind = Literal["bpe", "wordpiece", "unigram", "bytes", "characters"]


class TokenizerSpec(Spec):
    """A tokenizer to be trained on a corpus of the workspace."""

    corpus: Annotated[str, about("Corpus", "The cleaned corpus to learn from.", picks="corpora")]
    kind: Annotated[TokenizerKind, about(
        "Kind", "Byte-level BPE loses nothing and suits most models; bytes and characters need no training.",
        source="Sennrich et al. 2016, arXiv:1508.07909; Kudo 2018, arXiv:1804.10959")] = "bpe"
    vocab_size: Annotated[int, about(
        "Vocabulary", "How many different tokens to learn; small models want small vocabularies.",
        low=257, high=1_000_000, unit="tokens")] = 2048
    min_frequency: Annotated[int, about(
        "Rarest pair", "Pieces seen fewer times are not learnt.", low=1, high=1_000_000, expert=True)] = 2
    sample_bytes: Annotated[int, about(
        "Learn from", "At most so much of the corpus is read while learning.", low=1024, high=1 << 40,
        unit="bytes", expert=True)] = 64 << 20
