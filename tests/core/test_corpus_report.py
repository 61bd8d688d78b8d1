"""A corpus's report can be cited: sources, rules, thresholds, counts and versions, in both formats and languages."""

import json
from pathlib import Path

import pytest

from core.data.job import run
from core.data.report import read_report, write_report
from core.errors import LabError
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec
from core.spec.rules.text import MinimumLength

CATALOGUES = Path(__file__).resolve().parents[2] / "assets" / "translations" / "zh_CN"


class _NoControl:
    def check(self, *_, **__):
        return None


@pytest.fixture
def corpus(tmp_path):
    text = tmp_path / "a|b.txt"
    text.write_text("\n\n".join("word " * n for n in range(1, 60)))
    spec = CorpusSpec(sources=[str(text)], rules=[MinimumLength(characters=100)], split="blank-line", workers=1)
    folder = Workspace(tmp_path / "ws").create("corpus", "cd", spec)
    run(spec, folder, lambda event: None, _NoControl())
    return folder.root


def test_the_report_names_what_was_asked_and_what_came_of_it(corpus, tmp_path):
    write_report(corpus, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    report = read_report(corpus)
    assert "a|b.txt" in text and "Shortest document | 100 characters" in text
    assert f"| Documents kept | {report['documents_kept']} |" in text
    step = report["steps"][0]
    assert f"| Minimum length | {step['documents_in']} | {step['documents_in'] - step['documents_out']} |" in text
    assert "python 3" in text


def test_html_is_escaped(corpus, tmp_path):
    write_report(corpus, tmp_path / "report.html", lambda text: f"<{text}>")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "&lt;Rules and thresholds&gt;" in text and "<table>" in text and "<Rules" not in text


def test_every_sentence_of_the_report_has_its_chinese(corpus, tmp_path):
    catalogue, missing = {}, set()
    for path in CATALOGUES.glob("*.json"):
        catalogue |= json.loads(path.read_text("utf-8"))

    def say(text):
        if text and text not in catalogue:
            missing.add(text)
        return catalogue.get(text, text)

    write_report(corpus, tmp_path / "report.md", say)
    assert missing == set()
    assert "规则与阈值" in (tmp_path / "report.md").read_text("utf-8")


def test_an_unfinished_corpus_has_no_report(tmp_path):
    with pytest.raises(LabError, match="no finished corpus"):
        write_report(tmp_path, tmp_path / "report.md")
