"""Writing token by token, with whatever a model keeps between tokens, gives what one pass over the whole text gives."""

import msgspec
import pytest
import torch

from core.errors import LabError
from core.model.attention import KVCache
from core.model.build import build_model
from core.model.decoder import initialise
from core.model.encoder_decoder import EncoderDecoder
from core.model.experts import MixtureOfExperts
from core.model.permutation import PermutationModel
from core.model.replaced import ReplacedTokenModel
from core.model.writing import DecoderWriter, GapWriter, TwoStackWriter, make_writer
from core.spec.model import ModelSpec
from tests.tiny_tree import SHAPES, SYSTEMS

VOCAB, CONTEXT, CLOSE = 61, 24, 1e-4  # of the largest logit
NEURAL = [name for name in SHAPES if SYSTEMS[name].shape.family not in ("ngram", "word_vectors")]
VECTORS = [name for name in SHAPES if SYSTEMS[name].shape.family == "word_vectors"]


def small(name: str) -> ModelSpec:
    """A system's shape with every part that it has, at a width of 32 and a depth of 2 or 3."""
    shape = SYSTEMS[name].shape
    changes: dict = {"d_model": 32, "n_layers": 2, "context": CONTEXT, "dropout": 0.0, "weight_drop": 0.0,
                     "vocab_size": VOCAB + shape.objective.extra_tokens, "d_ff": shape.d_ff and 40}  # fmt: skip
    if shape.embed_size not in (0, shape.d_model):
        changes["embed_size"] = 16
    if shape.family == "transformer":
        changes |= {
            "n_heads": 4, "kv_heads": 0 if shape.kv == shape.n_heads else 1 if shape.kv == 1 else 2, "head_size": 0,
            "encoder_layers": 3 * bool(shape.encoder_layers), "relative_buckets": 8, "relative_distance": 16,
            "experts": msgspec.structs.replace(shape.experts, count=min(4, shape.experts.count),
                                               every=min(2, shape.experts.every))}  # fmt: skip
    return msgspec.structs.replace(shape, window=min(5, shape.window), **changes)


def perturbed(spec: ModelSpec):
    """A model whose every parameter matters, ready to answer."""
    model = build_model(spec)
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def in_one_pass(model, prompt: list[int], text: list[int], mark: int) -> torch.Tensor:
    """Logits of what follows the prompt, and of what follows it and each beginning of the text: (len(text) + 1, V)."""
    whole = torch.tensor([[*prompt, *text]])
    if isinstance(model, EncoderDecoder):
        return model(torch.tensor([prompt]), torch.tensor([[0, *text]]))[0]
    if isinstance(model, PermutationModel):  # each place is foretold from those before it; the last token is not seen
        return model(torch.tensor([[*prompt, *text, 0]]))[0, len(prompt) :]
    if isinstance(model, ReplacedTokenModel):
        return torch.stack([model.proposals(gap)[0, -1] for gap in _gaps(whole, len(prompt), mark)])
    if model.spec.family == "transformer" and model.spec.layout == "encoder":
        return torch.stack([model(gap)[0, -1] for gap in _gaps(whole, len(prompt), mark)])
    if model.spec.family == "transformer" and model.spec.layout == "prefix":
        begin = [mark] if mark >= 0 else []
        seen = torch.tensor([[*prompt, *begin, *text]])
        return model(seen, prefix=torch.tensor([len(prompt)]))[0, len(prompt) + len(begin) - 1 :]
    return model(whole)[0, len(prompt) - 1 :]


def _gaps(whole: torch.Tensor, first: int, gap: int) -> list[torch.Tensor]:
    return [torch.cat([whole[:, :end], torch.tensor([[gap]])], 1) for end in range(first, whole.shape[1] + 1)]


