"""Trains our step and nanoGPT's in float32 side by side, and says how far apart their losses come.

    python tests/benchmarks/loss_curves.py --text FILE [--sizes "0.8 M" "10.7 M" "30 M"] [--steps 300] [--batch 4]

Both start from the same weights and are shown the same batches, at nanoGPT's published learning rate, which rises over
100 steps; ours trains as a run would that times its ways to compute first. Smaller batches than a run's keep the larger
models within minutes.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec  # noqa: E402  the checkout must be on the path first
import torch  # noqa: E402

from core.model.build import build_model  # noqa: E402
from core.model.decoder import initialise  # noqa: E402
from core.train.bench import RATE, SIZES, Size, batches, nano_step, our_step, read_tokens  # noqa: E402

WARM = 100  # steps until the learning rate is reached
SPAN = 50  # successive steps whose mean losses are compared
BOUND = 0.005  # of float32's loss


@dataclass
class Curves:
    """Losses before each step, nats a token."""

    how: str  # ours computes
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def spans(self) -> list[tuple[int, float, float]]:
        """(last step, mean of ours, mean of theirs) of every so many steps."""
        return [(at + len(self.ours[at : at + SPAN]), fmean(self.ours[at : at + SPAN]),
                 fmean(self.theirs[at : at + SPAN])) for at in range(0, len(self.ours), SPAN)]  # fmt: skip

    def worst(self) -> float:
        """How far the means come apart at most, as a share of float32's."""
        return max(abs(ours / theirs - 1) for _, ours, theirs in self.spans())


def train(size: Size, text: Path | None, steps: int) -> Curves:
    """Both, step by step."""
    tokens = read_tokens(text, size.vocabulary)
    model = build_model(size.spec)
    initialise(model, 0)
    nano = nano_step(model)
    how, _, ours = our_step(model, size, tokens)
    curves = Curves(how)
    for number, (ids, targets) in zip(range(steps), batches(tokens, size, seed=1)):
        rate = RATE * min(1.0, (number + 1) / WARM)
        curves.ours.append(ours(ids, targets, rate))
        curves.theirs.append(nano(ids, targets, rate))
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, help="default: Python's documentation")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, help="rows a step; default: the size's own")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    worst = 0.0
    for name in asked.sizes:
        size = SIZES[name]
        size = msgspec.structs.replace(size, batch=asked.batch or size.batch)
        curves = train(size, asked.text, asked.steps)
        print(f"{name}, {size.batch} x {size.context} tokens a step; ours is {curves.how}")
        for last, ours, theirs in curves.spans():
            print(f"  to step {last:4}: ours {ours:.4f}, float32 {theirs:.4f} ({ours / theirs - 1:+.3%})", flush=True)
        single = max(abs(a / b - 1) for a, b in zip(curves.ours, curves.theirs))
        print(f"  at most {curves.worst():.3%} apart in means of {SPAN} steps, {single:.3%} in a single step")
        worst = max(worst, curves.worst())
    sys.exit(worst > BOUND)


if __name__ == "__main__":
    main()
