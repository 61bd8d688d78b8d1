"""The decode benchmark: the same weights for all, a row a format and rival, in the shape the command line prints."""

import numpy as np
import pytest

from core.export import bench
from core.infer.gguf import GgufEngine
from core.infer.gguf_header import read_header
from core.infer.gguf_weights import plan
from core.kernels import decode

pytestmark = pytest.mark.skipif(not decode.built(), reason="the C++ kernels are not built here")
TINY = {"n_layers": 1, "d_model": 64, "n_heads": 2, "d_ff": 96, "vocab_size": 320}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(bench.SIZES, "tiny", TINY)
    monkeypatch.setitem(bench.STEPS, "tiny", 2)


def test_every_file_is_in_its_format_throughout_and_ours_computes_it(tmp_path):
    files = bench.make_files(tmp_path, "tiny")
    for type, name in bench.TYPES.items():
        header = read_header(files[type])
        assert {t.type for t in header.tensors if len(t.shape) > 1} == {name} and plan(header) is not None
    theirs = GgufEngine(files["f16"], exact=True, threads=1)
    ours, ids = bench._ours(files["f16"], 1).read(bench.PROMPT, "all"), bench.PROMPT
    assert np.abs(ours - theirs.score(ids)).max() < 1e-2 * np.abs(ours).max()
    theirs.close()


def test_transformers_computes_the_same_weights(tmp_path):
    import json

    import torch
    from safetensors.torch import load_file

    transformers = pytest.importorskip("transformers")
    files = bench.make_files(tmp_path, "tiny")
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**json.loads(files["config"].read_text()))).eval()
    model.load_state_dict(load_file(files["weights"]), strict=False)
    model.tie_weights()
    with torch.inference_mode():
        theirs = model(torch.tensor([bench.PROMPT])).logits[0].numpy()
    assert np.abs(bench._ours(files["f16"], 1).read(bench.PROMPT, "all") - theirs).max() < 1e-4


def test_every_row_compares_ours_with_a_named_rival_in_tokens_a_second():
    pytest.importorskip("transformers")
    rows = bench.bench_decode((1,), 0.1, ["tiny"])
    assert [row["name"] for row in rows] == ["tiny, F16, 1 thread", "tiny, Q8_0, 1 thread", "tiny, Q4_0, 1 thread",
                                             "tiny, F16, 1 thread"]
    assert all("AVX" in row["rival_name"] or "NEON" in row["rival_name"] for row in rows[:3])
    assert rows[3]["rival_name"].startswith("transformers (")
    for row in rows:
        assert set(row) == {"name", "unit", "ours", "rival", "rival_name", "ratio", "spread"}
        assert row["ratio"] == pytest.approx(row["ours"] / row["rival"], rel=0.1)
        assert row["spread"][0] <= row["spread"][1]
