"""The look of the lab in one place: colours, spacing, type scale, light and dark.

Style-sheet widgets follow by themselves; a widget that paints itself calls ``color(...)``
inside ``paintEvent`` and connects ``theme.bus.changed`` to ``self.update``.
"""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

ASSETS = Path(__file__).resolve().parents[1] / "assets"
FAMILIES = ["Inter", "Segoe UI Variable Text", "Segoe UI", "SF Pro Text", "Cantarell", "Noto Sans", "Noto Sans CJK SC",
            "Microsoft YaHei UI", "PingFang SC", "DejaVu Sans"]  # fmt: skip
MONO_FAMILIES = ["JetBrains Mono", "Cascadia Mono", "SF Mono", "Menlo", "Consolas", "Noto Sans Mono",
                 "DejaVu Sans Mono", "Noto Sans Mono CJK SC", "Noto Sans CJK SC"]  # fmt: skip
SIZES_PX = {"caption": 12, "body": 13, "strong": 13, "section": 15, "title": 20, "display": 28, "mono": 13}
UNIT_PX = 8
RADIUS_PX = 8

Mode = Literal["light", "dark"]


@dataclass(frozen=True)
class Tokens:
    """Every colour of one mode, as ``#rrggbb``."""

    surface: str  # the page
    raised: str  # cards, fields
    sunken: str  # rail, wells, table headers
    hover: str
    line: str  # hairlines
    line_strong: str  # borders of controls
    text: str
    muted: str  # second voice: sentences under titles
    faint: str  # third voice: units, captions
    accent: str  # leaf green: the primary action, "fine", "chosen"
    accent_hover: str
    accent_soft: str
    on_accent: str
    amber: str  # "unsure", warnings
    amber_soft: str
    clay: str  # "unsupported", errors
    clay_soft: str
    sky: str  # information, links
    sky_soft: str
    focus: str  # keyboard focus ring
    series: tuple[str, ...]  # Okabe & Ito 2008, Color Universal Design: safe for colour-blind readers


LIGHT = Tokens(
    surface="#f6f8f7", raised="#ffffff", sunken="#edf1ef", hover="#e6ebe8", line="#dce3df", line_strong="#84928b",
    text="#15201a", muted="#4c5a53", faint="#5f6c65",
    accent="#1d6a44", accent_hover="#165437", accent_soft="#e0efe6", on_accent="#ffffff",
    amber="#8a5200", amber_soft="#fbefd8", clay="#a33a27", clay_soft="#f9e6e1", sky="#215f8f", sky_soft="#e3eef7",
    focus="#2f8f5f", series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07800", "#3a9ad9", "#15201a", "#7a6fb0"),
)  # fmt: skip
DARK = Tokens(
    surface="#0f1412", raised="#171d1a", sunken="#0b0f0d", hover="#212925", line="#29322e", line_strong="#68776f",
    text="#e7edea", muted="#a9b6af", faint="#8f9c95",
    accent="#62c08d", accent_hover="#7ad0a1", accent_soft="#183324", on_accent="#07150d",
    amber="#e8b45c", amber_soft="#35290f", clay="#f0937f", clay_soft="#3c1d17", sky="#8bbce4", sky_soft="#152a3c",
    focus="#62c08d", series=("#56b4e9", "#e69f00", "#2fc79a", "#cc79a7", "#f0e442", "#ee7733", "#e7edea", "#a99be0"),
)  # fmt: skip
TOKENS: dict[str, Tokens] = {"light": LIGHT, "dark": DARK}


class Bus(QObject):
    """Tells whoever paints by hand that the colours have changed."""

    changed = Signal()


bus = Bus()
_mode: Mode = "light"


def mode() -> Mode:
    """The mode shown now."""
    return _mode


def tokens() -> Tokens:
    """The colours shown now."""
    return TOKENS[_mode]


