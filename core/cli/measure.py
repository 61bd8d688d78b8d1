"""The verb that measures: bench."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from core.cli.doctor.machine import processor
from core.cli.options import add_json
from core.errors import LabError

ROOT = Path(__file__).resolve().parents[2]

LANES = {
    "kernels": "our kernels against torch's own",
    "decode": "writing token by token against llama.cpp and transformers",
    "train": "training steps against nanoGPT and the best of plain torch",
    "clean": "cleaning against datatrove and rensa",
    "clean-agreement": "whether our statistics rules decide as datatrove's",
    "index": "building and searching the index of a training text against infini-gram",
    "plot": "frames of the plot against pyqtgraph, and how soon a page with 200 runs stands",
    "privacy": "precision and recall of the personal-data rule on generated text",
}


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("bench", bench, "measure this machine: our kernels and rules against others")
    told = "; ".join(f"{lane} ({what})" for lane, what in LANES.items())
    parser.add_argument("lane", choices=LANES, metavar="LANE", help=f"what to measure: {told}")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S",
                        help="about how long it may take (default 60)")
    parser.add_argument("--text", type=Path, metavar="FILE",
                        help="train, clean, clean-agreement: text to measure on, in pieces of 3,000 characters "
                             "(default: Python's documentation)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N",
                        help="kernels, train, decode: how many threads (default 1 2)")
    parser.add_argument("--sizes", nargs="+", metavar="SIZE",
                        help='train: some of "0.8 M", "10.7 M", "30 M", and "0.8 M on a GPU", "10.7 M on a GPU", '
                             '"124 M on a GPU"; decode: of "10 M", "124 M" (default all)')
    parser.add_argument("--tokens", type=float, default=10.0, metavar="M",
                        help="index: millions of tokens to index (default 10)")
    add_json(parser)


def bench(args: argparse.Namespace, _open_window) -> dict:
    """Run one lane and print its table; ratio > 1 always means that ours is better.

    Raises:
        LabError: our kernels were not built, or a rival is not installed; remedy: how to mend it.
    """
    run = {"kernels": _kernels, "decode": _decode, "train": _train, "clean": _clean,
           "clean-agreement": _agreement, "plot": _plot, "index": _index, "privacy": _privacy}[args.lane]
    rows, show = run(args)
    if not args.json:
        show(rows)
    return {"lane": args.lane, "machine": processor().found, "rows": rows}


def _kernels(args: argparse.Namespace):
    from core.kernels.bench import bench_kernels
    from core.kernels.library import load

    load()
    return bench_kernels(tuple(args.threads), args.seconds, _tell), print_rows


def _train(args: argparse.Namespace):
    from core.train import bench_gpu
    from core.train.bench import SIZES, bench_train

    asked = _sizes(args, SIZES | bench_gpu.SIZES)
    here, on_gpu = ([size for size in asked if size in table] for table in (SIZES, bench_gpu.SIZES))
    rows = bench_train(args.text, args.seconds, tuple(args.threads), here, _tell) if here else []
    return rows + (bench_gpu.bench_train_gpu(args.text, args.seconds, on_gpu, _tell) if on_gpu else []), print_rows


def _decode(args: argparse.Namespace):
    from core.export.bench import SIZES, bench_decode

    return bench_decode(tuple(args.threads), args.seconds, _sizes(args, SIZES), _tell), print_rows


def _sizes(args: argparse.Namespace, there: dict) -> list[str]:
    wrong = next((size for size in args.sizes or () if size not in there), "")
    if wrong:
        raise LabError("There is no size {size} to measure.", "--sizes", "Choose some of: {names}.", size=wrong,
                       names=", ".join(f'"{name}"' for name in there))
    return args.sizes or list(there)


def _tell(said: str) -> None:
    print(said, file=sys.stderr)


def _clean(args: argparse.Namespace):
    from core.data.bench import bench_clean

    return bench_clean(args.text, args.seconds), print_rows


def _index(args: argparse.Namespace):
    from core.glass.bench import bench_index

    return bench_index(int(args.tokens * 1e6), args.seconds), print_rows


def _plot(args: argparse.Namespace):
    """The window is measured in processes of its own: this one knows no Qt, and a cold start needs a fresh one."""
    command = [sys.executable, "-m", "app.bench", "plot", str(args.seconds)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, capture_output=True,
                          text=True)  # fmt: skip
    if done.returncode:
        raise LabError(
            "The plot could not be measured.", "", "What the measuring process said last: {said}",
            said=done.stderr.strip()[-400:])
    return json.loads(done.stdout.splitlines()[-1]), print_rows


def _privacy(_args: argparse.Namespace):
    from core.data.privacy.exam import hold_exam, print_exam

    return hold_exam(), print_exam


def _agreement(args: argparse.Namespace):
    from core.data.agreement import bench_agreement, print_agreement

    return bench_agreement(args.text), print_agreement


def print_rows(rows: list[dict]) -> None:
    """A table of measurements, one line each."""
    width = max((len(row["name"]) for row in rows), default=0)
    print(f"{'':{width}}  {'ours':>9}  {'rival':>9}  {'ratio':>6}  {'half of the rounds between':>26}")
    for row in rows:
        low, high = row["spread"]
        print(f"{row['name']:{width}}  {row['ours']:9.3g}  {row['rival']:9.3g}  {row['ratio']:6.2f}  "
              f"{f'{low:.2f} and {high:.2f}':>26}  {row['unit']}, against {row['rival_name']}")
