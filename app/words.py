"""Numbers as people read them: short, with their unit, in the user's language."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication


def count_text(number: float) -> str:
    """1,234 or 12.3 K or 4.56 M: three figures and a letter."""
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "K")):
        if abs(number) >= limit:
            scale = 1e3 if letter == "K" else limit
            return f"{number / scale:.3g} {letter}" if abs(number / scale) < 1000 else f"{number / scale:,.0f} {letter}"
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.3g}"


def bytes_text(number: float) -> str:
    """Bytes with a decimal prefix: 98.2 MB."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(number) >= limit:
            return f"{number / limit:.3g} {unit}" if number / limit < 1000 else f"{number / limit:,.0f} {unit}"
    return f"{number:.0f} B"


def duration_text(seconds: float) -> str:
    """A length of time, rounded to what matters: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    say = QCoreApplication.translate
    seconds = max(0, round(seconds))
    if seconds < 60:
        return say("time", "{s} s").format(s=seconds)
    if seconds < 3600:
        return say("time", "{m} min {s} s").format(m=seconds // 60, s=seconds % 60)
    if seconds < 86400:
        return say("time", "{h} h {m} min").format(h=seconds // 3600, m=seconds % 3600 // 60)
    return say("time", "{d} d {h} h").format(d=seconds // 86400, h=seconds % 86400 // 3600)


def clock_text(seconds: float) -> str:
    """A length of time as a clock shows it, for narrow places: 1:39, or 2:05:10 from an hour on."""
    seconds = max(0, round(seconds))
    minutes = f"{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{minutes}" if seconds >= 3600 else f"{seconds // 60}:{seconds % 60:02d}"


def age_text(seconds: float) -> str:
    """How long ago, in one unit."""
    say = QCoreApplication.translate
    if seconds < 60:
        return say("time", "now")
    if seconds < 3600:
        return say("time", "{m} min ago").format(m=int(seconds // 60))
    if seconds < 86400:
        return say("time", "{h} h ago").format(h=int(seconds // 3600))
    return say("time", "{d} d ago").format(d=int(seconds // 86400))


def time_left_text(seconds: float | None) -> str:
    """How long still; empty when nobody can know."""
    if seconds is None:
        return ""
    return QCoreApplication.translate("time", "{time} left").format(time=duration_text(seconds))


def percent_text(share: float, digits: int = 0) -> str:
    """A share 0..1 as per cent."""
    return f"{100 * share:.{digits}f} %"


def short_path(path: Path, characters: int = 80) -> str:
    """A path as people say it: their own folder is ~, and a very long one loses its middle."""
    try:
        text = str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        text = str(path)
    half = characters // 2
    return text if len(text) <= characters else f"{text[: half - 1]}…{text[-half:]}"
