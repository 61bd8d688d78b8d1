"""How long it takes to trace an answer of 458 tokens: ``python tests/benchmarks/time_trace.py [--tokens 10]``.

The whole of what the Glass page asks for: spans, counts, documents, their places and their ranking. The corpus, its
index and its documents are made first, in a temporary folder; each answer is another one.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.data.documents import Document, Documents, DocumentWriter  # noqa: E402
from core.data.shards import TokenShard  # noqa: E402
from core.glass.attribution import Tracer  # noqa: E402
from core.glass.bench import BOUNDARY, bench_text, make_answer  # noqa: E402
from core.glass.suffix_array import SuffixArray, build  # noqa: E402
from core.tokens.tokenizer import Tokenizer  # noqa: E402


def make_tracer(root: Path, tokens: int) -> Tracer:
    """A corpus of so many tokens with its index, as a run has them."""
    text, library = bench_text(tokens)
    library.save(str(root / "tokenizer.json"))
    tokenizer = Tokenizer.load(root)
    spelled = [tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)]
    starts = np.flatnonzero(text == BOUNDARY)
    writer = DocumentWriter(root, "kept")
    for row, (begin, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True)):
        words = b"".join(map(spelled.__getitem__, text[begin + 1 : end].tolist())).decode("utf-8", "replace")
        writer.add(Document(id=row, text=words, source="documentation", line=row + 1))
    writer.commit()
    folder = root / "tokens"
    folder.mkdir()
    text.tofile(folder / "train.bin")
    np.stack([starts, np.arange(len(starts))], 1).astype("<u8").tofile(folder / "train.docs")
    (folder / "meta.json").write_text(f'{{"dtype": "<u2", "train_tokens": {len(text)}}}')
    shard = TokenShard.open(root, "train")
    began = time.perf_counter()
    build(shard.tokens, root / "index", "run")
    print(f"index of {len(text) / 1e6:g} M tokens, {len(starts):,} documents: {time.perf_counter() - began:.1f} s, "
          f"{text.nbytes / 1e6 / (time.perf_counter() - began):.1f} MB/s", flush=True)  # fmt: skip
    return Tracer("run", SuffixArray(shard.tokens, root / "index"), shard, Documents(root, "kept"), tokenizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=float, default=10.0, help="millions")
    parser.add_argument("--answers", type=int, default=50)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tracer = make_tracer(Path(folder), int(args.tokens * 1e6))
        random, times, kept = np.random.default_rng(0), [], 0
        for number in range(args.answers + 1):
            answer = make_answer(tracer.tokens, random)
            began = time.perf_counter(), time.process_time()
            found = tracer.attribute(answer)
            if number:  # the first one imports and opens
                times.append((1e3 * (time.perf_counter() - began[0]), 1e3 * (time.process_time() - began[1])))
                kept += sum(len(span.documents) for span in found.spans)
    print(f"{len(times)} answers of {len(answer)} tokens traced; {kept / len(times):.0f} documents each")
    for name, column in zip(("by the clock", "of processor time"), zip(*times)):
        print(f"{name}: median {statistics.median(column):.1f} ms, slowest {max(column):.1f} ms")


if __name__ == "__main__":
    main()
