"""Line icons drawn for the lab, coloured by the theme."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel

from widgets import theme

FOLDER = theme.ASSETS / "icons"


def names() -> list[str]:
    """Every icon there is."""
    return sorted(path.stem for path in FOLDER.glob("*.svg"))


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    svg = (FOLDER / f"{name}.svg").read_text("utf-8").replace("currentColor", colour)
    return QSvgRenderer(QByteArray(svg.encode()))


def draw(painter: QPainter, name: str, rect: QRectF, token: str = "text") -> None:
    """Paint an icon into a rectangle, for widgets that paint themselves."""
    _renderer(name, theme.color(token).name()).render(painter, QRectF(rect))


def pixmap(name: str, token: str = "text", size_px: int = 20, ratio: float = 2.0) -> QPixmap:
    """An icon as a picture in a theme colour, sharp on dense screens."""
    made = QPixmap(QSize(round(size_px * ratio), round(size_px * ratio)))
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    draw(painter, name, QRectF(0, 0, made.width(), made.height()), token)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


def icon(name: str, token: str = "text", checked_token: str = "") -> QIcon:
    """An icon for a button or a menu, with its disabled and checked look."""
    made = QIcon(pixmap(name, token))
    made.addPixmap(pixmap(name, "line_strong"), QIcon.Mode.Disabled)
    if checked_token:
        made.addPixmap(pixmap(name, checked_token), QIcon.Mode.Normal, QIcon.State.On)
    return made


class _Tint(QObject):
    """Keeps the icon of its parent in the theme's colour; lives and dies with it."""

    def __init__(self, target: QAbstractButton | QLabel) -> None:
        super().__init__(target)
        self.name, self.token, self.checked_token, self.size_px = "", "text", "", 20
        theme.bus.changed.connect(self.refresh)

    def refresh(self) -> None:
        target = self.parent()
        if isinstance(target, QLabel):
            target.setPixmap(pixmap(self.name, self.token, self.size_px))
        else:
            target.setIcon(icon(self.name, self.token, self.checked_token))
            target.setIconSize(QSize(self.size_px, self.size_px))


def set_icon(target: QAbstractButton | QLabel, name: str, token: str = "text", *, checked_token: str = "",
             size_px: int = 20) -> None:  # fmt: skip
    """Give a button or a label an icon that follows the theme; may be called again with another name."""
    tint = target.findChild(_Tint, options=Qt.FindChildOption.FindDirectChildrenOnly) or _Tint(target)
    tint.name, tint.token, tint.checked_token, tint.size_px = name, token, checked_token, size_px
    tint.refresh()
