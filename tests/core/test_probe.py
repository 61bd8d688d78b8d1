"""The speed of a design is measured by training it, in a process that answers in one line."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from core.errors import LabError
from core.model.sizing import flops_per_token
from core.spec.experts import Experts
from core.spec.model import ModelSpec
from core.spec.objective import Objective
from core.train.probe import probe

ROOT = Path(__file__).resolve().parents[2]
TINY = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16, vocab_size=64)
DESIGNS = {
    "decoder": TINY,
    "experts": msgspec.structs.replace(TINY, experts=Experts(count=4)),
    "two stacks": msgspec.structs.replace(
        TINY, layout="encoder_decoder", position="t5", vocab_size=200, objective=Objective(task="span_corruption")),
    "lstm": ModelSpec(family="lstm", d_model=16, n_layers=1, context=16, vocab_size=64),
}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_trained_and_its_speed_told(name):
    spec = DESIGNS[name]
    found = probe(spec, 0.05, batch=2)
    assert found["tokens_per_s"] == pytest.approx(2 * spec.context / found["step_s"])
    assert found["flops_per_s"] == pytest.approx(found["tokens_per_s"] * flops_per_token(spec).training)
    assert found["watts"] is None or found["watts"] > 0


def test_a_design_that_would_not_fit_is_refused_before_it_is_built():
    with pytest.raises(LabError) as caught:
        probe(ModelSpec(d_model=65536, n_layers=512, n_heads=64, vocab_size=1000))
    assert "free" in str(caught.value)


def answer(**asked) -> dict:
    done = subprocess.run([sys.executable, "-m", "core.train.probe"], input=json.dumps(asked), text=True, cwd=ROOT,
                          capture_output=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_process_answers_in_one_line_also_when_it_refuses():
    assert answer(model=msgspec.to_builtins(msgspec.structs.replace(TINY, vocab_size=0)), seconds=0.05)["step_s"] > 0
    refused = answer(model={"n_heads": 7, "d_model": 16}, seconds=0.05)
    assert refused["where"] == "n_heads" and "7" in refused["problem"].format(**refused["values"])
