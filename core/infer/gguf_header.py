"""What a GGUF file says of itself, read without loading it: metadata and where each tensor lies.

The gguf library's own reader takes seconds on a real vocabulary (one array object a token);
this one skips over what nobody asked for. Source: ggml's docs/gguf.md, versions 2 and 3.
"""

import mmap
import struct
from math import prod
from pathlib import Path

import msgspec

from core.errors import LabError

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LENGTH = struct.Struct("<Q")


class Tensor(msgspec.Struct, frozen=True):
    """One tensor of a file: its name, shape (fastest axis first), ggml type name, and where its bytes lie."""

    name: str
    shape: tuple[int, ...]
    type: str
    begin: int
    size: int


class Header(msgspec.Struct, frozen=True):
    """A file's metadata (arrays given by their length alone) and its tensors."""

    metadata: dict
    tensors: list[Tensor]


class _Cursor:
    """Walks through the bytes; running off their end raises struct.error or IndexError."""

    def __init__(self, data) -> None:
        self.data, self.at = data, 0

    def scalar(self, form: str):
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def string(self) -> str:
        size = self.scalar("<Q")
        begin, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise IndexError("a string runs past the end")
        return self.data[begin : self.at].decode("utf-8", "replace")

    def value(self, kind: int):
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.scalar(_SCALARS[kind])
        element, count = self.scalar("<I"), self.scalar("<Q")
        if element == _STRING:
            self._skip_strings(count)
        elif element == _ARRAY:
            raise KeyError("arrays of arrays are not in use")
        else:
            self.at += count * struct.calcsize(_SCALARS[element])
        return count

    def _skip_strings(self, count: int) -> None:
        data, at, unpack = self.data, self.at, _LENGTH.unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        self.at = at


def read_header(path: Path) -> Header:
    """Metadata and tensors of a GGUF file.

    Raises:
        LabError: no such file, another format, or damaged or cut short.
    """
    path = Path(path)
    if not path.is_file():
        raise LabError("There is no such file.", str(path), "Check the path.")
    with open(path, "rb") as file:
        if file.read(4) != b"GGUF":
            raise LabError(
                "This is not a GGUF file.", str(path), "Choose a GGUF file from a model's page or from an export.")
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(data)
        except (struct.error, IndexError, KeyError, ValueError, OverflowError, MemoryError):
            raise LabError(
                "This GGUF file is damaged or was cut short.", str(path), "Get it again, or export the model again."
            ) from None


def _parse(data) -> Header:
    cursor = _Cursor(data)
    cursor.at = 4
    if cursor.scalar("<I") not in (2, 3):
        raise ValueError("unknown version, or written on a big-endian machine")
    n_tensors, n_values = cursor.scalar("<Q"), cursor.scalar("<Q")
    metadata = {}
    for _ in range(n_values):
        name = cursor.string()
        metadata[name] = cursor.value(cursor.scalar("<I"))
    listed = []
    for _ in range(n_tensors):
        name = cursor.string()
        shape = tuple(cursor.scalar("<Q") for _ in range(cursor.scalar("<I")))
        kind, offset = cursor.scalar("<I"), cursor.scalar("<Q")
        listed.append((name, shape, kind, offset))
    alignment = int(metadata.get("general.alignment", 32))
    begin = -(-cursor.at // alignment) * alignment
    tensors = [Tensor(name, shape, _type_name(kind), begin + offset, _bytes(shape, kind))
               for name, shape, kind, offset in listed]  # fmt: skip
    if any(tensor.begin + tensor.size > len(data) for tensor in tensors):
        raise ValueError("the weights are not all there")
    return Header(metadata, tensors)


def _type_name(kind: int) -> str:
    import gguf

    return gguf.GGMLQuantizationType(kind).name


def _bytes(shape: tuple[int, ...], kind: int) -> int:
    import gguf

    per_block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
    return prod(shape) // per_block * block_bytes
