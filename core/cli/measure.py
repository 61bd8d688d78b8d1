"""The verb that measures: bench."""

import argparse

from core.cli.options import add_json

LANES = ("kernels",)


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("bench", bench, "measure this machine: our kernels against torch's own")
    parser.add_argument("lane", choices=LANES, help="what to measure")
    add_json(parser)


def bench(args: argparse.Namespace, _open_window) -> dict:
    """Run one lane and print its table; ratio > 1 always means that ours is better."""
    from core.kernels.bench import bench_kernels

    report = bench_kernels()
    if not args.json:
        print_rows(report["rows"])
    return report


def print_rows(rows: list[dict]) -> None:
    """A table of measurements, one line each."""
    width = max((len(row["name"]) for row in rows), default=4)
    print(f"{'':{width}}  {'ours':>10}  {'rival':>10}  {'ratio':>6}  {'spread':>6}")
    for row in rows:
        print(f"{row['name']:{width}}  {_number(row['ours']):>10}  {_number(row['rival']):>10}  "
              f"{_number(row['ratio']):>6}  {_number(row.get('spread')):>6}  {row['unit']}, {row['rival_name']}")


def _number(value) -> str:
    return "-" if value is None else f"{value:.3g}"
