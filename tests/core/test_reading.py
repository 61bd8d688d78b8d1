"""A batch looked at while a run is at work: what it consists of, what it costs, and that looking changes nothing."""

import msgspec
import numpy as np
import pytest

from core.data.documents import Documents
from core.data.shards import TokenShard
from core.record import atomic
from core.record.control import request
from core.record.events import BatchShown
from core.record.lineage import sha256_file
from core.record.metrics import read_metrics
from core.tokens.tokenizer import Tokenizer
from core.train.checkpoint import read_pointers
from core.train.reading import Batch, Part, Window, offenders
from tests.poison import carry_on, prepare, said, train_spec

SMALL = {
    "steps": 8, "batch_size": 4, "checkpoint_every": 100, "validate_every": 100, "validation_tokens": 256,
    "model": {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 96},
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same run twice, stopped and taken up at step 5; in the second somebody asked for the batch there."""
    workspace, made = prepare(tmp_path_factory.mktemp("reading"), seed=0, documents=60, poisoned=0), []
    for name in ("calm", "asked"):
        folder = workspace.create("train", name, train_spec(0, "clean", False, **SMALL))
        atomic.write_json(folder.path("until.json"), {"step": 5})
        assert carry_on(folder) == 0
        folder.path("until.json").unlink()
        if name == "asked":
            request(folder.root, "batch")
        assert carry_on(folder) == 0
        made.append(folder)
    return workspace, *made


def test_looking_changes_nothing(runs):
    _, calm, asked = runs
    last = [folder.path("checkpoints", read_pointers(folder.root)["last"]) for folder in (calm, asked)]
    assert last[0].name == last[1].name == "step-00000008"
    for file in ("model.safetensors", "optimizer.safetensors"):
        assert sha256_file(last[0] / file) == sha256_file(last[1] / file)


def test_the_batch_shown_is_the_one_the_step_is_trained_on(runs):
    workspace, _, asked = runs
    (shown,) = said(asked, BatchShown)
    batch = msgspec.json.decode(asked.path(shown.path).read_bytes(), type=Batch)
    assert (shown.step, batch.step, batch.weights_of, batch.sequences) == (6, 6, 5, 4)
    columns, rows = read_metrics(asked.path("metrics.bin"))
    trained = rows[6, [name for name, _ in columns].index("loss")]
    known = [loss for window in batch.windows for loss in window.losses if loss is not None]
    assert len(known) == 4 * 96 and np.mean(known) == pytest.approx(trained, abs=1e-5)
    tokens = TokenShard.open(asked.root, "train").tokens
    for window in batch.windows:
        assert window.ids == tokens[window.place : window.place + 97].tolist() and window.losses[0] is None
    tokenizer = Tokenizer.load(asked.root)
    assert {id: text.encode("latin-1") for id, text in batch.bytes.items()} == {
        id: tokenizer.token_bytes(id) for window in batch.windows for id in window.ids}  # fmt: skip


def test_each_piece_of_a_window_stands_in_the_document_that_is_named(runs):
    workspace, _, asked = runs
    batch = msgspec.json.decode(asked.path(said(asked, BatchShown)[0].path).read_bytes(), type=Batch)
    tokenizer, documents = Tokenizer.load(asked.root), Documents(workspace.path("corpora", "clean"))
    several = 0
    for window in batch.windows:
        assert [part.start for part in window.documents] == [0, *(part.end for part in window.documents[:-1])]
        assert window.documents[-1].end == len(window.ids)
        several += len(window.documents) > 1
        for part in window.documents:
            ids = [id for id in window.ids[part.start : part.end] if id != 0]
            assert tokenizer.decode(ids) in documents[part.row].text
    assert several  # else nothing was said about edges


def window(*pieces):
    """A window cut from (row, tokens, loss of each) pieces."""
    parts, losses = [], []
    for row, count, loss in pieces:
        parts.append(Part(row, len(losses), len(losses) + count))
        losses += [loss] * count
    return Window(0, [1] * len(losses), losses, parts)


def usual(count=20):
    draw = np.random.default_rng(0)
    return [window((row, 16, 2 + 0.1 * draw.standard_normal()), (row + 100, 16, 2 + 0.1 * draw.standard_normal()))
            for row in range(count)]  # fmt: skip


def test_the_documents_that_stand_out_are_named_and_not_their_neighbours():
    own = [window((7, 16, 2.0), (900, 20, 9.0), (901, 3, 9.0)), window((8, 16, 2.1), (902, 20, 11.0))]
    assert offenders([*usual(), *own], own, threshold=8.0) == [902, 900]  # the costliest first; 901 is too short


def test_what_is_costly_only_beside_the_worst_is_not_named():
    own = [window((900, 20, 12.0), (7, 20, 4.0))]
    assert offenders([*usual(), *own], own, threshold=8.0) == [900]


def test_a_document_without_a_finite_loss_is_the_first_named():
    own = [window((900, 20, float("nan")), (901, 20, 12.0))]
    assert offenders([*usual(), *own], own, threshold=8.0) == [900, 901]


def test_where_nothing_stands_out_all_documents_of_the_spike_are_named():
    own = [window((7, 16, 2.0), (8, 16, 2.1))]
    assert sorted(offenders([*usual(), *own], own, threshold=8.0)) == [7, 8]
    silent = [window((1, 8, None), (2, 8, None))]  # word vectors
    assert offenders(silent, silent, threshold=8.0) == [1, 2]
