"""Options from specs: one flag a field, with its help, range and default; and back to a spec."""

import argparse
import tomllib
import typing
from pathlib import Path

import msgspec

from core.errors import LabError
from core.spec.base import Field, build, fields
from core.spec.files import preset, preset_names, read_toml

FIELD = "field:"  # marks the parsed arguments that belong to the spec


def default_workspace() -> Path:
    """The workspace of someone who names none; the window opens the same one."""
    import platformdirs

    return Path(platformdirs.user_documents_dir()) / "Coldframe"


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """The options every verb on a workspace has."""
    parser.add_argument("--workspace", type=Path, default=None, metavar="DIR",
                        help="folder that holds corpora, runs and exports (default: Coldframe in your documents)")
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that makes a verb print its result for machines."""
    parser.add_argument("--json", action="store_true",
                        help="print the result as one JSON object; progress goes to standard error")


def add_spec(parser: argparse.ArgumentParser, spec_type: type, room: str = "", into: str = "") -> None:
    """One option for every field of a spec, nested ones dotted; then --preset, --spec and --set.

    Args:
        parser: where the options go.
        spec_type: the spec that describes them.
        room: folder of presets that --preset chooses from; empty = no presets.
        into: field of the spec that a preset fills; empty = the whole spec.
    """
    group = parser.add_argument_group("what is asked for")
    if room:
        names = ", ".join(preset_names(room)) or "none yet"
        group.add_argument("--preset", metavar="NAME", help=_plain(f"start from presets/{room}: {names}"))
    group.add_argument("--spec", metavar="FILE", help="start from a spec in a TOML file")
    group.add_argument("--set", metavar="KEY=VALUE", action="append", default=[],
                       help="any field by its dotted name, the value as TOML, such as model.norm=\"layer_norm\"")
    _add_fields(group, spec_type, "")
    parser.set_defaults(spec_type=spec_type, preset_room=room, preset_into=into)


def read_spec(args: argparse.Namespace):
    """The spec that the options ask for: preset, then file, then --set, then single flags.

    Raises:
        LabError: an unknown preset, file or field, or a value that does not fit.
    """
    data: dict = {}
    if getattr(args, "preset", None):
        values = dict(preset(args.preset_room, args.preset).values)
        if args.preset_into == "model":
            values.pop("vocab_size", None)  # the run's own tokenizer decides
        _merge(data, {args.preset_into: values} if args.preset_into else values)
    if args.spec:
        given = read_toml(Path(args.spec))
        _merge(data, given.get("spec", given))  # a job's own spec.toml runs again
    for text in args.set:
        _put(data, *_assignment(text))
    for name, value in vars(args).items():
        if name.startswith(FIELD) and value not in (None, []):
            _put(data, name.removeprefix(FIELD), _items(args.spec_type, name.removeprefix(FIELD), value))
    return build(args.spec_type, data)


def _add_fields(group, spec_type: type, prefix: str) -> None:
    for field in fields(spec_type):
        name = prefix + field.name
        if field.kind == "spec":
            _add_fields(group, field.spec, f"{name}.")
            continue
        flag, common = f"--{name.replace('_', '-')}", {"dest": FIELD + name, "default": argparse.SUPPRESS}
        common["help"] = _plain(describe(field))
        if field.kind == "bool":
            group.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
        elif field.kind == "union":
            group.add_argument(flag, metavar="KIND", **common | {"dest": f"{FIELD}{name}.{_tag_field(field)}"})
        elif field.kind == "list":
            group.add_argument(flag, nargs="+", metavar="VALUE", **common)
        elif field.kind == "choice":
            group.add_argument(flag, metavar="CHOICE", **common)
        else:
            group.add_argument(flag, metavar=field.kind.upper(), **common)


def describe(field: Field) -> str:
    """Help for one option: what it is, what it may be, and what it is if left out."""
    facts = []
    if field.union:
        kinds = ", ".join(kind.__struct_config__.tag for kind in field.union)
        facts.append(f"one of {kinds}; its own settings by --set {field.name}.NAME=VALUE")
    elif field.choices:
        facts.append("one of " + ", ".join(map(str, field.choices)))
    elif field.low is not None and field.high is not None:
        facts.append(f"{field.low:g} to {field.high:g} {field.unit}".strip())
    elif field.unit:
        facts.append(field.unit)
    if field.required:
        facts.append("required")
    elif isinstance(field.default, (int, float, str)) and field.default != "":
        facts.append(f"default {field.default}")
    return f"{field.help} ({'; '.join(facts)})" if facts else field.help


def _tag_field(field: Field) -> str:
    return field.union[0].__struct_config__.tag_field


def _plain(text: str) -> str:
    return text.replace("%", "%%")  # argparse formats its help


def _assignment(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise LabError("{text} is not KEY=VALUE.", "--set", "Write for example --set model.d_model=256.", text=text)
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value  # a bare word is meant as text


def _items(spec_type: type, name: str, value):
    """Items of a list of specs, each written as ``FIRST,key=value``: ``austen,weight=2``."""
    plain = typing.get_type_hints(spec_type).get(name)
    item = next(iter(typing.get_args(plain)), None) if typing.get_origin(plain) is list else None
    if not (isinstance(item, type) and issubclass(item, msgspec.Struct)) or isinstance(value[0], dict):
        return value
    first = fields(item)[0].name
    return [{first: text.split(",")[0]} | dict(map(_assignment, text.split(",")[1:])) for text in value]


def _put(data: dict, name: str, value) -> None:
    *parents, last = name.replace("-", "_").split(".")
    for parent in parents:
        inner = data.get(parent)
        data[parent] = data = inner if isinstance(inner, dict) else {}
    data[last] = value


def _merge(data: dict, more: dict) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(data.get(key), dict):
            _merge(data[key], value)
        else:
            data[key] = value
