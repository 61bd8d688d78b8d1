"""The corpus that every machine has: the documentation inside Python, torch and numpy.

Read from the sources with ``ast``; nothing is imported or run. One document a language topic,
and one a module: its docstrings under headings such as ``asyncio.locks.Lock.acquire``, in
several documents where the module is large.
"""

import ast
import gc
import importlib.util
import inspect
import os
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.data.readers.document import Origin, Raw, Reading
from core.errors import LabError

NAME = "builtin:python-docs"
_PART_CHARACTERS = 4 << 10  # a module's documentation is cut between items after so many
_LEAST_SHARE = 0.1  # of a source, in triple quotes: parsing code with less costs more time than it gives text
_LIBRARIES = ("numpy", "torch")  # beside the standard library, where they are installed
_PASSED_OVER = {
    "test", "tests", "testing", "idlelib", "lib2to3", "pydoc_data", "site-packages", "dist-packages", "turtledemo",
    "__pycache__", "third_party",
}  # fmt: skip
_SHOWN_PRIVATE = {"_core"}  # numpy keeps its documentation in a folder with a private name
_ADDERS = {"add_docstr", "_add_docstr", "add_docstr_all", "add_newdoc"}  # calls that attach documentation to C code
_PLACEHOLDER_LINE = re.compile(r"^[ \t]*\{\w+\}[ \t]*\n?", re.MULTILINE)


class Item(NamedTuple):
    """One docstring: the full name of what it documents, its text, and the line it starts on."""

    name: str
    text: str
    line: int


def origins() -> list[Origin]:
    """Every source file to read, in a fixed order; sizes in bytes.

    Raises:
        LabError: the standard library has no readable sources (a frozen Python).
    """
    found = []
    topics = _module_file("pydoc_data.topics")
    if topics:
        found.append(_origin(topics, "topics", read_topics))
    library = Path(sysconfig.get_paths()["stdlib"])
    found += [_origin(path, _dotted(path, library), read_module) for path in _sources(library)]
    for name in _LIBRARIES:
        start = _module_file(name)
        if start:
            found += [_origin(path, _dotted(path, start.parent, name), read_module) for path in _sources(start.parent)]
    if not found:
        raise LabError(
            "This Python comes without the sources of its library.", NAME, "Use files of your own instead.")
    return found


def read_topics(origin: Origin, reading: Reading) -> Iterator[Raw]:
    """One document a topic of Python's language reference."""
    tree = _parse(origin, _read(origin, reading))
    table = next((node for node in ast.walk(tree) if isinstance(node, ast.Dict)), ast.Dict([], []))
    for key, value in zip(table.keys, table.values, strict=True):
        text = _literal(value)
        if text and isinstance(key, ast.Constant):
            yield Raw(text.strip("\n"), f"{NAME}/{key.value}", value.lineno)


def read_module(origin: Origin, reading: Reading) -> Iterator[Raw]:
    """The docstrings of one module, in documents of about 4 Ki characters; none for code with hardly any."""
    module = origin.source.removeprefix(f"{NAME}/")
    source = _read(origin, reading)
    if sum(map(len, re.findall(rb'"""(.*?)"""', source, re.DOTALL))) < _LEAST_SHARE * len(source):
        return
    held: list[Item] = []
    for item in _items(_parse(origin, source), module):
        if held and sum(len(i.text) for i in held) + len(item.text) > _PART_CHARACTERS:
            yield _document(origin, held)
            held = []
        held.append(item)
    if held:
        yield _document(origin, held)


def _document(origin: Origin, items: list[Item]) -> Raw:
    return Raw("\n\n".join(f"{item.name}\n{item.text}" for item in items), origin.source, items[0].line)


def _items(tree: ast.AST, name: str) -> Iterator[Item]:
    """Docstrings of a module or class and of what it defines, in the order of the source."""
    body = getattr(tree, "body", [])
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(tree)
        if text and text.strip():
            yield Item(name, text, body[0].lineno)
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        return  # functions within functions are nobody's documentation
    for node in (*body, *getattr(tree, "orelse", ()), *getattr(tree, "handlers", ())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _items(node, f"{name}.{node.name}")
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _items(node, name)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _added(node.value)


def _added(call: ast.Call) -> Iterator[Item]:
    """Documentation that a call attaches to something written in C."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in _ADDERS or len(call.args) < 2:
        return
    *target, last = call.args
    text = _literal(last)
    if text:
        parts = [_literal(part) or ast.unparse(part) for part in target]
        yield Item(".".join(parts), inspect.cleandoc(_PLACEHOLDER_LINE.sub("", text)), last.lineno)


def _literal(node: ast.AST) -> str:
    """The string a node spells out, also inside ``(name, string)`` or under ``.format(...)``; else empty."""
    if isinstance(node, ast.Tuple) and node.elts:
        return _literal(node.elts[-1])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _literal(node.func.value)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _read(origin: Origin, reading: Reading) -> bytes:
    reading.advance(origin.n_bytes)
    return origin.path.read_bytes()


def _parse(origin: Origin, source: bytes) -> ast.AST:
    collecting = gc.isenabled()
    gc.disable()  # a tree is thousands of objects, none of them garbage: collecting costs a third of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the escapes in other people's strings
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise LabError(
            "This Python file cannot be parsed: {error}.", str(origin.path), "It is left out.", error=str(error)
        ) from None
    finally:
        if collecting:
            gc.enable()


def _module_file(name: str) -> Path | None:
    """Where a top-level module's source stands; finding it does not import it."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    path = Path(found.origin) if found and found.origin else None
    return path if path and path.suffix == ".py" and path.is_file() else None


def _sources(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if _is_shown(name))
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith("test_"):
                yield Path(folder) / name


def _is_shown(name: str) -> bool:
    return name in _SHOWN_PRIVATE or not (name in _PASSED_OVER or name.startswith(("_", ".")))


def _dotted(path: Path, root: Path, package: str = "") -> str:
    parts = [*filter(None, [package]), *path.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _origin(path: Path, name: str, read) -> Origin:
    return Origin(path, path.stat().st_size, f"{NAME}/{name}", read)
