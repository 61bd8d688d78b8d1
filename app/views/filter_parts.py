"""What the views of trained filters share: reading what the job left behind, and documents to look at."""

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from widgets import theme
from widgets.document_browser import DocumentBrowser


@dataclass(frozen=True)
class Example:
    """A document as the document browser shows it; ``reason`` is a template over ``values``."""

    id: int
    text: str
    source: str
    line: int
    reason: str
    values: dict = field(default_factory=dict)
    value: float | None = None
    rule: str = ""
    limit: float | None = None


def example_browser() -> DocumentBrowser:
    """A browser for examples: the text, and what was measured of it."""
    browser = DocumentBrowser(reasons=True)
    browser.rules.hide()
    browser.model.beginResetModel()
    browser.model.columns = ("text", "measured")
    browser.model.endResetModel()
    browser.table.horizontalHeader().resizeSection(1, theme.space(12))
    browser.setMinimumHeight(theme.space(48))
    return browser


def read_report(root: Path) -> dict | None:
    """What a finished filter measured of itself; None while there is nothing."""
    try:
        return json.loads((root / "report.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def read_examples(root: Path) -> list[dict]:
    """The documents that a finished filter keeps to be looked at."""
    try:
        return [json.loads(line) for line in (root / "examples.jsonl").read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return []


def share_below(quantiles: list[float], value: float) -> float:
    """The share of values up to ``value``, from evenly spaced quantiles of them."""
    if not quantiles:
        return 0.0
    at = bisect_right(quantiles, value)
    if at == 0:
        return 0.0
    if at == len(quantiles):
        return 1.0
    low, high = quantiles[at - 1], quantiles[at]
    return (at - 1 + (value - low) / (high - low if high > low else 1)) / (len(quantiles) - 1)


def parted(edges: list[float], counts: list[float], limit: float) -> tuple[list[float], list[float]]:
    """Counts up to a limit and beyond it, bin by bin; a bin that the limit cuts is shared out evenly."""
    below = []
    for low, high, count in zip(edges, edges[1:], counts):
        share = (limit - low) / (high - low) if high > low else float(limit >= low)
        below.append(count * min(max(share, 0.0), 1.0))
    return below, [count - inside for count, inside in zip(counts, below)]
