"""Our tokenizers against others: GPT-2's published algorithm, written out, and transformers."""

import json
from collections import Counter

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import END, byte_alphabet, train
from core.tokens.tokenizer import Tokenizer

# The pattern of GPT-2's encoder.py, Radford et al. 2019.
PATTERN = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
TEXTS = [f"I'll say it's the {word}'s turn, they've {i} words.\n\n  Then {word}!" for i, word in enumerate(
    "alpha beta gamma delta epsilon théâtre 汉字 слово".split())] * 4


def learn(kind):
    return Tokenizer(train(TokenizerSpec(corpus="-", kind=kind, vocab_size=400), TEXTS, Counter("".join(TEXTS))))


@pytest.fixture(scope="module")
def bpe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bpe")
    tokenizer = learn("bpe")
    tokenizer.save(folder)
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    ranks = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}
    return tokenizer, model["vocab"], ranks


def gpt2_encode(text, vocabulary, ranks):
    """Byte-pair encoding as GPT-2's encoder.py does it: merge the pair of lowest rank until none is left."""
    spell = {byte: character for character, byte in byte_alphabet().items()}
    ids = []
    for word in PATTERN.findall(text):
        parts = [spell[byte] for byte in word.encode()]
        while len(parts) > 1:
            rank, at = min((ranks.get(pair, 10**9), i) for i, pair in enumerate(zip(parts, parts[1:], strict=False)))
            if rank == 10**9:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        ids += [vocabulary[part] for part in parts]
    return ids


@given(st.one_of(st.text(), st.text("I'lsve thé 12\n汉!<|>_-")))
def test_byte_level_bpe_is_gpt2s_algorithm(bpe, text):
    tokenizer, vocabulary, ranks = bpe
    assert tokenizer.encode(text) == gpt2_encode(text, vocabulary, ranks)


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram", "bytes", "characters"])
def test_transformers_reads_the_file_and_gives_the_same_ids(kind, tmp_path):
    ours = learn(kind)
    ours.save(tmp_path)
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"), eos_token=END)
    assert len(theirs) == ours.vocab_size and theirs.eos_token_id == ours.end_id
    for text in (*TEXTS[:8], "unseen: Ωmega naïve 😀", "  two  spaces\t"):
        assert theirs.encode(text, add_special_tokens=False) == ours.encode(text)
