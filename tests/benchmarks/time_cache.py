"""Times our decoder with each kind of cache after a long text: python tests/benchmarks/time_cache.py [--after 256 4000]

A model of random weights in Q8_0; the caches take turns. Prints milliseconds a token (medians) and the cache's memory.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.export.bench import SIZES, make_files  # noqa: E402  the checkout must be on the path first
from core.infer.gguf_header import read_header  # noqa: E402
from core.infer.gguf_weights import open_weights, plan  # noqa: E402
from core.kernels.decode import CACHES, DecodeModel  # noqa: E402


def token_s(model: DecodeModel, after: int) -> float:
    """Seconds of one token after so many."""
    model.position = after
    begin = time.perf_counter()
    model.read([1])
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="124 M", choices=list(SIZES))
    parser.add_argument("--after", type=int, nargs="+", default=[256, 1000, 4000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    context = max(asked.after) + 1
    with tempfile.TemporaryDirectory() as folder:
        file = make_files(Path(folder), asked.size)["q8_0"]
        models = {cache: open_weights(file, plan(read_header(file)), context, cache, asked.threads) for cache in CACHES}
        for model in models.values():
            model.read([1] * max(asked.after))
        for after in asked.after:
            times = {cache: [] for cache in models}
            for _ in range(asked.rounds):
                for cache, model in models.items():
                    times[cache].append(token_s(model, after))
            middle = {cache: statistics.median(taken) for cache, taken in times.items()}
            print(f"{asked.size}, after {after} tokens: " + ", ".join(
                f"{cache} {s * 1e3:.2f} ms ({middle['f32'] / s:.2f})" for cache, s in middle.items()), flush=True)
        shape = models["f32"].shape
        numbers = 2 * shape.n_layers * shape.kv_heads * shape.head_size * context
        sizes = {cache: numbers * (size + (cache == "int8") / 4) for cache, size in CACHES.items()}
        print(", ".join(f"{cache} {size / 1e6:.0f} MB" for cache, size in sizes.items()), f"for {context} tokens")


if __name__ == "__main__":
    main()
