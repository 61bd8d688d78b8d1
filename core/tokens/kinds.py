"""The kinds of tokenizer: how each is set up and learnt with the ``tokenizers`` library.

Token 0 is always ``<|endoftext|>``, which parts documents and starts texts. The set-ups are those
that llama.cpp can repeat token for token: byte-level BPE in GPT-2's manner, WordPiece cased,
Unigram without a prefixed space.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from core.spec.tokenizer import TokenizerSpec

END = "<|endoftext|>"
UNKNOWN = "<|unknown|>"  # stands for what the vocabulary cannot spell; only where bytes are not the last resort
LEARNT = frozenset({"bpe", "wordpiece", "unigram"})  # the rest needs no training
UNIGRAM_BYTES_PER_TOKEN = 512  # its trainer weighs every substring again in each round: 30 s for 1 MB on one core
_WORD_CHARACTERS = 1000  # WordPiece gives up on longer words; llama.cpp never does


def train(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """Learn a tokenizer.

    Args:
        spec: kind, vocabulary, rarest pair.
        texts: documents to learn from; read once.
        characters: how often each character occurs in them; needed by the kinds that are not byte-level.
    Returns:
        a tokenizer of at most ``spec.vocab_size`` tokens, fewer when the text supports no more.
    """
    tokenizer = {
        "bpe": _train_bpe, "wordpiece": _train_wordpiece, "unigram": _train_unigram, "bytes": _make_bytes,
        "characters": _make_characters,
    }[spec.kind](spec, texts, characters)  # fmt: skip
    tokenizer.add_special_tokens([END] if spec.kind in ("bpe", "bytes") else [END, UNKNOWN])
    return tokenizer


def byte_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in byte-level vocabularies (GPT-2's table)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(rest)}


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _train_bpe(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """Source: Sennrich et al. 2016, arXiv:1508.07909; over bytes, Radford et al. 2019 (GPT-2)."""
    tokenizer = _byte_level(models.BPE())
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=spec.vocab_size, min_frequency=spec.min_frequency, special_tokens=[END],
        initial_alphabet=sorted(byte_alphabet()), show_progress=False))
    return tokenizer


def _make_bytes(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """256 bytes and the end; the token of a byte is its value plus one. Source: Xue et al. 2022, arXiv:2105.13626."""
    by_byte = sorted(byte_alphabet().items(), key=lambda pair: pair[1])
    return _byte_level(models.BPE({END: 0} | {character: byte + 1 for character, byte in by_byte}, []))


def _train_wordpiece(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """Cased; white space is folded to single spaces. Source: Devlin et al. 2019, arXiv:1810.04805."""
    learner = _wordpiece(models.WordPiece(unk_token=UNKNOWN))
    # The trainer numbers "##x" in the order of a hash table, another one each time, unless they come first.
    alphabet = [character for character in _common(characters, spec.vocab_size // 4) if not character.isspace()]
    first = [END, UNKNOWN, *(f"##{character}" for character in alphabet)]
    learner.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=spec.vocab_size, min_frequency=spec.min_frequency, special_tokens=first,
        initial_alphabet=alphabet, limit_alphabet=len(alphabet), show_progress=False))
    return _wordpiece(models.WordPiece(
        learner.get_vocab(), unk_token=UNKNOWN, max_input_chars_per_word=_WORD_CHARACTERS))


def _wordpiece(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return tokenizer


def _train_unigram(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """Pieces of equal worth may come out differently a second time: the library drops them in hash order.

    Source: Kudo 2018, arXiv:1804.10959.
    """
    learner = _unigram(models.Unigram())
    # The trainer refuses more characters than tokens, so the rare ones make way for a line end.
    known = _common(characters, spec.vocab_size // 2)
    rare = str.maketrans(dict.fromkeys(characters.keys() - known.keys(), "\n"))
    learner.train_from_iterator((text.translate(rare) for text in texts), trainers.UnigramTrainer(
        vocab_size=spec.vocab_size, special_tokens=[END, UNKNOWN], unk_token=UNKNOWN, show_progress=False))
    # Sums in hash order differ in their last digits; those are cut off.
    pieces = json.loads(learner.to_str())["model"]["vocab"][2:]
    scored = sorted(((piece, round(score, 4)) for piece, score in pieces), key=lambda pair: (-pair[1], pair[0]))
    return _unigram(models.Unigram([(END, 0.0), (UNKNOWN, 0.0), *scored], unk_id=1))


def _unigram(model: models.Unigram) -> Tokenizer:
    tokenizer = Tokenizer(model)
    # No piece may cross a line end, nor spell a special token: the model would find it in ordinary text.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\n|<\|"), "isolated"), pre_tokenizers.Metaspace(prepend_scheme="never")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    return tokenizer


def _make_characters(spec: TokenizerSpec, texts: Iterable[str], characters: Counter) -> Tokenizer:
    """The most common characters, the commonest first; the rest is unknown."""
    vocabulary = {END: 0, UNKNOWN: 1}
    for character in _common(characters, spec.vocab_size - 2):
        vocabulary[character] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=UNKNOWN))
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _common(characters: Counter, count: int) -> dict[str, int]:
    return dict(sorted(characters.items(), key=lambda pair: (-pair[1], pair[0]))[:count])


def watched(texts: Iterable[str], tell) -> Iterator[str]:
    """The texts unchanged; ``tell`` hears the UTF-8 size of each as it is taken."""
    for text in texts:
        tell(len(text.encode("utf-8")))
        yield text
