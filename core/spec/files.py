"""Specs as TOML on disk: read, write, and the presets that ship with the lab."""

import tomllib
from pathlib import Path

import msgspec
import tomli_w

from core.errors import LabError
from core.spec.base import build

PRESETS = Path(__file__).resolve().parents[2] / "presets"


def read_toml(path: Path) -> dict:
    """The plain content of a TOML file.

    Raises:
        LabError: no such file, not UTF-8, or not TOML (the line is named).
    """
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise LabError("There is no such file.", str(path), "Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(
            "This is not valid TOML: {error}.", str(path), "Mend that line.", error=str(error)
        ) from None


def write_toml(path: Path, data) -> None:
    """Write plain data or a spec as TOML, atomically."""
    from core.record.atomic import write_text

    write_text(path, tomli_w.dumps(_without_none(msgspec.to_builtins(data))))


def load(path: Path, spec_type: type):
    """Read one spec from a TOML file."""
    return build(spec_type, read_toml(path), str(path))


class Preset(msgspec.Struct, frozen=True):
    """A named starting point: what it is, where its numbers come from, and its values."""

    name: str
    title: str
    about: str
    source: str
    values: dict


def preset_names(room: str) -> list[str]:
    """Names of the presets in ``presets/ROOM``, in the order given by their ``order`` key."""
    found = [(read_toml(p).get("order", 1000), p.stem) for p in (PRESETS / room).glob("*.toml")]
    return [name for _, name in sorted(found)]


def preset(room: str, name: str) -> Preset:
    """One preset by name.

    Raises:
        LabError: unknown name; remedy lists the known ones.
    """
    path = PRESETS / room / f"{name}.toml"
    if not path.is_file() or path.parent != PRESETS / room:
        raise LabError(
            "There is no preset called {name}.", f"presets/{room}", "Choose one of: {names}.",
            name=name, names=", ".join(preset_names(room)),
        )  # fmt: skip
    data = read_toml(path)
    data.pop("order", None)
    words = {key: str(data.pop(key, "")) for key in ("title", "about", "source")}
    return Preset(name=name, values=data, **words)


def _without_none(value):
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(v) for v in value if v is not None]
    return value
