"""A corpus, its tokenizer, its shards and its index on disk, as a run has them, opened for tracing."""

from collections import Counter
from pathlib import Path

from core.data.documents import Document, Documents, DocumentWriter
from core.data.shards import TokenShard, write_shards
from core.glass.attribution import Tracer
from core.glass.suffix_array import SuffixArray, build
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import train
from core.tokens.tokenizer import Tokenizer


def make_tracer(folder: Path, texts: list[str], library=None, vocab_size: int = 320) -> Tracer:
    """A tracer over documents with these texts; ``library`` is a tokenizer made already."""
    library = library or train(TokenizerSpec(corpus="texts", vocab_size=vocab_size), texts, Counter())
    folder.mkdir(parents=True, exist_ok=True)
    writer = DocumentWriter(folder, "kept")
    for row, text in enumerate(texts):
        writer.add(Document(id=row, text=text, source=f"made/by/hand-{row}.txt", line=1 + row))
    writer.commit()
    library.save(str(folder / "tokenizer.json"))
    tokenizer = Tokenizer.load(folder)
    write_shards(folder, folder, tokenizer)
    shard = TokenShard.open(folder, "train")
    build(shard.tokens, folder, "run")
    index = SuffixArray(shard.tokens, folder)
    return Tracer("run", index, shard, Documents(folder, "kept"), tokenizer)
