"""A report on how a corpus was made, for people to cite: sources, rules, thresholds, counts, versions."""

import html
import json
from collections.abc import Callable
from pathlib import Path

from core.errors import LabError
from core.record.atomic import write_text
from core.record.folder import JobFolder
from core.spec.base import build, fields
from core.spec.corpus import CorpusSpec
from core.spec.rules.base import Rule

Block = tuple[str, object]  # ("heading" | "text" | "list" | "table", what is in it)


def read_report(root: Path) -> dict:
    """The report of a finished corpus; empty when there is none."""
    path = Path(root) / "report.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def cleaning_spec(root: Path) -> CorpusSpec | None:
    """What was asked of a cleaning; None for corpora that were made in another way, or by a later version."""
    try:
        request = JobFolder(root).request
        return build(CorpusSpec, request["spec"]) if request["kind"] == "corpus" else None
    except (LabError, KeyError):
        return None


def write_report(root: Path, path: Path, translate: Callable[[str], str] = lambda text: text) -> None:
    """Write the report of a corpus as Markdown, or as HTML when the name ends in .html.

    Args:
        root: folder of a finished corpus.
        path: file to write.
        translate: maps each sentence to the language of the reader.
    Raises:
        LabError: the corpus is not finished, or the file cannot be written.
    """
    blocks = report_blocks(root, translate)
    as_html = Path(path).suffix.lower() in (".html", ".htm")
    text = _html(blocks) if as_html else _markdown(blocks)
    try:
        write_text(path, text)
    except OSError as error:
        raise LabError(
            "The report could not be written: {error}.", str(path), "Choose another place.",
            error=error.strerror or type(error).__name__) from None  # fmt: skip


def report_blocks(root: Path, say: Callable[[str], str]) -> list[Block]:
    """The report in parts, as Markdown and HTML share them."""
    report, spec = read_report(root), cleaning_spec(root)
    if not report:
        raise LabError("This folder holds no finished corpus.", str(root), "Run the cleaning to its end first.")
    request = JobFolder(root).request
    blocks: list[Block] = [
        ("heading", (1, say("How the corpus {name} was made").format(name=Path(root).name))),
        ("text", say("Made with Coldframe, {date}.").format(date=request.get("created", ""))),
        ("heading", (2, say("Sources"))), ("list", spec.sources if spec else [request["kind"]]),
        ("heading", (2, say("What was kept"))), ("table", _counts(report, say)),
    ]
    if report.get("steps"):
        blocks += [("heading", (2, say("Rule by rule"))), ("table", _funnel(report, say))]
        notes = [f"{say(step['title'])}: {say(why)} ({count:,})"
                 for step in report["steps"] for why, count in step.get("passed_over", {}).items()]  # fmt: skip
        if notes:
            blocks += [("text", say("Not applied to some documents:")), ("list", notes)]
    if spec is not None:
        blocks += [("heading", (2, say("Rules and thresholds"))), ("table", _thresholds(spec, say))]
        blocks.append(("text", say("Held out: {share:.1%} of the documents, chosen by their text, seed {seed}.").format(
            share=spec.held_out, seed=spec.seed)))  # fmt: skip
    versions = [f"{name} {version}" for name, version in request.get("versions", {}).items()]
    return [*blocks, ("heading", (2, say("Versions"))), ("list", versions)]


def _counts(report: dict, say) -> list[list[str]]:
    def row(name: str, key: str) -> list[str]:
        return [say(name), f"{report[key]:,}"] if key in report else []

    rows = [row("Documents read", "documents_read"), row("Documents kept", "documents_kept"),
            row("Bytes read", "bytes_read"), row("Bytes kept", "bytes_kept"), row("Documents held out", "held_out"),
            row("Files read", "files_read"), row("Files skipped", "files_skipped")]  # fmt: skip
    return [[say("What"), say("Count")], *filter(None, rows)]


def _funnel(report: dict, say) -> list[list[str]]:
    head = [say(word) for word in ("Rule", "Documents in", "Set aside", "Documents left", "Bytes left", "Changed")]
    return [head] + [
        [say(step["title"]), f"{step['documents_in']:,}", f"{step['documents_in'] - step['documents_out']:,}",
         f"{step['documents_out']:,}", f"{step['bytes_out']:,}", f"{step.get('changed', 0):,}"]
        for step in report["steps"]]  # fmt: skip


def _thresholds(spec: CorpusSpec, say) -> list[list[str]]:
    rows = [[say(word) for word in ("Rule", "Setting", "Value", "Source")]]
    for rule in spec.rules:
        if rule.on:
            rows += _settings(rule, say)
    return rows


def _settings(rule: Rule, say) -> list[list[str]]:
    found = []
    for field in fields(type(rule)):
        value = getattr(rule, field.name)
        if field.name != "on" and value not in ("", [], None):
            words = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            found.append([say(rule.title), say(field.label), f"{words} {say(field.unit)}".strip(),
                          field.source or rule.source])  # fmt: skip
    return found or [[say(rule.title), "", "", rule.source]]


def _markdown(blocks: list[Block]) -> str:
    lines: list[str] = []
    for kind, content in blocks:
        if kind == "heading":
            lines.append(f"{'#' * content[0]} {content[1]}")
        elif kind == "list":
            lines.append("\n".join(f"- {item}" for item in content))
        elif kind == "table":
            head, *rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in content]
            lines.append("\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)))
        else:
            lines.append(str(content))
    return "\n\n".join(lines) + "\n"


def _html(blocks: list[Block]) -> str:
    parts = []
    for kind, content in blocks:
        if kind == "heading":
            parts.append(f"<h{content[0]}>{html.escape(content[1])}</h{content[0]}>")
        elif kind == "list":
            parts.append("<ul>" + "".join(f"<li>{html.escape(str(item))}</li>" for item in content) + "</ul>")
        elif kind == "table":
            rows = ["".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
                    for tag, row in zip(["th"] + ["td"] * len(content), content)]  # fmt: skip
            parts.append("<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
        else:
            parts.append(f"<p>{html.escape(str(content))}</p>")
    style = "body{font-family:sans-serif;max-width:60em;margin:2em auto}table{border-collapse:collapse}" \
        "td,th{border:1px solid #ccc;padding:4px 8px;text-align:left}"  # fmt: skip
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style>\n' + "\n".join(parts) + "\n"
