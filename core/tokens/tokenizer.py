"""A trained tokenizer as the lab uses it: text to ids and back, and the exact bytes of every token."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as Library

from core.errors import LabError
from core.tokens.kinds import END, UNKNOWN, byte_alphabet

FILE = "tokenizer.json"
_SPECIALS = (END, UNKNOWN)


class Tokenizer:
    """Cuts text into tokens; ``decode(encode(text)) == text`` for the byte-level kinds.

    WordPiece folds white space, and every kind but the byte-level ones writes U+FFFD for
    characters that its vocabulary cannot spell.
    """

    end_id = 0

    def __init__(self, library: Library) -> None:
        self._library = library
        self._library.encode_special_tokens = True  # "<|endoftext|>" typed by a person is ordinary text
        self.kind = _kind(json.loads(library.to_str()))
        self._bytes = _token_bytes(library, self.kind)
        self.byte_lengths = np.array([len(data) for data in self._bytes], np.int32)
        self.word_starts = np.array([_begins_word(data) for data in self._bytes], bool)  # (V,)

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Open the tokenizer of a folder (of a tokenizer or a run), or a ``tokenizer.json`` itself.

        Raises:
            LabError: there is none, it is damaged, or it is of another program.
        """
        path = Path(path)
        path = path / FILE if path.is_dir() else path
        try:
            library = Library.from_str(path.read_text("utf-8"))
        except FileNotFoundError:
            raise LabError("There is no tokenizer here.", str(path.parent), "Train one first.") from None
        except Exception as error:  # the library raises bare Exception for whatever it cannot read
            raise LabError(
                "This tokenizer cannot be read: {error}.", str(path), "Train it again.", error=str(error)) from None
        if library.id_to_token(cls.end_id) != END:
            raise LabError(
                "This tokenizer was not made here: its token 0 is not {end}.", str(path),
                "Choose a tokenizer trained in this lab.", end=END)
        return cls(library)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, with the special ones."""
        return len(self._bytes)

    @property
    def unknown_id(self) -> int | None:
        """The token of what cannot be spelled; None for the byte-level kinds."""
        return self._library.token_to_id(UNKNOWN)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of a text. Special tokens appear only when ``special`` asks to read their names as such."""
        if not special:
            return self._library.encode(text, add_special_tokens=False).ids
        first, *rest = (self.encode(part) if part else [] for part in text.split(END))
        return first + [id for part in rest for id in (self.end_id, *part)]

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of many texts, on all processors (``TOKENIZERS_PARALLELISM=false``: on one)."""
        return [e.ids for e in self._library.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are no UTF-8 become U+FFFD, special tokens vanish."""
        text = b"".join(self.token_bytes(id) for id in ids).decode("utf-8", "replace")
        return text.removeprefix(" ") if self.kind == "wordpiece" else text

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that a token adds to the text; empty for the end and for ids beyond the vocabulary."""
        return self._bytes[id] if 0 <= id < len(self._bytes) else b""

    def token_name(self, id: int) -> str:
        """The name of a token as its file spells it."""
        return self._library.id_to_token(id) or ""

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json``, atomically."""
        from core.record.atomic import write_text

        write_text(Path(folder) / FILE, self._library.to_str(pretty=True))


def _kind(settings: dict) -> str:
    """Which of our kinds a tokenizer file describes."""
    model, cutting = settings["model"], settings.get("pre_tokenizer") or {}
    if model["type"] == "BPE":
        byte_level = cutting.get("type") == "ByteLevel"
        return ("bpe" if model["merges"] else "bytes") if byte_level else "characters"
    return model["type"].lower()


def _token_bytes(library: Library, kind: str) -> list[bytes]:
    alphabet = byte_alphabet()

    def spelled(name: str) -> bytes:
        if name in _SPECIALS:
            return "\ufffd".encode() if name == UNKNOWN else b""
        if kind in ("bpe", "bytes"):
            return bytes(alphabet[character] for character in name)
        if kind == "wordpiece":
            name = name[2:] if name.startswith("##") else " " + name
        return (name.replace("▁", " ") if kind == "unigram" else name).encode("utf-8")

    return [spelled(library.id_to_token(id)) for id in range(library.get_vocab_size())]


def _begins_word(data: bytes) -> bool:
    """Whether a token with these bytes begins a word: white space in front, or a script that writes without it."""
    first = data.decode("utf-8", "ignore")[:1]
    return first.isspace() or "\u3040" <= first <= "\u9fff"
