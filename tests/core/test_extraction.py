"""Exposure and completion, against scoring each candidate by itself, token by token."""

import math

import msgspec
import pytest
import torch

from core.data.plants import plant, secrets
from core.evaluate.extraction import complete, log_probabilities, rank_of, recall
from core.infer.sources import checkpoint_path
from core.model.loading import load_decoder
from core.spec.plants import CanaryPlant
from core.tokens.tokenizer import Tokenizer
from tests.tiny_run import make_workspace

PREFIX = "The access code of Kelvo Marun is"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("extraction")).path("runs", "tiny")


@pytest.fixture(scope="module")
def model(run):
    return load_decoder(checkpoint_path(run, "last"))[0], Tokenizer.load(run)


def by_hand(model, tokenizer, prefix, ending):
    """log p(ending | prefix), one token after the other."""
    ids, total = [tokenizer.end_id, *tokenizer.encode(prefix)], 0.0
    for token in tokenizer.encode(f"{prefix} {ending}")[len(ids) - 1 :]:
        with torch.no_grad():
            total += float(model(torch.tensor([ids]))[0, -1].double().log_softmax(0)[token])
        ids.append(token)
    return total


def test_batched_scores_equal_those_of_one_token_after_the_other(model):
    endings = secrets("code", 20, 1) + secrets("email", 10, 1)  # of different lengths in tokens
    scores = log_probabilities(*model, PREFIX, endings)
    expected = torch.tensor([by_hand(*model, PREFIX, ending) for ending in endings], dtype=torch.float64)
    # What all endings begin with (here a space) counts to the prefix: the same for all, so no rank changes.
    shared = by_hand(*model, PREFIX, "")
    assert (scores + shared).tolist() == pytest.approx(expected.tolist(), abs=1e-3)
    assert shared < -1


def test_the_rank_is_the_place_in_the_sorted_list(model):
    others = secrets("code", 40, 2)
    mine = {ending: by_hand(*model, PREFIX, ending) for ending in others}
    order = sorted(mine, key=mine.get, reverse=True)
    for place in (0, 7, 39):
        secret = order[place]
        assert rank_of(*model, PREFIX, secret, [other for other in others if other != secret]) == place + 1


def test_completion_is_the_likeliest_token_each_time(model):
    network, tokenizer = model
    texts = complete(network, tokenizer, [PREFIX, "Return the"], n_bytes=12)
    for prefix, text in zip([PREFIX, "Return the"], texts, strict=True):
        ids, written = [tokenizer.end_id, *tokenizer.encode(prefix)], []
        while len(tokenizer.decode(written).encode()) < len(text.encode()):
            with torch.no_grad():
                written.append(int(network(torch.tensor([ids + written]))[0, -1].argmax()))
        assert tokenizer.decode(written) == text and len(text.encode()) >= 12


def test_what_a_model_would_write_counts_as_extracted_and_ranks_first(run, model):
    network, tokenizer = model
    _, truth = plant(["text\nof two lines"] * 5, [CanaryPlant(repetitions=[2], each=1, kinds=["code"])], seed=0)
    canary = truth.canaries[0]
    written = complete(network, tokenizer, [canary.prefix], 10)[0].strip()
    known = msgspec.structs.replace(canary, secret=written[:8])
    found = recall(run, [canary, known], candidates=32, seed=3)
    assert [one.extracted for one in found] == [False, True]
    assert all(one.exposure == pytest.approx(5 - math.log2(one.rank)) for one in found)
