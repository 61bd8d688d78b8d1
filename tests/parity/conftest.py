"""A small run made by hand, in the formats that a real one leaves on disk."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core.model.decoder import Decoder, initialise
from core.record.folder import Workspace
from core.record.lineage import write_outputs
from core.spec.files import write_toml
from core.spec.model import ModelSpec

END = "<|endoftext|>"


@pytest.fixture(scope="session")
def english() -> str:
    """Real English that every Python brings along."""
    from pydoc_data.topics import topics

    return "\n".join(topics[key] for key in sorted(topics))[:120_000]


@pytest.fixture(scope="session")
def bpe_json(english, tmp_path_factory) -> Path:
    """tokenizer.json of a byte-level BPE of 384 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([english], trainers.BpeTrainer(
        vocab_size=384, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="session")
def token_ids(english, bpe_json) -> np.ndarray:
    """The English text as token ids, led by token 0."""
    return np.array([0, *Tokenizer.from_file(str(bpe_json)).encode(english).ids], np.uint16)


@pytest.fixture(scope="session")
def grow(token_ids):
    """grow(steps, **shape) -> a decoder trained for a few steps, in eval mode; biases are not left at zero."""

    def make(steps: int = 20, **shape) -> Decoder:
        torch.set_num_threads(1)
        wanted = {"d_model": 64, "n_layers": 2, "n_heads": 4, "context": 64, "vocab_size": 384, **shape}
        model = Decoder(ModelSpec(**wanted))
        initialise(model, 0)
        generator = torch.Generator().manual_seed(1)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.data.normal_(0, 0.05, generator=generator)
        optimizer = torch.optim.AdamW(model.parameters(), 1e-2 if model.spec.d_model < 128 else 3e-3)
        ids = torch.from_numpy(token_ids.astype(np.int64))
        for _ in range(steps):
            at = torch.randint(0, len(ids) - model.spec.context - 1, (8,), generator=generator)
            batch = torch.stack([ids[a : a + model.spec.context + 1] for a in at])
            optimizer.zero_grad()
            model.loss(batch[:, :-1], batch[:, 1:]).backward()
            optimizer.step()
        return model.eval()

    return make


@pytest.fixture
def save_run(tmp_path, bpe_json, token_ids):
    """save_run(decoder, name) -> the workspace in which runs/NAME holds it, with held-out tokens."""

    def save(decoder: Decoder, name: str = "tiny") -> Workspace:
        root = tmp_path / "workspace" / "runs" / name
        checkpoint = root / "checkpoints" / "step-00000020"
        checkpoint.mkdir(parents=True)
        (root / "tokens").mkdir()
        write_toml(root / "spec.toml", {"kind": "train", "spec": {}})
        (root / "tokenizer.json").write_bytes(bpe_json.read_bytes())
        held_out = token_ids[-1500:].copy()
        held_out[0] = 0
        held_out.astype("<u2").tofile(root / "tokens" / "held_out.bin")
        np.array([0, 0], "<u8").tofile(root / "tokens" / "held_out.docs")
        (root / "tokens" / "meta.json").write_text(json.dumps({"dtype": "<u2", "held_out_tokens": len(held_out)}))
        (root / "checkpoints.json").write_text(json.dumps({"last": checkpoint.name, "best": checkpoint.name}))
        weights = {key: value.detach().clone() for key, value in decoder.named_parameters()}
        metadata = {"spec": msgspec.json.encode(decoder.spec).decode(), "step": "20", "format": "pt"}
        save_file(weights, checkpoint / "model.safetensors", metadata)
        write_outputs(root)
        return Workspace(tmp_path / "workspace")

    return save
