"""The whole step in one call: against float64, for every instruction set, and beside the same model's own modules."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.kernels import build, library, ops, step
from core.model.build import build_model
from core.model.decoder import Decoder, initialise
from core.spec.base import build as build_spec
from core.spec.model import ModelSpec

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")
ROOT = Path(__file__).resolve().parents[2]
compiler = shutil.which("g++") or shutil.which("clang++")

GPT = {"norm": "layer_norm", "position": "learned", "activation": "gelu", "bias": True}
# Sequences and their length, and a design; hardly a size is a multiple of a block of 32.
DESIGNS = {
    "LLaMA's shape": (5, 40, {"n_layers": 2, "n_heads": 4, "kv_heads": 2, "d_model": 96, "vocab_size": 130}),
    "one key head, untied": (20, 50, {"n_layers": 2, "n_heads": 3, "kv_heads": 1, "d_model": 72, "vocab_size": 100,
                                      "tied_head": False}),
    "GPT-2's shape": (3, 17, {**GPT, "n_layers": 2, "n_heads": 3, "d_model": 36, "vocab_size": 71}),
    "nanoGPT's": (2, 32, {**GPT, "bias": False, "norm_bias": "no", "n_layers": 1, "n_heads": 2, "d_model": 64,
                          "vocab_size": 65}),
    "GeGLU, biases": (9, 64, {"activation": "geglu_tanh", "bias": True, "n_layers": 1, "n_heads": 2, "d_model": 64,
                              "vocab_size": 600}),
    "squares cut off, no positions": (1, 130, {"activation": "relu", "position": "none", "n_layers": 1, "n_heads": 2,
                                               "d_model": 40, "vocab_size": 33}),
}  # fmt: skip


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


def make(name: str) -> tuple[Decoder, Tensor, Tensor]:
    """A model whose weights are large enough that every part matters, and a batch with a target left out."""
    batch, time, fields = DESIGNS[name]
    model = build_model(build_spec(ModelSpec, {"context": max(32, time), **fields}))
    initialise(model, 0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim < 2:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
            else:
                parameter.mul_(4)
    ids, targets = (torch.randint(0, model.spec.vocab_size, (batch, time), generator=draw) for _ in range(2))
    targets[0, 0] = -1
    return model, ids, targets


def gradients(model: Decoder, loss: Tensor) -> dict[str, Tensor]:
    """By parameter, after a backward pass."""
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def exact(name: str) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients of torch in float64."""
    model, ids, targets = make(name)
    loss = model.double().loss(ids, targets)
    return float(loss.detach()), gradients(model, loss)


@pytest.mark.parametrize("name", DESIGNS)
def test_loss_and_gradients_are_those_of_float64(instruction_set, name):
    """As near as bfloat16 lets them be: within 2.5 %, or where torch's bfloat16 is further off itself, about as far."""
    model, ids, targets = make(name)
    loss = step.loss(model, ids, targets)
    right, slopes = exact(name)
    assert float(loss.detach()) == pytest.approx(right, rel=2e-3)
    ours = gradients(model, loss)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(ids, targets)
    theirs = gradients(model, loss)
    whole = sum(slope.norm() ** 2 for slope in slopes.values()) ** 0.5
    for key, slope in slopes.items():
        allowed = max(0.025 * slope.norm(), 1.3 * (theirs[key] - slope).norm())
        # A bias of keys has no slope at all: what is tiny beside the rest may be anything.
        assert (ours[key] - slope).norm() < allowed + 1e-4 * whole, key


@pytest.mark.parametrize("name", DESIGNS)
def test_every_thread_count_gives_the_same_bits(instruction_set, name):
    model, ids, targets = make(name)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            loss = step.loss(model, ids, targets)
            found.append((float(loss.detach()), gradients(model, loss)))
    finally:
        torch.set_num_threads(before)
    for loss, slopes in found[1:]:
        assert loss == found[0][0]
        assert all(torch.equal(slope, found[0][1][key]) for key, slope in slopes.items())


def test_without_gradients_the_loss_is_the_same():
    model, ids, targets = make("LLaMA's shape")
    loss = step.loss(model, ids, targets)
    with torch.no_grad():
        assert step.loss(model, ids, targets) == loss.detach()


def test_micro_batches_add_up_to_the_batch():
    model, ids, targets = make("one key head, untied")
    targets[0, 0] = 1
    whole = gradients(model, step.loss(model, ids, targets))
    model.zero_grad(set_to_none=True)
    for rows in (slice(0, 10), slice(10, 20)):
        (step.loss(model, ids[rows], targets[rows]) * 0.5).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad - whole[name]).norm() < 0.01 * whole[name].norm() + 1e-5, name


def test_a_gradient_that_is_still_held_is_not_written_over():
    model, ids, targets = make("nanoGPT's")
    step.loss(model, ids, targets).backward()
    held = {name: parameter.grad for name, parameter in model.named_parameters()}
    before = {name: slope.clone() for name, slope in held.items()}
    step.loss(model, ids.flip(0), targets)
    assert all(torch.equal(held[name], before[name]) for name in held)


