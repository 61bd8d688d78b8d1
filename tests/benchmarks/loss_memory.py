"""The most memory that one training step takes, with our loss and with plain torch's, each in a process of its own.

    python tests/benchmarks/loss_memory.py [--vocabulary 32768] [--batch 16] [--context 256] [--precision fp32]

A decoder of width 256 and 4 layers (SwiGLU, RMSNorm, rotary positions, tied head). Counted is what the process holds
at its peak above what it held before the step: weights, gradients' and optimizer's state stand already, made by a step
on one short sequence. Plain torch: logits, log-softmax and cross-entropy of all tokens in float32.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = {
    "plain torch": {}, "our loss, the rest torch": {"loss": "ours"},
    "all of ours": {name: "ours" for name in ("loss", "attention", "norm", "swiglu")},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("vocabulary", 32768), ("batch", 16), ("context", 256), ("width", 256), ("layers", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--path", choices=PATHS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.path:
        print(measure(args))
        return
    found = {path: peak_bytes(path, sys.argv[1:]) for path in PATHS}
    for path, n_bytes in found.items():
        print(f"{path:25} {n_bytes / 1e6:8.0f} MB   {found['plain torch'] / n_bytes:5.2f} times below plain torch")


def peak_bytes(path: str, arguments: list[str]) -> int:
    """Of a step in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, "--path", path, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def measure(args: argparse.Namespace) -> int:
    """Bytes above those held before the step."""
    sys.path.insert(0, str(ROOT))
    import torch

    from core.model.build import build_model
    from core.model.decoder import initialise
    from core.spec.base import build
    from core.spec.model import ModelSpec
    from core.train.precision import Arithmetic

    spec = build(ModelSpec, {"n_layers": args.layers, "n_heads": args.width // 64, "d_model": args.width,
                             "context": args.context, "vocab_size": args.vocabulary, "tied_head": True})  # fmt: skip
    model = build_model(spec)
    initialise(model, 0)
    model.use_kernels(PATHS[args.path])
    arithmetic = Arithmetic(model, args.precision, "cpu")
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step(batch: int, context: int) -> None:
        ids = torch.randint(0, args.vocabulary, (batch, context + 1))
        arithmetic.backward(arithmetic.loss(ids=ids[:, :-1], targets=ids[:, 1:].contiguous()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)  # the gradients' memory is there before the step that counts

    step(1, 16)
    before = start_anew()
    step(args.batch, args.context)
    return status("VmHWM") - before


def start_anew() -> int:
    """Forget the peak so far (Linux); bytes held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(name: str) -> int:
    """A figure of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
