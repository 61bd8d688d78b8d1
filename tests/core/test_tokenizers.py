"""Tokenizers: nothing is lost, every token's bytes are exact, and typed names of special tokens are just text."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import END, UNKNOWN, byte_alphabet, train
from core.tokens.measure import measure
from core.tokens.tokenizer import Tokenizer

KINDS = ["bpe", "wordpiece", "unigram", "bytes", "characters"]
TEXTS = [
    f"The {a} of the {b} is read again,\nand whoever reads the {b} returns to the {a}. 读书 {i}\n"
    for i, (a, b) in enumerate((a, b) for a in ("book", "song", "winter", "river") for b in ("house", "word", "garden"))
] * 3
HOSTILE = [f"say {END} twice {END}", END, f"x{END}y<|endof", UNKNOWN, "<|", "<| |>"]


def learn(kind, texts=TEXTS, vocab_size=400):
    spec = TokenizerSpec(corpus="-", kind=kind, vocab_size=vocab_size)
    return Tokenizer(train(spec, texts, Counter("".join(texts))))


@pytest.fixture(scope="module")
def learnt():
    return {kind: learn(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", ["bpe", "bytes"])
@given(text=st.text())
def test_byte_level_tokens_spell_any_text_exactly(learnt, kind, text):
    tokenizer = learnt[kind]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    assert int(tokenizer.byte_lengths[ids].sum()) == len(text.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_it_learnt_from_comes_back(learnt, kind):
    for text in TEXTS[:12]:
        back = learnt[kind].decode(learnt[kind].encode(text))
        if kind == "wordpiece":  # folds white space, and parts punctuation from words
            back, text = back.replace(" ", ""), "".join(text.split())
        assert back == text


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text())
def test_bytes_of_tokens_always_make_the_decoded_text(learnt, kind, text):
    tokenizer = learnt[kind]
    ids = tokenizer.encode(text)
    spelled = b"".join(map(tokenizer.token_bytes, ids)).decode("utf-8", "replace")
    assert tokenizer.decode(ids) == (spelled.removeprefix(" ") if kind == "wordpiece" else spelled)
    assert tokenizer.end_id not in ids and all(0 <= id < tokenizer.vocab_size for id in ids)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_typed_special_token_is_ordinary_text_unless_asked_for(learnt, kind, text, tmp_path):
    tokenizer = learnt[kind]
    tokenizer.save(tmp_path)
    for each in (tokenizer, Tokenizer.load(tmp_path)):
        assert 0 not in each.encode(text) and 0 not in each.encode_batch([text])[0]
        assert each.encode(text, special=True).count(0) == text.count(END)
    if kind in ("bpe", "bytes"):
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_is_the_same_one(learnt, kind, tmp_path):
    learnt[kind].save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.kind == kind
    assert [again.token_bytes(i) for i in range(again.vocab_size)] == [
        learnt[kind].token_bytes(i) for i in range(learnt[kind].vocab_size)]
    assert again.encode_batch(TEXTS) == [learnt[kind].encode(text) for text in TEXTS]


@pytest.mark.parametrize("kind", KINDS)
def test_token_zero_is_the_end_and_adds_no_bytes(learnt, kind):
    tokenizer = learnt[kind]
    assert tokenizer.token_name(0) == END and tokenizer.token_bytes(0) == b"" and tokenizer.decode([0]) == ""
    assert tokenizer.unknown_id == (None if kind in ("bpe", "bytes") else 1)
    assert tokenizer.token_bytes(10**6) == tokenizer.token_bytes(-1) == b""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unigram"])  # its library breaks ties by chance
def test_learning_twice_gives_the_same_tokenizer(learnt, kind, tmp_path):
    for name, tokenizer in (("a", learnt[kind]), ("b", learn(kind))):
        (tmp_path / name).mkdir()
        tokenizer.save(tmp_path / name)
    assert (tmp_path / "a/tokenizer.json").read_bytes() == (tmp_path / "b/tokenizer.json").read_bytes()


def test_vocabularies_end_where_the_text_or_the_request_does(learnt):
    assert learnt["bytes"].vocab_size == 257
    assert learnt["characters"].vocab_size == 2 + len(set("".join(TEXTS)))
    assert learn("bpe", vocab_size=300).vocab_size == 300
    assert learn("bpe", vocab_size=100_000).vocab_size < 1000
    assert learn("characters", [chr(0x4E00 + i) * (i + 1) for i in range(500)], 300).vocab_size == 300


def test_characters_are_numbered_by_how_often_they_occur():
    tokenizer = learn("characters", ["aaabbc"])
    assert tokenizer.encode("abcd") == [2, 3, 4, tokenizer.unknown_id]
    assert tokenizer.decode(tokenizer.encode("ad")) == "a\ufffd"


def test_more_characters_than_tokens_still_make_a_vocabulary():
    texts = ["".join(chr(0x4E00 + (i * j) % 900) for j in range(200)) for i in range(1, 30)]
    for kind in ("unigram", "wordpiece"):
        assert 152 <= learn(kind, texts, 300).vocab_size <= 300


def test_the_byte_alphabet_is_that_of_the_library():
    from tokenizers.pre_tokenizers import ByteLevel

    assert set(byte_alphabet()) == set(ByteLevel.alphabet()) and sorted(byte_alphabet().values()) == list(range(256))


def test_a_measure_counts_bytes_tokens_and_use(learnt):
    found = measure(learnt["bytes"], ["aab", "é"])
    assert (found.n_bytes, found.tokens, found.tokens_used, found.bytes_per_token) == (5, 5, 4, 1.0)
    assert found.vocabulary_used == round(4 / 257, 4)
    assert measure(learnt["characters"], ["The Ω"]).unknown == 0.2
    assert measure(learnt["bpe"], []).tokens == 0
    assert measure(learnt["bpe"], TEXTS).bytes_per_token > 2


@pytest.mark.parametrize("content, words", [
    (None, "no tokenizer"), ("{}", "cannot be read"), ("\x00", "cannot be read"),
    (
        '{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}',
        "not made here"),
])
def test_a_missing_damaged_or_foreign_tokenizer_is_told_in_one_sentence(tmp_path, content, words):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(LabError, match=words):
        Tokenizer.load(tmp_path)
