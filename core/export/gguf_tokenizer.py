"""A tokenizer of ours in the words of llama.cpp."""

import msgspec

from core.export.refusal import Refusal

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5  # llama.cpp's token types
END = 0  # <|endoftext|>: separates documents and starts every text
NO_MERGE = "<|endoftext|> <|endoftext|>"  # llama.cpp wants a list of merges; this one can never apply


class GgufTokenizer(msgspec.Struct, frozen=True):
    """What a GGUF stores of a tokenizer."""

    model: str  # "gpt2" byte-level BPE, "t5" Unigram, "bert" WordPiece
    tokens: list[str]
    types: list[int]
    merges: list[str] = []
    scores: list[float] = []
    unknown: int | None = None
    lowercase: bool = False
    strip_accents: bool = False


def convert(tokenizer: dict, vocab_size: int) -> GgufTokenizer:
    """Read tokenizer.json (as plain data) into llama.cpp's terms.

    Raises:
        Refusal: llama.cpp has no tokenizer of this kind; ONNX is offered.
    """
    model = tokenizer["model"]
    kind = model.get("type")
    if kind == "BPE" and _steps(tokenizer, "pre_tokenizer", "ByteLevel"):
        return _byte_level(tokenizer, vocab_size)
    if kind == "Unigram":
        return _unigram(tokenizer, vocab_size)
    if kind == "WordPiece":
        return _word_piece(tokenizer, vocab_size)
    raise Refusal(
        "llama.cpp has no tokenizer of whole characters, so this model cannot become a GGUF.", "",
        "Export it to ONNX, or train with byte-level BPE or plain bytes.")


def _byte_level(tokenizer: dict, vocab_size: int) -> GgufTokenizer:
    model = tokenizer["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    step = _steps(tokenizer, "pre_tokenizer", "ByteLevel")[0]
    cuts = [s for s in _steps(tokenizer, "pre_tokenizer") if s["type"] != "ByteLevel"]
    if merges and (step.get("add_prefix_space") or not step.get("use_regex", True) or cuts):
        raise Refusal(
            "llama.cpp does not know the rule by which this tokenizer cuts text into words.", "",
            "Export it to ONNX, or train the tokenizer in the lab.")
    tokens, types = _vocabulary(tokenizer, model["vocab"], vocab_size)
    return GgufTokenizer("gpt2", tokens, types, merges=merges or [NO_MERGE])


def _unigram(tokenizer: dict, vocab_size: int) -> GgufTokenizer:
    model = tokenizer["model"]
    pieces = {piece: id for id, (piece, _) in enumerate(model["vocab"])}
    tokens, types = _vocabulary(tokenizer, pieces, vocab_size)
    scores = [score for _, score in model["vocab"]]
    unknown = model.get("unk_id")
    if unknown is not None:
        types[unknown] = UNKNOWN
    return GgufTokenizer("t5", tokens, types, scores=scores + [0.0] * (vocab_size - len(scores)), unknown=unknown)


def _word_piece(tokenizer: dict, vocab_size: int) -> GgufTokenizer:
    model, prefix = tokenizer["model"], tokenizer["model"].get("continuing_subword_prefix", "##")
    tokens, types = _vocabulary(tokenizer, model["vocab"], vocab_size)
    unknown = model["vocab"].get(model["unk_token"])
    if unknown is not None:
        types[unknown] = UNKNOWN
    for id, token in enumerate(tokens):  # llama.cpp marks where a word begins, not where it goes on
        if types[id] == NORMAL:
            tokens[id] = token[len(prefix) :] if token.startswith(prefix) else "\u2581" + token
    normal = (_steps(tokenizer, "normalizer", "BertNormalizer") or [{}])[0]
    lowercase = bool(normal.get("lowercase"))
    accents = normal.get("strip_accents")
    return GgufTokenizer(
        "bert", tokens, types, unknown=unknown, lowercase=lowercase,
        strip_accents=lowercase if accents is None else accents)


def _vocabulary(tokenizer: dict, vocab: dict[str, int], vocab_size: int) -> tuple[list[str], list[int]]:
    """Texts and types by id; ids that stand for nothing are marked unused."""
    tokens = [f"[UNUSED_{id}]" for id in range(vocab_size)]
    types = [UNUSED] * vocab_size
    for text, id in vocab.items():
        tokens[id], types[id] = text, NORMAL
    for added in tokenizer.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added.get("special") else USER_DEFINED
    return tokens, types


def _steps(tokenizer: dict, part: str, kind: str = "") -> list[dict]:
    """The steps of a normalizer or pre-tokenizer, of one kind if asked, whether single or in a sequence."""
    step = tokenizer.get(part) or {}
    steps = step.get("pretokenizers") or step.get("normalizers") or [step]
    return [s for s in steps if s.get("type") and (not kind or s["type"] == kind)]
