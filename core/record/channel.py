"""Length-prefixed MessagePack over a pair of pipes: how a window or a job talks to an engine process."""

import os
import struct
import sys
from typing import Any, BinaryIO

import msgspec

_LENGTH = struct.Struct("<I")
LARGEST = 1 << 30  # bytes; a longer frame means that the stream is out of step


def pack(message: Any) -> bytes:
    """One frame: four bytes of length, little-endian, then the message."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def write_frame(stream: BinaryIO, message: Any) -> None:
    """Write one frame and flush it."""
    stream.write(pack(message))
    stream.flush()


def read_frame(stream: BinaryIO) -> Any | None:
    """The next message, or None when the other side has closed the pipe (or died in mid-frame)."""
    head = _read_exactly(stream, _LENGTH.size)
    if head is None:
        return None
    size = _LENGTH.unpack(head)[0]
    if size > LARGEST:
        raise ValueError(f"a frame of {size} bytes: the channel is out of step")
    body = _read_exactly(stream, size)
    return None if body is None else msgspec.msgpack.decode(body)


def _read_exactly(stream: BinaryIO, size: int) -> bytes | None:
    parts, left = [], size
    while left:
        part = stream.read(left)
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class FrameBuffer:
    """Collects bytes as they come and gives back whole messages; for readers that must not block."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Add bytes; return the messages they complete."""
        self._data += data
        found, start = [], 0
        while len(self._data) - start >= _LENGTH.size:
            size = _LENGTH.unpack_from(self._data, start)[0]
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes: the channel is out of step")
            end = start + _LENGTH.size + size
            if end > len(self._data):
                break
            found.append(msgspec.msgpack.decode(self._data[start + _LENGTH.size : end]))
            start = end
        del self._data[:start]
        return found


def take_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the channel alone; later prints go to stderr.

    Call it before any library is imported: some print from C, where Python cannot catch it.
    """
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return _Buffered(source), sink


class _Buffered:
    """An unbuffered pipe with a blocking ``read(n)`` that returns what there is, at most ``n``."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def read(self, size: int) -> bytes:
        return self._raw.read(size) or b""

    def close(self) -> None:
        self._raw.close()
