"""The plot's small buttons: how curves are looked at, and saving them."""

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from widgets import icons, plot_export


def tool(icon: str, text: str, act=None) -> QToolButton:
    """A button with an icon alone; its text is read by the pointer and by a screen reader."""
    button = QToolButton()
    icons.set_icon(button, icon, "muted", size_px=16)
    button.setToolTip(text)
    button.setAccessibleName(text)
    if act is not None:
        button.clicked.connect(lambda: act())
    return button


def export_button(plot) -> QToolButton:
    """Saves the values, the picture or the drawing of a LossPlot."""
    menu = QMenu(plot)
    for kind, text in (("csv", plot.tr("Save values as CSV…")), ("png", plot.tr("Save picture as PNG…")),
                       ("svg", plot.tr("Save drawing as SVG…"))):  # fmt: skip
        menu.addAction(text, lambda kind=kind: plot.ask_and_save(kind))
    menu.addAction(plot.tr("Copy picture"), lambda: plot_export.copy_picture(plot.canvas))
    return _with_menu(tool("export", plot.tr("Export")), menu)


def look_button(plot) -> QToolButton:
    """Logarithmic axes, outliers, and what is made of runs that differ by their seed alone."""
    menu = QMenu(plot)
    menu.addSection(plot.tr("Axes"))
    _check(menu, plot.tr("Logarithmic height"), lambda on: plot.set_log(y=on))
    _check(menu, plot.tr("Logarithmic width"), lambda on: plot.set_log(x=on))
    _check(menu, plot.tr("Leave out outliers"), plot.set_ordinary)
    menu.addSection(plot.tr("Seeds of one setting"))
    group = QActionGroup(menu)
    for bands, text in (("off", plot.tr("Each run by itself")), ("range", plot.tr("Mean, least and greatest")),
                        ("deviation", plot.tr("Mean and standard deviation"))):  # fmt: skip
        action = _check(menu, text, lambda on, bands=bands: on and plot.set_bands(bands))
        action.setChecked(bands == "off")
        group.addAction(action)
    return _with_menu(tool("settings", plot.tr("How curves are drawn")), menu)


def _check(menu: QMenu, text: str, act) -> QAction:
    action = menu.addAction(text)
    action.setCheckable(True)
    action.toggled.connect(act)
    return action


def _with_menu(button: QToolButton, menu: QMenu) -> QToolButton:
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    return button
