"""What every spec is made of: frozen, typed, torch-free, and able to describe itself.

A field carries its label, unit, range, help and source once; the form, the tooltip, the
validation message and the command line are all read from here.
"""

import types
import typing
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Meta

from core.errors import LabError

BUILTIN = "builtin:"  # begins the name of a corpus that comes with the lab, where a file could stand


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every request: immutable, keyword-only, unknown fields refused."""


class Field(msgspec.Struct, frozen=True):
    """One field of a spec, as a form or a command line needs it."""

    name: str
    kind: Literal["int", "float", "bool", "str", "choice", "list", "spec", "union"]
    label: str
    help: str
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    unit: str = ""
    source: str = ""
    expert: bool = False
    group: str = ""  # heading that a field for experts is folded under; empty = that of all others
    choices: tuple[str, ...] = ()
    spec: type | None = None  # for kind "spec": the nested spec's type
    union: tuple[type, ...] = ()  # for kind "union": the specs it can be, told apart by their tag
    picks: str = ""  # names a folder of the workspace ("corpora") whose entries are the choices
    path: bool = False  # whether it names a file or folder on disk, or a list of them
    measure: str = ""  # what a cleaning rule measures that this field is the threshold of
    when: str = ""  # other fields' values for which it means anything: "family=transformer", "position=t5|deberta"
    keeps: str = ""  # which side of the threshold is kept: "above" or "below", the threshold itself included


def about(
    label: str,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    source: str = "",
    expert: bool = False,
    group: str = "",
    picks: str = "",
    path: bool = False,
    measure: str = "",
    keeps: str = "",
    when: str = "",
) -> Meta:
    """Describe a spec field: ``name: Annotated[int, about("Layers", "…", low=1)] = 4``."""
    extra = {
        "unit": unit, "source": source, "expert": expert or bool(group), "group": group, "picks": picks, "path": path,
        "measure": measure, "keeps": keeps, "when": when}
    return Meta(title=label, description=help, ge=low, le=high, extra=extra)


def fields(spec_type: type[Spec]) -> list[Field]:
    """The described fields of a spec type, in order of declaration."""
    hints = typing.get_type_hints(spec_type, include_extras=True)
    return [_field(info, hints[info.name]) for info in msgspec.structs.fields(spec_type)]


def _field(info, hint) -> Field:
    meta, plain = None, hint
    if typing.get_origin(hint) is typing.Annotated:
        plain, *metas = typing.get_args(hint)
        meta = next((m for m in metas if isinstance(m, Meta)), None)
    kind, choices, nested = _kind(plain)
    required = info.default is msgspec.NODEFAULT and info.default_factory is msgspec.NODEFAULT
    if info.default is not msgspec.NODEFAULT:
        default = info.default
    elif info.default_factory is not msgspec.NODEFAULT:
        default = info.default_factory()
    else:
        default = None
    extra = (meta.extra or {}) if meta else {}
    return Field(
        name=info.name,
        kind=kind,
        label=(meta.title if meta else None) or info.name.replace("_", " ").capitalize(),
        help=(meta.description if meta else None) or "",
        default=default,
        required=required,
        low=meta.ge if meta else None,
        high=meta.le if meta else None,
        choices=choices,
        spec=nested,
        union=typing.get_args(plain) if kind == "union" else (),
        **extra,
    )


def _kind(plain) -> tuple[str, tuple[str, ...], type | None]:
    origin = typing.get_origin(plain)
    if origin is Literal:
        return "choice", tuple(typing.get_args(plain)), None
    if origin in (types.UnionType, typing.Union) and all(_is_spec(kind) for kind in typing.get_args(plain)):
        return "union", (), None
    if origin in (list, tuple, types.UnionType, typing.Union, dict):
        return "list", (), None
    if _is_spec(plain):
        return "spec", (), plain
    return {int: "int", float: "float", bool: "bool"}.get(plain, "str"), (), None


def _is_spec(plain) -> bool:
    return isinstance(plain, type) and issubclass(plain, msgspec.Struct)


def build(spec_type: type, data: Any, where: str = ""):
    """Make a spec from plain data, or say which field is wrong and how to mend it.

    Raises:
        LabError: unknown field, wrong type, out of range, or an impossible combination.
    """
    try:
        return msgspec.convert(data, spec_type, strict=False)
    except LabError as error:
        raise LabError(error.problem, error.where or where, error.remedy, **error.values) from None
    except msgspec.ValidationError as error:
        raise _readable(spec_type, str(error), where) from None


def map_paths(value, change: Callable[[str], str]):
    """A spec (or a list of them) with ``change(path)`` in place of every file or folder that it names.

    A path left empty, and a built-in corpus, names none.
    """
    if isinstance(value, list):
        return [map_paths(item, change) for item in value]
    if not isinstance(value, msgspec.Struct):
        return value
    changed = {}
    for field in fields(type(value)):
        found = getattr(value, field.name)
        if not field.path:
            changed[field.name] = map_paths(found, change)
        elif isinstance(found, list):
            changed[field.name] = [change(path) if _is_path(path) else path for path in found]
        else:
            changed[field.name] = change(found) if _is_path(found) else found
    return msgspec.structs.replace(value, **changed)


def _is_path(named: str) -> bool:
    return bool(named.strip()) and not named.startswith(BUILTIN)


def _readable(spec_type: type, message: str, where: str) -> LabError:
    """Turn msgspec's message into ours: name the field, suggest the nearest known one."""
    import difflib
    import re

    problem, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+?)`", problem)
    if unknown:
        names = _names_at(spec_type, path)
        near = difflib.get_close_matches(unknown[1], names, 1)
        full = f"{path}.{unknown[1]}".lstrip(".")
        if near:
            return LabError(
                "There is no field called {field}.", where, "Did you mean {near}?", field=full, near=near[0]
            )
        return LabError(
            "There is no field called {field}.", where, "Known fields: {names}.",
            field=full, names=", ".join(names),
        )  # fmt: skip
    missing = re.search(r"missing required field `(.+?)`", problem)
    if missing:
        full = f"{path}.{missing[1]}".lstrip(".")
        return LabError("The field {field} is missing.", where, "Give it a value.", field=full)
    choices = _choices_at(spec_type, path) if problem.startswith(("Invalid value", "Invalid enum value")) else []
    remedy, values = ("Choose one of: {names}.", {"names": ", ".join(choices)}) if choices else (
        "Choose a value in range.", {})
    return LabError(
        "The field {field} has a value that does not fit: {reason}.", where, remedy,
        field=path or "?", reason=problem[:1].lower() + problem[1:], **values)


def _names_at(spec_type: type, path: str) -> list[str]:
    """Fields of the spec that a path leads to; in a list of several kinds of specs, those of any of them."""
    there = _types_at(spec_type, path.split(".") if path else [])
    return list(dict.fromkeys(name for kind in there for name in kind.__struct_fields__))


def _choices_at(spec_type: type, path: str) -> list[str]:
    """What a field can be that takes one of a few words, the name of a kind of spec among them."""
    *above, last = path.split(".")
    found = []
    for kind in _types_at(spec_type, above):
        if kind.__struct_config__.tag_field == last:
            found.append(kind.__struct_config__.tag)
        else:
            found += _words_in(typing.get_type_hints(kind).get(last.partition("[")[0]))
    return list(dict.fromkeys(found))


def _types_at(spec_type: type, parts: list[str]) -> list[type]:
    there = [spec_type]
    for part in parts:
        hints = [typing.get_type_hints(kind).get(part.partition("[")[0]) for kind in there]
        there = [spec for hint in hints for spec in _specs_in(hint)]
    return there


def _words_in(hint) -> list[str]:
    """The words that a type allows: those of a Literal, or of one in a list."""
    if typing.get_origin(hint) is Literal:
        return [word for word in typing.get_args(hint) if isinstance(word, str)]
    return [word for inner in typing.get_args(hint) for word in _words_in(inner)]


def _specs_in(hint) -> list[type]:
    """The kinds of specs that a type holds."""
    if _is_spec(hint):
        return [hint]
    return [spec for inner in typing.get_args(hint) for spec in _specs_in(inner)]
