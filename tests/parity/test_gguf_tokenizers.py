"""llama.cpp cuts text into the tokens that ours cuts it into."""

import json
import random

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.gguf_tokenizer import convert
from core.export.hostile import HOSTILE
from core.infer.gguf import GgufEngine

END = "<|endoftext|>"


def plain_bytes(_text):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={END: 0} | {c: i + 1 for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    return tokenizer


def unigram(text):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    trainer = trainers.UnigramTrainer(
        vocab_size=384, special_tokens=[END, "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(text.splitlines()[:800], trainer)
    return tokenizer


def word_piece(text):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=1000))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator([text], trainers.WordPieceTrainer(
        vocab_size=384, special_tokens=[END, "[UNK]"], show_progress=False))
    return tokenizer


def random_text(seed: int) -> str:
    pick = random.Random(seed)
    pools = [
        "etaoin shrdlu", "ETAOIN'sdtm ", "0123456789.,;:!?()[]{}", " \n\t", "äöüßéèñ", "汉字日本語",
        "😀👍🏽\u200d", "_-+=*/\\\"`~@#$%^&|<>",
    ]
    return "".join(pick.choice(pick.choice(pools)) for _ in range(pick.randrange(1, 60)))


def encodings(engine, tokenizer, texts):
    """Texts on which llama.cpp and the tokenizers library disagree."""
    tokenizer.encode_special_tokens = True  # a special token written out in a text is only text
    ours = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return [text for text, ids in zip(texts, ours, strict=True) if engine.encode(text) != ids]


def open_with(tokenizer, grow, tmp_path):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    decoder = grow(steps=0, n_layers=1, vocab_size=tokenizer.get_vocab_size())
    write_gguf(tmp_path / "m.gguf", decoder, tmp_path / "tokenizer.json", "f32", "m", "")
    return GgufEngine(tmp_path / "m.gguf", threads=1)


@pytest.mark.parametrize("make", [None, plain_bytes])
def test_byte_level_tokenizers_agree_on_hostile_text(make, grow, english, bpe_json, tmp_path):
    tokenizer = Tokenizer.from_file(str(bpe_json)) if make is None else make(english)
    engine = open_with(tokenizer, grow, tmp_path)
    try:
        texts = HOSTILE + [random_text(seed) for seed in range(300)] + english.splitlines()[:100]
        assert encodings(engine, tokenizer, texts) == []
        for text in ("naïve 汉字 😀\n", "\x00\x01"):
            assert b"".join(engine.token_bytes(id) for id in engine.encode(text)) == text.encode()
        assert engine.encode(END, special=True) == [0] and engine.token_bytes(0) == b""
    finally:
        engine.close()


@pytest.mark.parametrize("make", [unigram, word_piece])
def test_unigram_and_word_piece_agree_on_ordinary_text(make, grow, english, tmp_path):
    tokenizer = make(english)
    engine = open_with(tokenizer, grow, tmp_path)
    try:
        assert encodings(engine, tokenizer, english.splitlines()[:200] + ["Hello, world!", "naïve", "汉字"]) == []
    finally:
        engine.close()


def test_a_tokenizer_of_characters_is_refused_and_onnx_offered():
    tokenizer = Tokenizer(models.WordLevel({END: 0, "a": 1}, unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    with pytest.raises(LabError, match="ONNX"):
        convert(json.loads(tokenizer.to_str()), 2)
