"""llama.cpp cuts text into the tokens that ours cuts it into."""

import json
import random
from collections import Counter

import pytest

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.gguf_tokenizer import convert
from core.export.hostile import HOSTILE
from core.infer.gguf import GgufEngine
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import train
from core.tokens.tokenizer import Tokenizer


def learn(kind: str, text: str) -> Tokenizer:
    """One of the lab's own tokenizers, learnt from a text."""
    spec = TokenizerSpec(corpus="none", kind=kind, vocab_size=384)
    documents = [text[at : at + 2000] for at in range(0, 40_000, 2000)]
    return Tokenizer(train(spec, documents, Counter(text)))


def random_text(seed: int) -> str:
    pick = random.Random(seed)
    pools = [
        "etaoin shrdlu", "ETAOIN'sdtm ", "0123456789.,;:!?()[]{}", " \n\t", "äöüßéèñ", "汉字日本語",
        "😀👍🏽\u200d", "_-+=*/\\\"`~@#$%^&|<>",
    ]
    return "".join(pick.choice(pick.choice(pools)) for _ in range(pick.randrange(1, 60)))


@pytest.fixture(scope="module", params=["bpe", "bytes", "unigram", "wordpiece"])
def pair(request, grow, english, tmp_path_factory):
    """A tokenizer of ours and llama.cpp with the same one, out of a GGUF."""
    tokenizer = learn(request.param, english)
    tmp_path = tmp_path_factory.mktemp(request.param)
    tokenizer.save(tmp_path)
    decoder = grow(steps=0, n_layers=1, vocab_size=tokenizer.vocab_size)
    write_gguf(tmp_path / "m.gguf", decoder, tmp_path / "tokenizer.json", "f32", "m", "")
    engine = GgufEngine(tmp_path / "m.gguf", threads=1)
    yield tokenizer, engine
    engine.close()


def test_llama_cpp_cuts_hostile_text_into_the_same_tokens(pair, english):
    tokenizer, engine = pair
    texts = HOSTILE + [random_text(seed) for seed in range(300)] + english.splitlines()[:100]
    different = [text for text in texts if engine.encode(text) != tokenizer.encode(text)]
    if tokenizer.kind == "unigram":  # GGUF keeps scores in single precision, so equally likely cuts may swap
        assert len(different) <= 2
        different = [text for text in different if sorted(engine.encode(text)) != sorted(tokenizer.encode(text))]
    assert different == []


def test_llama_cpp_gives_the_same_bytes_for_every_token(pair):
    tokenizer, engine = pair
    pieces = [(id, tokenizer.token_bytes(id), engine.token_bytes(id)) for id in range(tokenizer.vocab_size)]
    assert [piece for piece in pieces if piece[1] != piece[2] and piece[0] != tokenizer.unknown_id] == []


def test_special_tokens_are_read_only_when_asked_for(pair):
    tokenizer, engine = pair
    assert engine.encode("<|endoftext|>", special=True) == [0] and 0 not in engine.encode("<|endoftext|>")


def test_a_tokenizer_of_characters_is_refused_and_onnx_offered(english, tmp_path):
    learn("characters", english).save(tmp_path)
    with pytest.raises(LabError, match="ONNX"):
        convert(json.loads((tmp_path / "tokenizer.json").read_text("utf-8")), 384)
