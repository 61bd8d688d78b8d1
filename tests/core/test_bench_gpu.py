"""The bench of training on a GPU: without one nothing is measured, and said; its steps are those of the processor's."""

import json

import pytest
import torch

from core.cli.entry import run
from core.model.build import build_model
from core.model.decoder import initialise
from core.train import bench, bench_gpu
from core.train.rival import NanoGPT

SMALL = bench.Size(layers=2, heads=2, width=32, context=24, batch=4, vocabulary=65)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_its_rows_are_left_out_and_that_is_said(capsys):
    assert run(["bench", "train", "--json", "--sizes", "124 M on a GPU", "10.7 M on a GPU"], lambda *_, **__: 0) == 0
    out, said = capsys.readouterr()
    assert json.loads(out)["rows"] == []
    assert said.count("not measured, there is no GPU here") == 2 and "124 M on a GPU" in said


def test_the_size_that_is_named_124_m_has_so_many_parameters():
    spec = bench_gpu.SIZES["124 M on a GPU"].spec
    with torch.device("meta"):
        assert 123e6 < sum(p.numel() for p in build_model(spec).parameters()) < 126e6


def test_both_steps_lose_alike_when_they_see_the_same_batches():
    tokens = bench.read_tokens(None, SMALL.vocabulary)
    model = build_model(SMALL.spec)
    initialise(model, 0)
    theirs = bench_gpu.nano_step(NanoGPT(SMALL.spec).take_weights(model), "cpu", compiled=False)
    _, precision, ours = bench_gpu.our_step(model, SMALL, tokens, "cpu")
    source = bench.batches(tokens, SMALL, seed=3)
    drawn = [next(source) for _ in range(5)]
    losses = [[step(ids, targets) for ids, targets in drawn] for step in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02) and losses[0][-1] < losses[0][0]
    assert precision in ("fp32", "bf16", "bf16_weights")


def test_rows_say_how_much_faster_and_what_share_of_the_peak():
    rows = bench_gpu._rows("x", SMALL, [[0.5, 1.0]] * 4, peak=1e9, precision="bf16")
    assert rows[0]["ratio"] == 2 and rows[0]["ours"] == 4 * 24 / 0.5 and rows[1]["ratio"] == pytest.approx(2)
    assert set(rows[0]) == set(rows[1]) and rows[1]["ours"] > rows[1]["rival"] > 0
