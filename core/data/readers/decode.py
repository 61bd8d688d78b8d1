"""Bytes to text in bounded memory: which encoding a file is in, and its text chunk by chunk."""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

from core.data.readers.document import Origin, Reading
from core.errors import LabError

CHUNK_BYTES = 1 << 20
_WINDOW_BYTES = 64 << 10
_WINDOWS = 16  # looked at when the encoding is decided, spread over the file
_DETECT_BYTES = 32 << 10  # of lines that are not plain ASCII, given to the detector
_BOMS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_MOST_CONTROLS = 0.02  # a larger share of control bytes means that this is not text
_NEARLY = 0.1  # two encodings whose disorder differs by less explain the text equally well
_MOST_BROKEN = 0.1  # a larger share of undecodable characters means so too


def decoded(origin: Origin, reading: Reading) -> Iterator[str]:
    """The text of a file in chunks, line ends as ``\\n``; what cannot be decoded becomes U+FFFD and is told.

    Raises:
        LabError: empty, or no text in any known encoding.
    """
    encoding = detect_encoding(origin.path)
    if not encoding.startswith("utf-8"):
        reading.note("{path} is not UTF-8; it was read as {encoding}.", path=origin.source, encoding=encoding)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    n_broken = 0
    with open(origin.path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            reading.advance(len(chunk))
            text = decoder.decode(chunk)
            n_broken += text.count("\ufffd")
            yield text
    text = decoder.decode(b"", final=True)
    n_broken += text.count("\ufffd")
    yield text
    if n_broken:
        reading.note(
            "{path}: {count} characters could not be decoded as {encoding} and stand as \ufffd.",
            path=origin.source, count=n_broken, encoding=encoding)


def detect_encoding(path: Path) -> str:
    """The encoding of a text file, by its mark, as UTF-8, or by its statistics.

    Raises:
        LabError: empty, binary, or no text in any known encoding.
    """
    windows = _windows(path)
    if not windows:
        raise LabError("The file is empty.", str(path), "Leave it out or put text into it.")
    for mark, encoding in _BOMS:
        if windows[0].startswith(mark):
            return encoding
    sample = b"\n".join(windows)
    wide = _wide(sample)
    if wide:
        return wide
    controls = sum(sample.count(bytes([byte])) for byte in range(32) if byte not in _TEXT_CONTROLS)
    if controls > _MOST_CONTROLS * len(sample):
        raise LabError(
            "This is not text: it holds binary data.", str(path),
            "Leave it out, or convert it to text first.")
    text = sample.decode("utf-8", "replace")
    broken, foreign = text.count("\ufffd"), sum(1 for c in text if c > "\x7f")
    if broken * 10 <= foreign:  # windows may cut a character in two, and a few bad bytes make no other encoding
        return "utf-8"
    return _declared(windows[0], path) or _legacy(sample, broken / len(text), path)


def _windows(path: Path) -> list[bytes]:
    """Samples spread evenly over the file, all of it when it is small."""
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        step = max(_WINDOW_BYTES, size // _WINDOWS)
        found = []
        for start in range(0, size, step):
            file.seek(start)
            found.append(file.read(_WINDOW_BYTES))
    return found


def _wide(sample: bytes) -> str:
    """UTF-16 without a mark: nearly all zero bytes on one side of the pairs."""
    even, odd = sample[0:4096:2].count(0), sample[1:4096:2].count(0)
    half = min(len(sample), 4096) // 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.05 * half else ""


def _declared(head: bytes, path: Path) -> str:
    """The encoding that a web page names for itself, if Python knows it."""
    found = re.search(rb"charset=[\"']?([\w-]+)", head[:4096]) if path.suffix.lower() in (".html", ".htm") else None
    try:
        return codecs.lookup(found[1].decode("ascii")).name if found else ""
    except LookupError:
        return ""


def _legacy(sample: bytes, broken: float, path: Path) -> str:
    """An older encoding by its statistics, judged on the lines that are not plain ASCII."""
    from charset_normalizer import from_bytes

    lines = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    matches = list(from_bytes(lines[:_DETECT_BYTES]))
    for match in matches:  # Latin code pages look alike, and the Western one is by far the most common
        if match.chaos <= matches[0].chaos + _NEARLY and "cp1252" in match.could_be_from_charset:
            return "cp1252"
    if matches:
        return matches[0].encoding
    if broken <= _MOST_BROKEN:
        return "utf-8"
    raise LabError(
        "Its encoding could not be recognised.", str(path), "Save it as UTF-8 first.")