@pytest.mark.parametrize("name", NEURAL)
@torch.no_grad()
def test_every_shape_that_writes_says_step_by_step_what_one_pass_says(name):
    model = perturbed(small(name))
    ids = torch.randint(1, VOCAB, (20,), generator=torch.Generator().manual_seed(6)).tolist()
    prompt, text = ids[:7], ids[7:]
    writer = make_writer(model, VOCAB)
    for _ in range(2):  # the second time nothing of the first may be left
        said = torch.stack([writer.start(prompt), *(writer.step(id) for id in text)])
    mark = writer.mark if isinstance(writer, DecoderWriter) else writer.gap if isinstance(writer, GapWriter) else -1
    whole = in_one_pass(model, prompt, text, mark)
    assert said.shape == whole.shape == (len(text) + 1, model.spec.vocab_size)
    assert (said - whole).abs().max() <= CLOSE * whole.abs().max()
    assert whole.std(0).max() > 0.05 * whole.abs().max()  # what was read matters
    assert all(part.dropped == 0 for part in model.modules() if isinstance(part, MixtureOfExperts))


@pytest.mark.parametrize("name", NEURAL)
@torch.no_grad()
def test_a_cache_may_be_filled_in_pieces_of_any_length(name):
    model = perturbed(small(name))
    writer = make_writer(model, VOCAB)
    if not isinstance(writer, DecoderWriter | TwoStackWriter):
        return  # keeps no keys and values
    ids = torch.randint(1, VOCAB, (1, CONTEXT), generator=torch.Generator().manual_seed(7))
    source = torch.randint(1, VOCAB, (1, 11), generator=torch.Generator().manual_seed(8))
    two_stacks, cache = isinstance(writer, TwoStackWriter), KVCache(model.spec)
    whole = model(source, ids) if two_stacks else model(ids)
    cache.memory = model.read(source) if two_stacks else None
    pieces = [model.logits(model.hidden(part, cache)) for part in ids.split([9, 1, 1, 6, 7], dim=1)]
    assert cache.length == CONTEXT
    assert (torch.cat(pieces, 1) - whole).abs().max() <= CLOSE * whole.abs().max()


def test_every_kind_of_memory_between_tokens_is_among_them():
    writers = {type(make_writer(build_model(small(name)), VOCAB)).__name__ for name in NEURAL}
    assert writers == {"DecoderWriter", "TwoStackWriter", "StateWriter", "WindowWriter", "GapWriter"}
    specs = [small(name) for name in NEURAL]
    transformers = [spec for spec in specs if spec.family == "transformer"]
    assert {"learned", "sinusoidal", "rope", "alibi", "t5", "xl"} <= {spec.position for spec in transformers}
    assert {"pre", "post"} <= {spec.norm_place for spec in transformers} and any(spec.deep_norm for spec in specs)
    assert {spec.attention for spec in transformers} >= {"full", "banded"} and any(s.kv == 1 for s in transformers)
    assert any(s.query_layer for s in specs) and {s.parallel for s in transformers} >= {"no", "one_norm", "two_norms"}
    assert {s.experts.router for s in specs if s.experts.count} == {"learned", "random"}


def test_experts_that_overflow_in_training_drop_nothing_while_writing():
    sparse = [name for name in NEURAL if SYSTEMS[name].shape.experts.capacity]
    assert len(sparse) >= 3
    for name in sparse:
        spec = small(name)
        spec = msgspec.structs.replace(spec, experts=msgspec.structs.replace(spec.experts, capacity=0.3))
        model, ids = perturbed(spec), torch.randint(1, VOCAB, (4, CONTEXT))
        seen = {"source": ids} if spec.encoders else {}
        model.train().loss(ids=ids, targets=ids, **seen)
        assert sum(part.dropped for part in model.modules() if isinstance(part, MixtureOfExperts)) > 0
        model.eval()
        writer = make_writer(model, VOCAB)
        for id in ids[0].tolist():
            writer.start([id, id, id])
            assert all(part.dropped == 0 for part in model.modules() if isinstance(part, MixtureOfExperts))


@pytest.mark.parametrize("name", VECTORS)
def test_word_vectors_do_not_write_and_say_so(name):
    with pytest.raises(LabError, match="do not write"):
        make_writer(build_model(small(name)), VOCAB)
