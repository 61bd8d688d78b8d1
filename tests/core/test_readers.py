"""Readers: every kind of file gives its documents, and a broken one costs no more than itself."""

import csv
import errno
import gzip
import io
import json
import os
import random
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.readers.decode import detect_encoding
from core.data.readers.document import Raw, Reading, Refused
from core.data.readers.fields import pick_text
from core.data.readers.folder import gather
from core.data.readers.html import visible_text
from core.data.readers.lines import bounded_lines
from core.errors import LabError


def read(path, events=None, **settings):
    """Everything a path yields."""
    events = [] if events is None else events
    reading = Reading(events.append, lambda n_bytes: None, **settings)
    return [item for origin in gather([str(path)]).origins for item in origin.read(origin, reading)]


def texts(path, **settings):
    return [item.text for item in read(path, **settings) if isinstance(item, Raw)]


def test_a_folder_is_read_in_the_order_of_its_paths_without_hidden_and_unknown_files(tmp_path):
    for name in ("b.txt", "a/z.md", "a/.secret.txt", ".git/x.txt", "picture.png", "C.TXT"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = gather([str(tmp_path)])
    assert [o.path.relative_to(tmp_path).as_posix() for o in found.origins] == ["C.TXT", "b.txt", "a/z.md"]
    assert found.hidden == 2
    assert found.unknown == {".png": 1}


def test_an_empty_folder_names_itself_and_the_endings_that_are_read(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"x")
    with pytest.raises(LabError) as caught:
        gather([str(tmp_path)])
    sentence = caught.value.sentence()
    assert str(tmp_path) in sentence and ".jsonl" in sentence and "nothing to read" in sentence


@pytest.mark.parametrize("source", ["no/such/folder", "builtin:nonsense"])
def test_a_source_that_does_not_exist_is_named(source):
    with pytest.raises(LabError, match=source.replace("/", ".")):
        gather([source])


def test_folders_that_may_not_be_read_are_named_and_the_rest_is_taken(tmp_path, monkeypatch):
    """Permissions do not bind whoever runs tests as root, so the system's refusal is made by hand."""
    for name in ("open", "shut", "listed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("text")
    scan, stat = os.scandir, Path.stat

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) if str(path).endswith("shut") else scan(path))
    monkeypatch.setattr(Path, "stat", lambda path, **how: (
        refuse(path) if path.parent.name == "listed" else stat(path, **how)))
    found = gather([str(tmp_path)])
    assert [origin.source for origin in found.origins] == [(tmp_path / "open/a.txt").as_posix()]
    assert found.closed == {(tmp_path / "shut").as_posix(): "Permission denied",
                            (tmp_path / "listed/a.txt").as_posix(): "Permission denied"}
    for source in ("shut", "listed/a.txt"):
        with pytest.raises(LabError, match=f"{source}.*Permission denied"):
            gather([str(tmp_path / source)])


def test_an_empty_source_is_not_the_folder_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("not asked for")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="source is empty"):
        gather([""])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030", "cp1252"])
def test_text_is_the_same_whatever_its_encoding(tmp_path, encoding):
    french = "L'été, la forêt était déjà dorée; où êtes-vous allés, à Noël, après le dîner chez François ?\n" * 4
    chinese = "昨夜雨疏风骤，浓睡不消残酒。试问卷帘人，却道海棠依旧。知否，知否？应是绿肥红瘦。\n" * 4
    text = french if encoding in ("cp1252", "utf-16-le") else chinese
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert texts(tmp_path) == [text]


