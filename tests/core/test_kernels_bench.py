"""The kernels' benchmark: a row a kernel, precision and thread count, in the shape the command line prints."""

import pytest
import torch

from core.kernels import bench, ops

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")


def test_every_row_compares_ours_with_torch_in_one_unit(monkeypatch):
    monkeypatch.setattr(bench, "HEADS", [(64, 16, 128)])
    monkeypatch.setattr(bench, "ATTENTIONS", [(1, 2, 1, 16, 8)])
    monkeypatch.setattr(bench, "NORMS", [(16, 8)])
    monkeypatch.setattr(bench, "GATES", [(16, 8)])
    monkeypatch.setattr(bench, "MODELS", {0.1: (1, 8, 16)})
    before = torch.get_num_threads()
    rows = bench.bench_kernels(threads=(1, 2), seconds=0.1)
    assert torch.get_num_threads() == before
    assert len(rows) == len({row["name"] for row in rows}) == 44  # 10 in two precisions and 2 in one, twice
    for row in rows:
        assert set(row) == {"name", "unit", "ours", "rival", "rival_name", "ratio", "spread"}
        assert row["ratio"] == pytest.approx(row["rival"] / row["ours"], rel=0.1)
        assert row["spread"][0] <= row["spread"][1]
