"""Web pages: the text a reader would see, without scripts, styles and navigation."""

import re
from collections.abc import Iterator

from core.data.readers.decode import decoded
from core.data.readers.document import Origin, Raw, Reading, Refused, too_long

_UNSEEN = "script, style, noscript, template, nav, iframe, svg, button, select"
_BLOCKS = (
    "p, div, br, li, ul, ol, h1, h2, h3, h4, h5, h6, tr, table, section, article, main, blockquote, pre, dt, dd, "
    "figcaption, hr, address")
_BREAK, _SPACE = "\x1e", "\x1f"  # stand for a line end and a space that must survive the folding of white space


def read_html(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """One document a page: its title, then the text of its body, a line a block."""
    chunks = decoded(origin, reading)
    if origin.n_bytes > reading.max_bytes:
        yield too_long(origin, next(chunks, ""), 1, origin.n_bytes, reading.max_bytes)
    else:
        yield Raw(visible_text("".join(chunks)), origin.source, 1)


def visible_text(page: str) -> str:
    """Title and visible text of an HTML page, blocks on lines of their own."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page.replace("\0", ""))
    title = tree.css_first("title")
    heading = " ".join(title.text().split()) if title else ""
    if tree.body is None:
        return heading
    for node in tree.body.css(_UNSEEN):
        node.decompose()
    for node in tree.body.css("pre"):
        node.replace_with(_BREAK + node.text().replace("\n", _BREAK).replace(" ", _SPACE) + _BREAK)
    for node in tree.body.css(_BLOCKS):
        node.insert_before(_BREAK)
        node.insert_after(_BREAK)
    folded = re.sub(r"[ \t\r\n\f]+", " ", tree.body.text(separator=""))
    lines = [line.strip(" ").replace(_SPACE, " ").rstrip() for line in folded.split(_BREAK)]
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"{heading}\n\n{body}".strip("\n") if not body.startswith(heading) else body
