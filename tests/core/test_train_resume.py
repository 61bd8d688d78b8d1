"""A run that is killed and taken up again ends with the same bytes, whatever optimizer and precision it has."""

import msgspec
import numpy as np
import pytest

from core.errors import LabError
from core.infer.open import open_engine
from core.infer.sources import checkpoint_path
from core.jobs import worker
from core.kernels import ops
from core.model.loading import read_tensors
from core.record.events import Validated
from core.record.lineage import sha256_file
from core.record.metrics import read_metrics
from core.spec.model import ModelSpec
from core.train.checkpoint import TrainState
from core.train.precision import FIRST_SCALE
from tests import tiny_tree

SHAPE = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16, dropout=0.1)
OPTIMIZERS = ("adamw", "adafactor", "muon", "lion", "sgd")
COMBINED = [(optimizer, precision) for optimizer in OPTIMIZERS for precision in ("fp32", "bf16_weights")]
COMBINED += [("adamw", "bf16"), ("adamw", "fp16"), ("muon", "fp16")]
built = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")
OURS = [pytest.param("adamw", precision, "ours", marks=built) for precision in ("fp32", "bf16_weights")]
COMBINED = [(*pair, "torch") for pair in COMBINED] + OURS
MIDDLE, LAST = "checkpoints/step-00000002", "checkpoints/step-00000004"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tiny_tree.make_workspace(tmp_path_factory.mktemp("resume"))


def spec_of(optimizer: str, precision: str, **changes):
    return tiny_tree.train_spec(
        SHAPE, optimizer=optimizer, precision=precision, steps=4, checkpoint_every=2, validate_every=3,
        sample_tokens=0, ema_decay=0.9, embedding_grad_share=0.5, recompute="on", batch_ramp_from=2,
        batch_ramp_steps=2, learning_rate=0.3 if optimizer == "sgd" else 0.01,
        **{"layers_every": 0, **changes})  # fmt: skip


def create(workspace, name: str, spec, adamw: str = "torch"):
    folder = workspace.create("train", name, spec)
    folder.write_choices({**tiny_tree.CHOICES, "precision": spec.precision, "adamw": adamw})
    return folder


def train(workspace, name: str, spec, adamw: str = "torch"):
    folder = create(workspace, name, spec, adamw)
    assert worker.main(folder.root) == 0
    return folder


def column(folder, name: str) -> np.ndarray:
    columns, rows = read_metrics(folder.path("metrics.bin"))
    return rows[:, [n for n, _ in columns].index(name)]


def state_of(folder, name: str = LAST) -> TrainState:
    return msgspec.json.decode(folder.path(name, "state.json").read_bytes(), type=TrainState)


@pytest.mark.parametrize(("optimizer", "precision", "path"), COMBINED)
def test_a_killed_and_resumed_run_ends_with_the_same_bytes(workspace, optimizer, precision, path):
    spec = spec_of(optimizer, precision)
    calm = train(workspace, f"calm-{optimizer}-{precision}-{path}", spec, path)
    killed = create(workspace, f"killed-{optimizer}-{precision}-{path}", spec, path)
    tiny_tree.train_until(killed, spec, lambda event: isinstance(event, Validated) and event.step == 3)
    assert worker.main(killed.root) == 0
    for file in ("model.safetensors", "optimizer.safetensors", "ema.safetensors"):
        assert sha256_file(calm.path(LAST, file)) == sha256_file(killed.path(LAST, file)), file
    for name in ("loss", "lr", "grad_norm", "val_loss", "val_loss_ema", "batch_size"):
        np.testing.assert_array_equal(column(calm, name), column(killed, name), err_msg=name)
    first, last = column(calm, "val_loss")[[0, -1]]
    assert last < first - 0.05, "it learned next to nothing, so equal bytes would prove next to nothing"
    weights, _ = read_tensors(calm.path(LAST, "model.safetensors"))
    assert {str(w.dtype) for w in weights.values()} == {"torch.float32"}
    before, _ = read_tensors(calm.path(MIDDLE, "model.safetensors"))
    assert all((weights[name] != before[name]).any() for name in weights)


