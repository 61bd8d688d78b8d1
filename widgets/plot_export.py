"""Saving what one sees: values as CSV, pictures as PNG, drawings as SVG."""

import csv

from PySide6.QtCore import QCoreApplication, QPoint, QRect
from PySide6.QtGui import QGuiApplication, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QWidget

from widgets import theme

SCALE = 2  # pictures are twice as dense as the screen, for print


def ask_path(parent: QWidget, kind: str, name: str) -> str:
    """Ask where to save; empty when the person changed their mind."""
    title = QCoreApplication.translate("export", "Save as")
    path, _ = QFileDialog.getSaveFileName(parent, title, name, f"{kind.upper()} (*.{kind})")
    return path if not path or path.endswith(f".{kind}") else f"{path}.{kind}"


def write_csv(path: str, rows: list[list]) -> None:
    """Write rows as UTF-8 CSV that spreadsheets open as it is."""
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def copy_rows(rows: list[list]) -> None:
    """Put rows on the clipboard as tab-separated text."""
    text = "\n".join("\t".join("" if cell is None else str(cell) for cell in row) for row in rows)
    QGuiApplication.clipboard().setText(text)


def picture(widget: QWidget) -> QPixmap:
    """The widget as a dense picture on the theme's ground."""
    made = QPixmap(widget.size() * SCALE)
    made.setDevicePixelRatio(SCALE)
    made.fill(theme.color("raised"))
    painter = QPainter(made)
    if hasattr(widget, "paint_on"):  # it draws finer for print than for the screen
        widget.paint_on(painter, fine=True)
    else:
        widget.render(painter, QPoint(0, 0))
    painter.end()
    return made


def copy_picture(widget: QWidget) -> None:
    """Put a picture of the widget on the clipboard."""
    QGuiApplication.clipboard().setPixmap(picture(widget))


def write_picture(canvas: QWidget, path: str) -> None:
    """Write a PNG of a widget that has ``paint_on``, or an SVG when the name says so."""
    if not path.endswith(".svg"):
        picture(canvas).save(path, "PNG")
        return
    drawing = QSvgGenerator()
    drawing.setFileName(path)
    drawing.setSize(canvas.size())
    drawing.setViewBox(QRect(0, 0, canvas.width(), canvas.height()))
    painter = QPainter(drawing)
    canvas.paint_on(painter, fine=True)
    painter.end()
