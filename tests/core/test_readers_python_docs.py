"""The built-in corpus: documentation that every machine has, read without importing any of it."""

import ast
import subprocess
import sys

import pytest

from core.data.readers import python_docs
from core.data.readers.document import Origin, Reading

READING = Reading(print, lambda n_bytes: None)


@pytest.fixture(scope="module")
def found():
    return python_docs.origins()


def documents(found, *names):
    wanted = {f"builtin:python-docs/{name}" for name in names}
    return [d for o in found if o.source in wanted for d in o.read(o, READING)]


def test_the_listing_is_the_same_every_time_and_leaves_tests_out(found):
    assert found == python_docs.origins()
    assert not any(".tests." in o.source or "/test." in o.source for o in found)
    assert len({o.source for o in found}) == len(found)


def test_language_topics_are_documents_of_their_own(found):
    topics = documents(found, "topics")
    assert len(topics) > 50
    assert any(d.source.endswith("/lambda") and "anonymous functions" in d.text for d in topics)


def test_docstrings_stand_under_their_full_names_at_their_lines(found):
    (first, *_) = documents(found, "json.decoder")
    origin = next(o for o in found if o.source == first.source)
    assert first.text.startswith("json.decoder\n")
    assert "\n\njson.decoder.JSONDecodeError\nSubclass of ValueError" in first.text
    assert '"""' in origin.path.read_text("utf-8").split("\n")[first.line - 1]


def test_large_modules_come_in_parts_that_together_hold_every_docstring_of_a_class(found):
    parts = documents(found, "typing")
    tree = ast.parse(next(o for o in found if o.source == parts[0].source).path.read_bytes())
    classes = [ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef)]
    text = "\n".join(part.text for part in parts)
    assert len(parts) > 1 and all(doc in text for doc in classes if doc)


def test_documentation_attached_by_calls_is_found_too(tmp_path):
    source = '"""Module."""\nadd_docstr(torch.abs, r"""\nabs(input)\n\n{input}\nAbsolute value.\n""".format(**args))\n'
    path = tmp_path / "docs.py"
    path.write_text(source)
    (document,) = python_docs.read_module(Origin(path, len(source), "builtin:python-docs/docs", None), READING)
    assert document.text == "docs\nModule.\n\ntorch.abs\nabs(input)\n\nAbsolute value."


def test_code_without_documentation_is_passed_over(tmp_path):
    path = tmp_path / "code.py"
    path.write_text("x = 1\n" * 500 + 'def f():\n    """Short."""\n')
    assert list(python_docs.read_module(Origin(path, 1, "builtin:python-docs/code", None), READING)) == []


def test_neither_torch_nor_numpy_is_imported():
    code = "import sys; from core.data.readers.folder import gather; gather(['builtin:python-docs']); " \
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