@built
@pytest.mark.parametrize("precision", ["fp32", "bf16_weights"])
def test_our_adamw_trains_as_torchs_does(workspace, precision):
    folders = [train(workspace, f"as-{path}-{precision}", spec_of("adamw", precision, layers_every=1), path)
               for path in ("torch", "ours")]  # fmt: skip
    for name in ("loss", "grad_norm", "val_loss"):
        np.testing.assert_allclose(*(column(folder, name) for folder in folders), rtol=1e-4, err_msg=name)
    seen = []
    for folder in folders:
        columns, rows = read_metrics(folder.path("layers.bin"))
        seen.append(rows[:, [n.startswith("grad_norm") for n, _ in columns]])
    np.testing.assert_allclose(*seen, rtol=1e-3)  # both tell them as they were before clipping


def test_a_changing_loss_scale_outlasts_a_kill(workspace):
    spec = spec_of("adamw", "fp16")
    folders = []
    for name in ("calm", "killed"):
        folder = create(workspace, f"{name}-scale", spec)
        tiny_tree.train_until(folder, spec, lambda event: isinstance(event, Validated) and event.step == 3)
        path, state = folder.path(MIDDLE, "state.json"), state_of(folder, MIDDLE)
        state.loss_scale, state.scaled_well = 2.0**40, 7  # far too large: the steps that follow overflow
        path.write_bytes(msgspec.json.encode(state))
        if name == "killed":
            tiny_tree.train_until(folder, spec, lambda event: isinstance(event, Validated) and event.step == 3)
        assert worker.main(folder.root) == 0
        folders.append(folder)
    calm, killed = map(state_of, folders)
    assert (calm.loss_scale, calm.scaled_well, calm.overflows) == (2.0**38, 0, 2)
    assert (calm.loss_scale, calm.overflows) == (killed.loss_scale, killed.overflows) != (FIRST_SCALE, 0)
    before, _ = read_tensors(folders[0].path(MIDDLE, "model.safetensors"))
    after, _ = read_tensors(folders[0].path(LAST, "model.safetensors"))
    assert all((before[name] == after[name]).all() for name in before), "a step that overflows changes nothing"
    assert not np.isfinite(column(folders[0], "grad_norm")[-1]) and np.isfinite(column(folders[0], "loss")[-1])


def test_the_batch_grows_and_tokens_and_epochs_count_what_was_really_seen(workspace):
    folder = train(workspace, "ramp", spec_of("adamw", "fp32"))
    sizes = [2, 2, 4, 4]  # whole micro-batches of 2, from 2 to 4 over 2 steps
    assert column(folder, "batch_size")[1:].tolist() == sizes
    assert column(folder, "tokens")[1:].tolist() == (np.cumsum(sizes) * SHAPE.context).tolist()
    epochs = column(folder, "epoch")[1:]
    np.testing.assert_allclose(epochs / epochs[0], np.cumsum(sizes) / 2, rtol=1e-6)


def test_the_average_of_a_run_can_be_talked_to_and_is_not_its_weights(workspace):
    folder = train(workspace, "averaged", spec_of("adamw", "bf16_weights"))
    average = open_engine(f"run:{folder.name}@ema", workspace)
    weights = open_engine(f"run:{folder.name}@last", workspace)
    told = [engine.start(engine.encode("the frame")) for engine in (average, weights)]
    assert np.isfinite(told).all() and not np.array_equal(*told)
    assert column(folder, "val_loss_ema")[-1] != column(folder, "val_loss")[-1]
    kept, _ = read_tensors(checkpoint_path(folder.root, "ema"))
    last, _ = read_tensors(folder.path(LAST, "model.safetensors"))
    assert set(kept) == set(last) and any((kept[name] != last[name]).any() for name in kept)
    plain = train(workspace, "plain", msgspec.structs.replace(spec_of("adamw", "fp32"), ema_decay=0.0))
    with pytest.raises(LabError, match="keeps no average"):
        checkpoint_path(plain.root, "ema")