def color(name: str, alpha: float = 1.0) -> QColor:
    """A token as a QColor; ``alpha`` 0..1."""
    made = QColor(getattr(tokens(), name))
    made.setAlphaF(alpha)
    return made


def series(index: int) -> QColor:
    """The colour of the n-th curve; starts again after eight (vary the dash then)."""
    palette = tokens().series
    return QColor(palette[index % len(palette)])


def blend(under: QColor, over: QColor, share: float) -> QColor:
    """``over`` painted on ``under`` with the given share (0..1), as an opaque colour."""
    mix = [round(a + (b - a) * share) for a, b in zip(under.getRgb()[:3], over.getRgb()[:3])]
    return QColor(*mix)


def space(units: float) -> int:
    """Pixels of so many 8 px grid units."""
    return round(units * UNIT_PX)


@cache
def families(mono: bool = False) -> list[str]:
    """The wanted font families that this machine has: matching missing ones anew costs milliseconds a frame."""
    wanted, there = MONO_FAMILIES if mono else FAMILIES, set(QFontDatabase.families())
    return [family for family in wanted if family in there] or wanted[-1:]


def font(role: str = "body") -> QFont:
    """The font of a role: caption, body, strong, section, title, display, mono."""
    made = QFont()
    made.setFamilies(families(role == "mono"))
    made.setPixelSize(SIZES_PX[role])
    if role in ("strong", "section", "title", "display"):
        made.setWeight(QFont.Weight.DemiBold)
    return made


def system_mode() -> Mode:
    """What the desktop asks for."""
    dark = QApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return "dark" if dark else "light"


def apply(app: QApplication, wanted: Literal["light", "dark", "system"] = "system") -> Mode:
    """Dress the whole application; returns the mode that was chosen.

    May be called again at any time: every widget follows at once.
    """
    global _mode
    _mode = system_mode() if wanted == "system" else wanted
    if app.property("coldframe_mode") == _mode:
        return _mode  # a style sheet set again would be worked out again for every widget
    app.setProperty("coldframe_mode", _mode)
    app.setStyle("Fusion")  # the one style that looks alike on all three systems and obeys a palette
    app.setFont(font())
    app.setPalette(palette())
    app.setStyleSheet(style_sheet())
    bus.changed.emit()
    return _mode


def palette() -> QPalette:
    """The Qt palette of the current mode."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: "surface", QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Base: "raised", QPalette.ColorRole.AlternateBase: "sunken",
        QPalette.ColorRole.Text: "text", QPalette.ColorRole.Button: "raised", QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.BrightText: "clay", QPalette.ColorRole.Highlight: "accent",
        QPalette.ColorRole.HighlightedText: "on_accent", QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.ToolTipText: "text", QPalette.ColorRole.PlaceholderText: "faint",
        QPalette.ColorRole.Link: "sky", QPalette.ColorRole.Accent: "accent", QPalette.ColorRole.Mid: "line",
        QPalette.ColorRole.Dark: "line_strong", QPalette.ColorRole.Light: "raised",
    }  # fmt: skip
    for role, name in roles.items():
        made.setColor(role, color(name))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, blend(color("surface"), color("text"), 0.45))
    return made


def style_sheet() -> str:
    """The style sheet of the current mode, filled in from ``assets/style/coldframe.qss``."""
    values = {f.name: getattr(tokens(), f.name) for f in fields(Tokens) if f.name != "series"}
    values |= {f"size_{role}": f"{px}px" for role, px in SIZES_PX.items()}
    values |= {"radius": f"{RADIUS_PX}px", "mode": _mode, "style": (ASSETS / "style").as_posix()}
    values["disabled"] = blend(color("surface"), color("text"), 0.45).name()
    values["mono"] = ", ".join(f'"{family}"' for family in families(mono=True))
    return Template((ASSETS / "style" / "coldframe.qss").read_text("utf-8")).substitute(values)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2, success criterion 1.4.3)."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(name: str) -> float:
    channels = [int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
