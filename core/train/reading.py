"""What a batch consists of, token by token: where it stands in the corpus, and what it costs the model now.

Looking changes nothing: no gradient, no dropout, random numbers of its own.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from torch.nn import functional as F

from core.data.shards import TokenShard
from core.model.word_vectors import WordVectors
from core.record.atomic import write_bytes
from core.train.guard import LEAST_LOSS_SPREAD, robust_score
from core.train.measure import own_randomness
from core.train.sample import evaluating

FEWEST_TOKENS = 4  # of a document in a batch; fewer say nothing about it
DRAGGED_ALONG = 0.5  # of the worst score: what lies below is costly only for standing beside the worst
MOST_DOCUMENTS = 200  # named of one spike
MOST_WINDOWS = 64  # of a batch that is written down


class Part(msgspec.Struct, frozen=True):
    """The piece of a window that was cut from one document.

    Attributes:
        row: of the document among the kept ones of its corpus.
        start, end: which tokens of the window, half-open.
    """

    row: int
    start: int
    end: int


class Window(msgspec.Struct, frozen=True):
    """One sequence of a batch.

    Attributes:
        place: token of the training text that it begins at.
        ids: its token ids.
        losses: what each costs the model, nats; None = it was not asked for.
        documents: the documents it was cut from, in order.
    """

    place: int
    ids: list[int]
    losses: list[float | None]
    documents: list[Part]


class Batch(msgspec.Struct, frozen=True):
    """What a step is trained on, in ``batches/step-N.json``.

    Attributes:
        step: counted from 1.
        sequences: of the whole batch; of a large one only the first windows are here.
        weights_of: steps done when the losses were measured.
        bytes: of each token that occurs, by id, one character a byte (Latin-1), for a token may end inside a letter.
    """

    step: int
    sequences: int
    weights_of: int
    windows: list[Window]
    bytes: dict[int, str]


def write_batch(run, step: int, first: int, count: int) -> str:
    """Write down the batch of the next step (counted from 1); returns the file's place in the run's folder.

    Args:
        first: number of its first sequence.
        count: its sequences.
    """
    windows = read(run, first, min(count, MOST_WINDOWS))
    known = {id for window in windows for id in window.ids}
    spelled = {id: run.tokenizer.token_bytes(id).decode("latin-1") for id in sorted(known)}
    path = run.folder.path("batches", f"step-{step:08d}.json")
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, msgspec.json.encode(Batch(step, count, step - 1, windows, spelled)))
    return path.relative_to(run.folder.root).as_posix()


def read(run, first: int, count: int) -> list[Window]:
    """The sequences from number ``first`` of the run on, and what they cost its model as it is now."""
    shard = TokenShard.open(run.folder.root, "train")
    batches = run.examples.batches
    found = []
    for start in range(first, first + count, run.micro_batch):
        size = min(run.micro_batch, first + count - start)
        windows = batches.rows(start, size)
        losses = _losses(run, windows, start)
        for place, ids, costs in zip(batches.starts(start, size).tolist(), windows.tolist(), losses, strict=True):
            found.append(Window(place, ids, costs, _parts(shard, place, len(ids))))
    return found


def _parts(shard: TokenShard, place: int, length: int) -> list[Part]:
    first, last = (int(x) for x in np.searchsorted(shard.doc_starts, [place, place + length - 1], side="right") - 1)
    edges = [int(edge) - place for edge in shard.doc_starts[first + 1 : last + 1]]
    rows = [int(row) for row in shard.doc_ids[first : last + 1]]
    return [Part(*part) for part in zip(rows, [0, *edges], [*edges, length], strict=True)]


@torch.no_grad()
def _losses(run, windows: np.ndarray, first: int) -> list[list[float | None]]:
    """Cross-entropy of each token of windows (B, T + 1), None where it is not asked for.

    An objective that moves tokens about (spans, blanks) has no loss at a token's own place: then its windows share
    their mean loss. Word vectors give no probability to a token at all.
    """
    nothing = [[None] * windows.shape[1] for _ in windows]
    if isinstance(run.model, WordVectors):
        return nothing
    with evaluating(run.reader), own_randomness(run.device):
        batch = {name: part.to(run.device) for name, part in run.examples.asking(windows, first).items()}
        targets = batch.pop("targets")
        logits = run.reader.predictions(**batch).float()
        costs = F.cross_entropy(logits.flatten(0, 1), targets.flatten().clamp(min=0), reduction="none")
    costs, targets = costs.view_as(targets).cpu().double().numpy(), targets.cpu().numpy()
    for shift in (1, 0):  # the next token is asked for, or one that was hidden
        end = min(targets.shape[1], windows.shape[1] - shift)
        asked = targets[:, :end] >= 0
        if not (targets[:, end:] >= 0).any() and (windows[:, shift : shift + end] == targets[:, :end])[asked].all():
            for row, column in zip(*np.nonzero(asked), strict=True):
                nothing[row][column + shift] = float(costs[row, column])
            return nothing
    means = [cost[target >= 0].mean() for cost, target in zip(costs, targets, strict=True)]
    return [[float(mean)] * windows.shape[1] for mean in means]


def offenders(windows: Sequence[Window], own: Sequence[Window], threshold: float) -> list[int]:
    """Rows of the documents that stand out of what surrounds them, the costliest first.

    Args:
        windows: all that is left out.
        own: those of them that the spike's own step was made of; if no document stands out, theirs are the ones.
        threshold: robust deviations of a document's mean loss above the others' median.
    """
    cost = _costs(windows)
    values = np.array([value for value in cost.values() if np.isfinite(value)])
    least = LEAST_LOSS_SPREAD * max(1.0, abs(float(np.median(values)))) if len(values) else 1.0
    score = {row: robust_score(value, values, least) if np.isfinite(value) else np.inf for row, value in cost.items()}
    worst = max((value for value in score.values() if np.isfinite(value)), default=0.0)
    found = [row for row, value in score.items() if value > max(threshold, DRAGGED_ALONG * worst)]
    if not found or len(found) == len(cost):
        found = list(dict.fromkeys(part.row for window in own for part in window.documents))
    return sorted(found, key=lambda row: -_number(cost.get(row, 0.0)))[:MOST_DOCUMENTS]


def _costs(windows: Sequence[Window]) -> dict[int, float]:
    """Mean loss of each document that enough is known of, nats a token."""
    tokens: dict[int, list[float]] = {}
    for window in windows:
        for part in window.documents:
            known = [loss for loss in window.losses[part.start : part.end] if loss is not None]
            tokens.setdefault(part.row, []).extend(known)
    return {row: float(np.mean(costs)) for row, costs in tokens.items() if len(costs) >= FEWEST_TOKENS}


def _number(cost: float) -> float:
    return cost if np.isfinite(cost) else float("inf")
