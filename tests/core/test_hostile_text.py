"""Two thousand hostile documents through the real job: nothing crashes, and every file is accounted for."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest

from core.data.documents import Documents
from core.data.filters.rules import MAKERS, run_sample
from core.data.filters.verdict import Draft
from core.data.intake import _writable
from core.data.job import run
from core.errors import LabError
from core.record.control import Control
from core.record.events import FileSkipped, Noted
from core.record.folder import Workspace
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.rules.base import tag_of

ROOT = Path(__file__).resolve().parents[2]
EMOJI = ["👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇫🇷🇩🇪", "👍🏽", "❤️‍🔥", "\u200d\u200d", "1️⃣"]
RIGHT_TO_LEFT = ["\u202eשלום עולם\u202c", "مرحبا بالعالم ١٢٣", "\u2067abc\u2069 \u200f!", "אבג abc דהו"]
MARKS = ["\ud800", "\udfff\ud800", "\x00", "\x1b[31m", "\ufffe", "\uffff", "\U0010ffff", "\u0300" * 9, "\u2028", "\x85"]
WORDS = "the of and to be that have with 知否 应是 绿肥红瘦 lorem { javascript a@b.co © 4111111111111111".split()
LINES = ["-" * 200, "…" * 30, "<div onclick='x'>" * 5, "&#x110000;&lt;" * 9, "." * 300, "\t \u3000", "a" * 1200, "{0}"]


def hostile(draw: random.Random) -> str:
    """One document that means no good."""
    kind = draw.randrange(8)
    if kind == 0:
        return "".join(chr(draw.choice((draw.randrange(0x20), draw.randrange(0x110000)))) for _ in range(200))
    if kind == 1:
        return draw.choice(MARKS + EMOJI + RIGHT_TO_LEFT) * draw.randrange(1, 400)
    if kind == 2:
        return draw.choice(("", " ", "\n" * 500, "\r\r\n", "a", "。", "\ufeff", "\0" * 99))
    if kind == 3:
        return "\n".join(draw.choices(LINES, k=30))
    if kind == 4:
        return (draw.choice(WORDS) + " ") * draw.randrange(1, 900)
    return "".join(draw.choice((" ", "\n", "", ". ", ", ")) + draw.choice(draw.choice(
        (WORDS, WORDS, EMOJI, RIGHT_TO_LEFT, MARKS, LINES))) for _ in range(draw.randrange(1, 90)))


def write_files(folder: Path, draw: random.Random) -> None:
    """About a hundred files of every kind there is a reader for, and of none; 2,000 documents."""
    folder.mkdir()
    documents = [hostile(draw) for _ in range(2000)]
    lines = [json.dumps({"text": text}) for text in documents[:1400]]
    lines[7:7] = ["{", "[" * 100_000, "null", '{"text": 5}', '"plain"', '{"text": "\\ud800"}', "NaN", "{}", "\0"]
    (folder / "lines.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "long.jsonl").write_text(json.dumps({"text": "one long line " * 750_000}) + "\n{\"text\": \"after it\"}")
    (folder / "endless.jsonl").write_text("{\"text\": \"" + "x" * (17 << 20))
    for i, text in enumerate(documents[1400:1700]):
        path = folder / f"{i:03d}{draw.choice(('.txt', '.md', '.html'))}"
        path.write_bytes(text.encode(draw.choice(("utf-8", "utf-16", "utf-32")), "surrogatepass"))
    rows = ["text,b", *(f"\"{text}\",{i}" if i % 3 else f"{text},,,," for i, text in enumerate(documents[1700:1850]))]
    (folder / "ragged.csv").write_bytes("\n".join(rows).encode("utf-8", "surrogatepass"))
    (folder / "open.tsv").write_text("text\tb\n\"never closed\t" + "x\n" * 1000)
    clean = [_writable(text)[0] for text in documents[1850:]]
    parquet.write_table(pyarrow.table({"text": clean, "n": range(len(clean))}), folder / "fine.parquet")
    parquet.write_table(pyarrow.table({"n": [1, 2]}), folder / "numbers.parquet")
    (folder / "torn.parquet").write_bytes((folder / "fine.parquet").read_bytes()[:-9])
    (folder / "broken.txt").write_bytes(gzip.compress(b"not what its name says " * 500)[:-20])
    (folder / "noise.md").write_bytes(draw.randbytes(20_000))
    (folder / "nothing.jsonl").write_bytes(b"")
    (folder / "page.html").write_text("<p>" * 5000 + "deep" + "<script>" * 50)
    (folder / "other.bin").write_bytes(b"\0")


EVERY_RULE = [
    {"rule": tag_of(rule), **({"words": ["lorem", "知否", "(", "\\"]} if tag_of(rule) == "word_list" else {})}
    for rule in MAKERS if not hasattr(rule, "needs")]  # what needs a trained filter has tests of its own


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule["rule"])
def test_no_rule_stumbles_over_a_hostile_document(rule):
    draw = random.Random(rule["rule"])
    texts = [_writable(hostile(draw))[0] for _ in range(250)]
    drafts = [Draft(text) for text in [*texts, *texts[:20]]]
    outcomes = run_sample(build(CorpusSpec, {"sources": [], "rules": [rule]}).rules, drafts).outcomes
    for draft, reason in zip(drafts, outcomes, strict=True):
        assert draft.text.encode() is not None  # what it leaves can be written
        assert reason is None or reason.text.format(**reason.values)


@pytest.mark.parametrize("rules", [EVERY_RULE, []], ids=["all rules", "no rule"])
def test_hostile_documents_are_kept_or_set_aside_and_every_file_is_accounted_for(tmp_path, rules):
    write_files(tmp_path / "in", random.Random(len(rules)))
    spec = build(CorpusSpec, {"sources": [str(tmp_path / "in")], "rules": rules, "workers": 1})
    folder = Workspace(tmp_path / "ws").create("corpus", "c", spec)
    events = []
    try:
        run(spec, folder, events.append, Control(folder.root, events.append))
    except LabError as error:  # all the rules together may leave nothing of such text
        assert rules and "was kept" in error.problem
    result = json.loads((folder.root / "report.json").read_text("utf-8"))
    kept, rejected = list(Documents(folder.root)), list(Documents(folder.root, "rejected"))
    skipped = {event.path for event in events if isinstance(event, FileSkipped)}
    files = {path.as_posix() for path in (tmp_path / "in").iterdir()} - {(tmp_path / "in/other.bin").as_posix()}
    assert result["files_read"] + result["files_skipped"] == len(files) and len(skipped) == result["files_skipped"]
    assert {document.source for document in kept + rejected} | skipped == files
    assert len(kept) + len(rejected) == result["documents_read"] >= 2000
    assert sorted(d.row for d in kept + rejected) == list(range(result["documents_read"]))
    for event in events:
        if isinstance(event, (FileSkipped, Noted)):
            said = event.problem if isinstance(event, FileSkipped) else event.text
            assert said.format(**event.values).endswith(".")
    for document in rejected:
        assert document.reason.format(**document.values)


READ = """
import resource, sys
from pathlib import Path
from core.data.readers.document import Origin, Reading
from core.data.readers.parquet import read_parquet
path = Path(sys.argv[1])
import pyarrow.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    count = sum(1 for _ in read_parquet(Origin(path, path.stat().st_size, "bomb", read_parquet), Reading(print, id)))
    print("read", count)
