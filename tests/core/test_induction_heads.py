"""Two layers learn to copy what followed last time, one layer cannot: a small sample of the trained proof."""

import pytest
import torch

from core.glass.induction import IS_INDUCTION, induction_map
from core.model.decoder import Decoder, initialise
from core.spec.model import ModelSpec

VOCAB, CONTEXT, STEPS = 64, 48, 350


def repeated(generator: torch.Generator, count: int = 32) -> torch.Tensor:
    """Rows of random tokens said again and again, each with its own period, int64 (count, CONTEXT + 1)."""
    rows = []
    for _ in range(count):
        period = int(torch.randint(6, CONTEXT // 2 - 4, (1,), generator=generator))
        said = torch.randint(1, VOCAB, (period,), generator=generator)
        rows.append(torch.cat([torch.zeros(1, dtype=torch.int64), said.repeat(CONTEXT // period + 1)])[: CONTEXT + 1])
    return torch.stack(rows)


def trained(layers: int) -> Decoder:
    torch.set_num_threads(1)
    model = Decoder(ModelSpec(d_model=32, n_layers=layers, n_heads=4, context=CONTEXT, vocab_size=VOCAB,
                              position="alibi"))  # fmt: skip
    initialise(model, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3, betas=(0.9, 0.98), weight_decay=0.01)
    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        ids = repeated(generator)
        optimizer.param_groups[0]["lr"] = 8e-3 * min(1, (step + 1) / 50)
        optimizer.zero_grad()
        model.loss(ids[:, :-1], ids[:, 1:]).backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("layers", [1, 2])
def test_two_layers_grow_an_induction_head_in_the_second_and_one_layer_grows_none(layers):
    induction, _ = induction_map(trained(layers), VOCAB, 0)
    if layers == 1:
        assert float(induction.max()) < 0.1
    else:
        assert float(induction[1].max()) > IS_INDUCTION and float(induction[0].max()) < 0.1