def test_a_loss_that_waits_for_its_backward_pass_keeps_its_gradients():
    model, ids, targets = make("nanoGPT's")
    alone = gradients(model, step.loss(model, ids, targets))
    model.zero_grad(set_to_none=True)
    first = step.loss(model, ids, targets)
    step.loss(model, ids.flip(0), targets)
    found = gradients(model, first)
    assert all(torch.equal(slope, alone[name]) for name, slope in found.items())


def test_a_model_in_float64_is_left_to_its_modules():
    model, ids, targets = make("nanoGPT's")
    right = model.double().loss(ids, targets)
    model.use_kernels({"step": "ours"})
    assert torch.equal(model.loss(ids, targets), right)


def test_rows_of_positions_that_were_not_reached_have_no_gradient():
    model, ids, targets = make("GPT-2's shape")
    slopes = gradients(model, step.loss(model, ids, targets))["positions.weight"]
    assert slopes[:17].abs().sum() > 0
    assert not slopes[17:].any()


def test_targets_that_are_all_left_out_ask_for_nothing():
    model, ids, targets = make("nanoGPT's")
    loss = step.loss(model, ids, targets.fill_(-1))
    assert loss.item() == 0.0
    assert not any(slope.any() for slope in gradients(model, loss).values())


@pytest.mark.parametrize("where", ["ids", "targets"])
def test_a_token_outside_of_the_vocabulary_is_refused(where):
    model, ids, targets = make("nanoGPT's")
    (ids if where == "ids" else targets)[1, 3] = 65
    with pytest.raises(IndexError, match="vocabulary size 65"):
        step.loss(model, ids, targets)


@pytest.mark.parametrize("other", [
    {"dropout": 0.1}, {"norm_place": "post"}, {"parallel": "one_norm"}, {"position": "alibi"}, {"qk_norm": True},
    {"attention": "window"}, {"rope_pairs": "interleaved"}, {"rope_share": 0.5}, {"activation": "relu_squared"},
    {"embed_size": 32}, {"logit_softcap": 30.0}, {"shared_layers": True}, {"head_bias": True}, {"embed_scaled": True},
    {"objective": {"task": "prefix"}, "layout": "prefix"}, {"family": "lstm"},
])  # fmt: skip
def test_a_design_it_does_not_know_is_left_to_the_modules(other):
    usual = {"n_layers": 1, "n_heads": 2, "d_model": 64, "vocab_size": 65}
    assert step.fits(build_spec(ModelSpec, usual))
    assert not step.fits(build_spec(ModelSpec, usual | other))


def test_a_model_takes_the_whole_step_when_it_is_told_to(monkeypatch):
    model, ids, targets = make("LLaMA's shape")
    model.use_kernels({"step": "ours"})
    called = []
    monkeypatch.setattr(step, "loss", lambda *given: called.append(given) or torch.zeros(()))
    model.loss(ids, targets)
    assert len(called) == 1
    model.loss(ids, targets, padding=torch.zeros(ids.shape, dtype=torch.bool))  # a mask: the modules know it
    assert len(called) == 1
    model.use_kernels({})
    model.loss(ids, targets)
    assert len(called) == 1


def test_who_listens_to_the_modules_hears_them_all_the_same():
    model, ids, targets = make("LLaMA's shape")
    model.use_kernels({"step": "ours"})
    silent = model.loss(ids, targets).detach()
    heard = []
    model.blocks[1].register_forward_hook(lambda module, given, out: heard.append(out.shape))
    model.looked_at = True
    assert torch.equal(model.loss(ids, targets).detach(), silent)
    assert heard == [(5, 40, 96)]


def test_a_run_of_steps_learns_as_float32_does():
    losses = []
    for path in ("torch", "ours"):
        model = build_model(build_spec(ModelSpec, {"n_layers": 2, "n_heads": 2, "d_model": 64, "vocab_size": 65,
                                                   "context": 32}))  # fmt: skip
        initialise(model, 0)
        model.use_kernels({"step": path})
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        draw, last = torch.Generator().manual_seed(0), []
        for _ in range(120):
            ids = (torch.randint(0, 65, (8, 1), generator=draw) + 3 * torch.arange(33)) % 65
            loss = model.loss(ids[:, :-1], ids[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            last.append(float(loss.detach()))
        losses.append(sum(last[-60:]) / 60)
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] < 3.0  # of ln 65 = 4.17 at the start


@pytest.mark.skipif(compiler is None, reason="no C++ compiler here")
@pytest.mark.parametrize("isa", ["generic", "avx512"])
def test_no_step_touches_what_is_not_its_own(isa, tmp_path):
    """Under AddressSanitizer and UndefinedBehaviorSanitizer; the tiles of AMX are not seen by them."""
    if isa not in library.instruction_sets():
        pytest.skip("this machine does not run it")
    program = tmp_path / "step"
    done = subprocess.run(
        [compiler, "-std=c++17", "-O1", "-g1", "-w", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         *build.GNU_FLAGS.get(isa, []), "-I", str(build.SOURCES), "-pthread",
         str(ROOT / "tests" / "step_under_sanitizer.cpp"), "-o", str(program)],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode and "cannot find" in done.stderr:
        pytest.skip("this compiler brings no sanitizer")
    assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.stdout == "clean\n", done.stderr[-3000:]
