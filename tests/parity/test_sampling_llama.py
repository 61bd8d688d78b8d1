"""Our samplers leave the same distribution as llama.cpp's own, chained in its default order."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from core.infer.sampling import distribution
from core.spec.sampling import SamplingSpec

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="llama.cpp is not installed")

CASES = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.3, "top_k": 5, "top_p": 1.0, "min_p": 0.0},
    {"temperature": 1.0, "top_k": 0, "top_p": 0.7, "min_p": 0.0},
    {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.2},
    {"temperature": 1.5, "top_k": 40, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.3, "repetition_window": 6},
    {"temperature": 0.7, "top_k": 3, "top_p": 0.5, "min_p": 0.0, "repetition_penalty": 0.8, "repetition_window": 64},
    {"temperature": 0.0, "repetition_penalty": 1.8, "repetition_window": 3},
]

# llama.cpp aborts where others raise, so it runs in a process of its own here too.
CHAIN = """
import ctypes, json, sys
import llama_cpp as lib

def after(logits, recent, s):
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    add = lambda sampler: lib.llama_sampler_chain_add(chain, sampler)
    add(lib.llama_sampler_init_penalties(
        len(logits), s["repetition_window"], s["repetition_penalty"], 0.0, 0.0))
    add(lib.llama_sampler_init_top_k(s["top_k"]))
    add(lib.llama_sampler_init_top_p(s["top_p"], 1))
    add(lib.llama_sampler_init_min_p(s["min_p"], 1))
    add(lib.llama_sampler_init_temp(s["temperature"]))
    for id in recent:
        lib.llama_sampler_accept(chain, id)
    data = (lib.llama_token_data * len(logits))(*[(id, logit, 0.0) for id, logit in enumerate(logits)])
    array = lib.llama_token_data_array(data=data, size=len(logits), selected=-1, sorted=False)
    lib.llama_sampler_apply(chain, ctypes.byref(array))
    left = [(array.data[i].id, array.data[i].logit) for i in range(array.size)]
    lib.llama_sampler_free(chain)
    return [(id, logit) for id, logit in left if logit != float("-inf")]

print(json.dumps([after(*case) for case in json.load(sys.stdin)]))
"""


def test_every_setting_leaves_the_distribution_that_llama_cpp_leaves():
    random = np.random.default_rng(11)
    asked = []
    for case in CASES:
        spec = SamplingSpec(**case)
        for scale in (0.5, 2.0, 6.0):
            logits = (random.normal(size=200) * scale).astype(np.float32)
            recent = random.integers(0, 200, size=12).tolist() + [int(logits.argmax())]
            asked.append((logits, recent, spec))
    settings = [{f: getattr(spec, f) for f in spec.__struct_fields__ if f != "stop"} for _, _, spec in asked]
    request = json.dumps([(x.tolist(), recent, s) for (x, recent, _), s in zip(asked, settings, strict=True)])
    done = subprocess.run([sys.executable, "-c", CHAIN], input=request, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for (logits, recent, spec), left in zip(asked, json.loads(done.stdout), strict=True):
        theirs = np.zeros(logits.size)
        ids, kept = np.array([id for id, _ in left]), np.array([logit for _, logit in left])
        theirs[ids] = np.exp(kept - kept.max()) / np.exp(kept - kept.max()).sum()
        ours = distribution(logits, recent, spec)
        assert set(np.flatnonzero(ours)) == set(np.flatnonzero(theirs)), spec
        np.testing.assert_allclose(ours, theirs, atol=2e-6, err_msg=str(spec))