@pytest.mark.parametrize("data", [
    random.Random(0).randbytes(20_000), b"\x7fELF" + bytes(500), gzip.compress(b"text " * 900 + bytes(range(256)) * 20),
])
def test_a_binary_file_named_txt_is_refused_in_one_sentence(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(LabError, match="not text"):
        read(tmp_path)


def test_an_empty_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(LabError, match="empty"):
        read(tmp_path)


def test_a_few_bad_bytes_in_utf8_become_replacement_characters_and_are_counted(tmp_path):
    (tmp_path / "a.txt").write_bytes("绿肥红瘦，知否知否".encode() * 20 + b"\xff\xfe" + b" end")
    events = []
    (document,) = read(tmp_path, events)
    assert document.text.endswith("\ufffd\ufffd end")
    assert events[0].values["count"] == 2


def test_a_pair_of_bytes_cut_by_a_sample_window_does_not_change_the_encoding(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("é词".encode() * 500_000)
    assert detect_encoding(path) == "utf-8"


def test_a_long_text_is_cut_at_blank_lines_and_nothing_of_it_is_lost(tmp_path):
    paragraphs = [f"paragraph {i}\nof two lines, 词 {'x' * (i % 50)}" for i in range(200)]
    (tmp_path / "book.txt").write_text("\n\n".join(paragraphs), "utf-8")
    found = read(tmp_path, split_longer_than=1000)
    assert len(found) > 5
    assert "\n\n".join(d.text for d in found) == "\n\n".join(paragraphs)
    assert all(len(d.text.encode()) <= 1000 for d in found)
    lines = "\n\n".join(paragraphs).split("\n")
    assert all(lines[d.line - 1] == d.text.split("\n")[0] for d in found)


def test_a_text_without_any_break_is_cut_all_the_same(tmp_path):
    text = "词" * 10_000
    (tmp_path / "a.txt").write_text(text, "utf-8")
    pieces = texts(tmp_path, split_longer_than=1000)
    assert "".join(pieces) == text and max(len(p.encode()) for p in pieces) <= 1000


def test_a_bad_line_of_json_costs_that_line_only(tmp_path):
    lines = ['{"text": "one"}', '{"text": "tw', '"three"', "", '{"id": 4}', '{"text": "f\\ud800ve"}', "[" * 100_000]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = read(tmp_path)
    assert [(d.text, d.line) for d in found if isinstance(d, Raw)] == [("one", 1), ("three", 3), ("f\ud800ve", 6)]
    assert [(d.rule, d.line) for d in found if isinstance(d, Refused)] == [
        ("unreadable", 2), ("no_text", 5), ("unreadable", 7)]
    assert "not valid JSON" in found[1].reason.format(**found[1].values)


def test_one_endless_line_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with open(path, "wb") as file:
        file.write(b'{"text": "')
        for _ in range(24):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"text": "after"}\n')
    tracemalloc.start()
    refused, after = read(path, max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.rule == "too_long" and refused.n_bytes == (24 << 20) + 12
    assert len(refused.text) <= 2000 and after == Raw("after", path.as_posix(), 2)
    assert peak < 12 << 20


@given(st.lists(st.text("ab\n词", max_size=12), max_size=8), st.integers(1, 40))
def test_bounded_lines_are_the_lines_of_the_text_however_it_is_chunked(chunks, limit):
    found = list(bounded_lines(chunks, limit))
    expected = {i: line for i, line in enumerate("".join(chunks).split("\n"), 1)}
    assert {f.number: f.n_bytes for f in found if f.n_bytes} == {i: len(s.encode()) for i, s in expected.items() if s}
    assert all(f.text == expected[f.number] for f in found if not f.overlong)
    assert all(f.overlong == (f.n_bytes > limit) for f in found)


@pytest.mark.parametrize("ending, delimiter", [("csv", ","), ("csv", ";"), ("tsv", "\t")])
def test_a_table_gives_a_document_a_row_with_quotes_and_line_ends_inside(tmp_path, ending, delimiter):
    rows = [("1", 'said "so",\nand; went\tout'), ("2", "plain")]
    with open(tmp_path / f"a.{ending}", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([("id", "content"), *rows])
    found = read(tmp_path)
    assert [(d.text, d.line) for d in found] == [(rows[0][1], 2), ("plain", 4)]


def test_a_table_row_beyond_the_limit_costs_that_row_only(tmp_path):
    (tmp_path / "a.csv").write_text("text\nbefore\n" + "x" * 5000 + "\nafter\n")
    before, refused, after = read(tmp_path, max_bytes=2000)
    assert (before.text, after.text, after.line) == ("before", "after", 4)
    assert (refused.rule, refused.line, refused.n_bytes) == ("too_long", 3, 5000)


def test_a_quote_that_never_ends_is_named_with_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.readers.table._MOST_CHARACTERS", 1000)
    (tmp_path / "a.csv").write_text('text\nbefore\n"lost\n' + "y\n" * 3000)
    with pytest.raises(LabError, match="line 3.*never closed"):
        read(tmp_path, max_bytes=1024)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "a.csv").write_text("id,body\n1,words\n")
    with pytest.raises(LabError, match="poem.*id, body"):
        read(tmp_path, text_field="poem")


def test_parquet_gives_its_text_column_and_refuses_empty_cells(tmp_path):
    table = pyarrow.table({"id": [1, 2, 3], "Text": ["one", None, "三"], "url": ["a" * 50] * 3})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    found = read(tmp_path)
    assert [(d.text, d.line) for d in found if isinstance(d, Raw)] == [("one", 1), ("三", 3)]
    assert [d.rule for d in found if isinstance(d, Refused)] == ["no_text"]
    assert texts(tmp_path, text_field="url") == ["a" * 50] * 3


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_parquet_is_refused_in_one_sentence(tmp_path, share):
    whole = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": [f"document {i}" for i in range(1000)]}), whole)
    (tmp_path / "a.parquet").write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(LabError, match="damaged or cut short"):
        read(tmp_path)


def test_a_web_page_gives_what_a_reader_sees():
    page = """<html><head><title>A  title</title><style>p {x}</style></head><body><nav>Home</nav>
        <h1>Head</h1><p>One <b>bold</b>\n word.</p><script>alert(1)</script><div>Two<br>three</div>
        <pre>def f():\n    return 1</pre>end</body></html>"""
    text = visible_text(page)
    assert text.startswith("A title\n\nHead\n\nOne bold word.")
    assert "Two\n" in text and "def f():\n    return 1" in text and text.endswith("end")
    assert not any(unseen in text for unseen in ("Home", "alert", "{x}"))


def test_a_web_page_is_decoded_as_it_declares(tmp_path):
    (tmp_path / "a.html").write_bytes("<meta charset=koi8-r><p>Привет, мир</p>".encode("koi8-r"))
    assert texts(tmp_path) == ["Привет, мир"]


def test_the_text_of_a_record_is_the_field_asked_for_or_the_usual_one_or_the_longest():
    record = {"title": "a longer string than the text", "Text": "usual", "other": "x"}
    assert pick_text(record, "") == "usual"
    assert pick_text(record, "other") == "x"
    assert pick_text(record, "missing") is None
    assert pick_text({"a": "x", "b": "longest", "n": 5}, "") == "longest"
    assert pick_text(json.loads("[1]"), "") is None
