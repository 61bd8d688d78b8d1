"""How fast a design trains on this machine: a few seconds of real steps, in a process of its own.

``python -m core.train.probe`` reads {"model": ..., "seconds": 3, "batch": 4} from standard input and prints one JSON
object: what :func:`probe` returns, or {"problem", "where", "remedy", "values"}.
"""

import json
import sys
import time

from core.errors import LabError
from core.model.sizing import flops_per_token, training_memory
from core.spec.base import build
from core.spec.model import ModelSpec
from core.train.energy import Meter

VOCABULARY = 2048  # of a design that leaves it to the tokenizer


def probe(spec: ModelSpec, seconds: float = 3.0, batch: int = 4) -> dict:
    """Train on noise for about ``seconds`` and measure.

    Returns:
        tokens_per_s, flops_per_s, step_s (forward, backward and update), batch, and watts (None without a meter).
    Raises:
        LabError: the design has no module, or would not fit into this machine's free memory.
    """
    import psutil

    need, free = training_memory(spec, batch)["total"], psutil.virtual_memory().available
    if need > 0.8 * free:
        raise LabError(
            "Training this design needs about {need:.1f} GB, and {free:.1f} GB are free.", "",
            "Choose a smaller design, or a shorter context.", need=need / 1e9, free=free / 1e9)
    step, tokens = _stepper(spec, batch)
    step()  # the first step warms caches and makes the optimizer's state
    start, times = time.perf_counter(), []
    with Meter() as meter:
        while not times or time.perf_counter() - start < seconds:
            before = time.perf_counter()
            step()
            times.append(time.perf_counter() - before)
    elapsed, joules = time.perf_counter() - start, meter.joules()
    step_s = sorted(times)[len(times) // 2]
    speed = tokens / step_s
    watts = joules / elapsed if joules else None
    return {"tokens_per_s": speed, "flops_per_s": speed * flops_per_token(spec).training, "step_s": step_s,
            "batch": batch, "watts": watts}  # fmt: skip


def _stepper(spec: ModelSpec, batch: int):
    """One training step as a function, and the tokens in it."""
    import numpy as np
    import torch

    from core.model.build import build_model
    from core.train.objectives import Asking

    vocab = max(8, spec.vocab_size - spec.objective.extra_tokens)
    rng = np.random.default_rng(0)
    windows = rng.integers(1, vocab, (batch, spec.context + 1))
    examples = Asking(spec, vocab, np.ones(vocab, bool), 0)(windows, 0)
    model = build_model(spec).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        model.loss(**examples).backward()
        optimizer.step()

    return step, batch * spec.context


def main() -> None:
    """Answer one request on standard input."""
    import msgspec

    try:
        asked = json.loads(sys.stdin.read())
        spec = build(ModelSpec, asked["model"])
        spec = msgspec.structs.replace(
            spec, vocab_size=spec.vocab_size or VOCABULARY + spec.objective.extra_tokens)
        answer = probe(spec, asked.get("seconds", 3.0), asked.get("batch", 4))
    except LabError as error:
        answer = {"problem": error.problem, "where": error.where, "remedy": error.remedy, "values": error.values}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