except Exception as error:
    print(type(error).__name__, error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def bomb(kind: str) -> pyarrow.Table:
    """A table of some kilobytes that unpacks to gigabytes."""
    text = "a bomb of text, " * (1 << 18)  # 4 MB
    if kind == "one value, many rows":
        return pyarrow.table({"text": pyarrow.DictionaryArray.from_arrays(
            pyarrow.array([0] * 10_000, pyarrow.int32()), pyarrow.array([text]))})
    return pyarrow.table({"text": pyarrow.array([text] * 100)})


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for the peak memory")
@pytest.mark.parametrize("kind", ["one value, many rows", "the same value, row after row"])
def test_a_parquet_file_that_unpacks_to_gigabytes_takes_little_memory_and_is_one_sentence(tmp_path, kind):
    path = tmp_path / "bomb.parquet"
    parquet.write_table(bomb(kind), path, compression="zstd", use_dictionary=kind.startswith("one"))
    assert path.stat().st_size < 100_000
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    said, grown = done.stdout.splitlines()
    assert "LabError" in said and "unpacks to more than 1000 times its size" in said
    assert int(grown) * (1 if sys.platform == "darwin" else 1024) < 200e6


def test_a_document_longer_than_allowed_is_refused_also_from_parquet(tmp_path):
    (tmp_path / "in").mkdir()
    parquet.write_table(pyarrow.table({"text": ["short enough " * 9, "x" * 5000]}), tmp_path / "in/a.parquet")
    spec = CorpusSpec(sources=[str(tmp_path / "in")], max_document_bytes=2048, workers=1)
    folder = Workspace(tmp_path / "ws").create("corpus", "c", spec)
    run(spec, folder, lambda event: None, Control(folder.root, lambda event: None))
    (refused,) = Documents(folder.root, "rejected")
    assert refused.rule == "too_long" and refused.values["bytes"] == 5000
