"""Prints our kernels' times beside torch's: python tests/benchmarks/bench_kernels.py [--threads 1 2] [--seconds 60]."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.kernels.bench import bench_kernels  # noqa: E402  the checkout must be on the path first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=60.0, help="about how long all of it may take")
    asked = parser.parse_args()
    print(f"{'kernel, forward and backward':70} {'ours ms':>9} {'torch ms':>9} {'ratio':>6}  quartiles")
    for row in bench_kernels(tuple(asked.threads), asked.seconds):
        low, high = row["spread"]
        print(f"{row['name']:70} {row['ours']:9.2f} {row['rival']:9.2f} {row['ratio']:6.2f}  {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
