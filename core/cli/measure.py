"""The verb that measures: bench."""

import argparse

from core.cli.doctor.machine import processor
from core.cli.options import add_json

LANES = ("kernels", "privacy")


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("bench", bench, "measure this machine: our kernels against torch's own; or the personal-data rule")
    parser.add_argument("lane", choices=LANES, metavar="LANE", help=f"what to measure: {', '.join(LANES)}")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S",
                        help="about how long it may take (default 60)")
    add_json(parser)


def bench(args: argparse.Namespace, _open_window) -> dict:
    """Run one lane and print its table; ratio > 1 always means that ours is better.

    Raises:
        LabError: our kernels were not built; remedy: how to build them.
    """
    if args.lane == "privacy":
        from core.data.privacy.exam import hold_exam, print_exam

        rows = hold_exam()
        if not args.json:
            print_exam(rows)
        return {"lane": args.lane, "machine": processor().found, "rows": rows}
    from core.kernels.bench import bench_kernels
    from core.kernels.library import load

    load()
    rows = bench_kernels(seconds=args.seconds)
    if not args.json:
        print_rows(rows)
    return {"lane": args.lane, "machine": processor().found, "rows": rows}


def print_rows(rows: list[dict]) -> None:
    """A table of measurements, one line each."""
    width = max((len(row["name"]) for row in rows), default=0)
    print(f"{'':{width}}  {'ours':>9}  {'rival':>9}  {'ratio':>6}  {'half of the rounds between':>26}")
    for row in rows:
        low, high = row["spread"]
        print(f"{row['name']:{width}}  {row['ours']:9.3g}  {row['rival']:9.3g}  {row['ratio']:6.2f}  "
              f"{f'{low:.2f} and {high:.2f}':>26}  {row['unit']}, against {row['rival_name']}")
