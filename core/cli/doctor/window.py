"""Whether the window can open, and write Chinese; asked in a process of its own, since Qt aborts."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from core.cli.doctor.check import Answer, Check, probe

QT_PROBE = """
import json
from PySide6.QtGui import QFontDatabase, QGuiApplication
app = QGuiApplication([])
chinese = QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese)
chinese.sort(key=lambda name: "SC" not in name)
print(json.dumps({"platform": app.platformName(), "chinese": chinese[:1]}))
"""
# Debian's package for each library that Qt's wheel leaves to the system.
DEBIAN = {
    "libEGL.so.1": "libegl1", "libGL.so.1": "libgl1", "libOpenGL.so.0": "libopengl0",
    "libxkbcommon.so.0": "libxkbcommon0", "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1", "libfreetype.so.6": "libfreetype6", "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0", "libX11.so.6": "libx11-6", "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1", "libxcb-cursor.so.0": "libxcb-cursor0", "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0", "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0", "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0", "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0", "libxcb-sync.so.1": "libxcb-sync1", "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0", "libxcb-xkb.so.1": "libxcb-xkb1", "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6", "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-client.so.0": "libwayland-client0",
}  # fmt: skip


def window() -> list[Check]:
    """Qt itself, then what a real screen needs besides, then a font for Chinese."""
    screen = _has_screen()
    answer = probe("-c", QT_PROBE, timeout_s=60, **({} if screen else {"QT_QPA_PLATFORM": "offscreen"}))
    if not answer.values:
        return [Check("window", "problem", answer.last_words, _missing(answer))]
    checks = [_platform(answer.values["platform"], screen)]
    if answer.values["chinese"]:
        return [*checks, Check("Chinese font", "ok", answer.values["chinese"][0])]
    return [*checks, Check("Chinese font", "warning", "none found, so Chinese text shows as boxes",
                           "Install one (Debian: fonts-noto-cjk).")]


def _has_screen() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _platform(name: str, screen: bool) -> Check:
    absent = _absent_libraries()
    if screen:
        return Check("window", "ok", f"opens on {name}")
    found = "no display here; drawing without one works"
    if absent:
        return Check("window", "warning", f"{found}, a screen would lack {', '.join(absent)}",
                     f"To open it on a screen: apt-get install {_debian(absent)}.")
    return Check("window", "ok", found)


def _absent_libraries() -> list[str]:
    """Libraries that Qt's plugin for X11 asks for and this Linux does not have."""
    package = find_spec("PySide6")
    if not sys.platform.startswith("linux") or package is None or not package.submodule_search_locations:
        return []
    qt = Path(package.submodule_search_locations[0]) / "Qt"
    try:
        said = subprocess.run(["ldd", str(qt / "plugins/platforms/libqxcb.so")], capture_output=True, text=True).stdout
    except OSError:
        return []
    return sorted(set(re.findall(r"(\S+) => not found", said)))


def _missing(answer: Answer) -> str:
    """The remedy for a Qt that does not start, naming what the system lacks."""
    named = re.findall(r"lib[\w.+-]+\.so(?:\.\d+)*(?=: cannot open)", answer.said)
    absent = sorted({*named, *_absent_libraries()})
    if absent:
        return f"Install the missing {', '.join(absent)} (Debian: apt-get install {_debian(absent)})."
    return "Run: python -m pip install --force-reinstall PySide6-Essentials==6.11.3."


def _debian(libraries: list[str]) -> str:
    return " ".join(dict.fromkeys(DEBIAN.get(name, name) for name in libraries))
