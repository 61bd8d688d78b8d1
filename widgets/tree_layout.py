"""Where everything stands in the family tree: years from left to right, branches as lanes from top to bottom."""

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF

LANES = ("ancestor", "encoder", "permutation", "encoder-decoder", "decoder", "prefix")
EARLY = 2017  # years up to this one share the first column
HEAD_PX, MARK_PX, INDENT_PX, LANE_GAP_PX, GAP_PX, EDGE_PX = 22, 15, 10, 5, 6, 8
ROW_PX = (15, 24)  # a row is at least and at most this tall


@dataclass(frozen=True)
class Entry:
    """One system of the tree, as the tree needs it."""

    key: str
    name: str
    year: int
    branch: str
    idea: str = ""
    open: bool = True
    recipe: bool = False
    parent: str = ""  # key of the entry it grew from


@dataclass
class TreeLayout:
    """Places in pixels."""

    boxes: dict[str, QRectF] = field(default_factory=dict)  # key -> marker and name
    lanes: dict[str, QRectF] = field(default_factory=dict)
    columns: dict[int, float] = field(default_factory=dict)  # year -> left edge
    width: float = 0.0
    height: float = 0.0


def label(entry: Entry) -> str:
    """The name, with the year where the column does not tell it."""
    return f"{entry.name} {entry.year}" if entry.year <= EARLY else entry.name


def column(entry: Entry) -> int:
    """The year of an entry's column."""
    return max(entry.year, EARLY)


def lay_out(entries: list[Entry], width_of: Callable[[str], float], width: float, height: float) -> TreeLayout:
    """Place every entry; narrower or lower than legible it does not become.

    Args:
        entries: the tree; those of one lane and year keep their order, children below their parent.
        width_of: pixels of a text in the tree's font.
        width: pixels there are.
        height: pixels there are.
    """
    cells = _cells(entries)
    rows = {lane: _rows(lane, cells) for lane in LANES if any(cell[0] == lane for cell in cells)}
    depth = {entry.key: level for cell in cells.values() for entry, level in cell}
    made = TreeLayout()
    need: dict[int, float] = {}
    for entry in entries:
        text = MARK_PX + width_of(label(entry)) + INDENT_PX * depth[entry.key]
        need[column(entry)] = max(need.get(column(entry), 0), text)
    years = sorted(need)
    least = sum(need.values()) + GAP_PX * (len(years) - 1) + 2 * EDGE_PX
    spare = max(0.0, width - least) / max(1, len(years) - 1) if len(years) > 1 else 0.0
    left = EDGE_PX
    for year in years:
        made.columns[year] = left
        left += need[year] + GAP_PX + spare
    made.width = max(width, least)
    count = sum(rows.values())
    room = height - HEAD_PX - LANE_GAP_PX * len(rows)
    row = min(max(room / max(1, count), ROW_PX[0]), ROW_PX[1])
    top = HEAD_PX
    for lane, number in rows.items():
        made.lanes[lane] = QRectF(0, top, made.width, number * row)
        for (branch, year), cell in cells.items():
            first = _first_row(lane, year) if branch == lane else 0
            for place, (entry, level) in enumerate(cell if branch == lane else []):
                indent = INDENT_PX * level
                text = MARK_PX + width_of(label(entry)) + 4
                made.boxes[entry.key] = QRectF(made.columns[year] + indent, top + (first + place) * row, text, row)
        top += number * row + LANE_GAP_PX
    made.height = top
    return made


def _first_row(lane: str, year: int) -> int:
    """In the first column the lane's name stands above its entries."""
    return 1 if year == EARLY else 0


def _rows(lane: str, cells: dict) -> int:
    return max([1] + [len(cell) + _first_row(lane, year) for (branch, year), cell in cells.items() if branch == lane])


def _cells(entries: list[Entry]) -> dict[tuple[str, int], list[tuple[Entry, int]]]:
    """(lane, year) -> entries with how deep each hangs, near the row of what they grew from."""
    found: dict[tuple[str, int], list[tuple[Entry, int]]] = {}
    place: dict[str, int] = {}
    for year in sorted({column(entry) for entry in entries}):
        near: set[str] = set()  # what the lanes above have in this column
        for lane in LANES:
            here = [entry for entry in entries if entry.branch == lane and column(entry) == year]
            if not here:
                continue
            keys = {entry.key for entry in here}
            roots = [entry for entry in here if entry.parent not in keys]
            roots.sort(key=lambda entry: (entry.parent not in near, place.get(entry.parent, len(entries))))
            near |= keys
            cell = [pair for root in roots for pair in _hang(root, here, 0)]
            found[lane, year] = cell
            place |= {entry.key: row for row, (entry, _) in enumerate(cell)}
    return found


def _hang(entry: Entry, here: list[Entry], level: int) -> list[tuple[Entry, int]]:
    below = [pair for child in here if child.parent == entry.key for pair in _hang(child, here, level + 1)]
    return [(entry, level), *below]
