"""Timing several ways to compute a step on one model and one batch, so that the fastest can be chosen.

Where a step is slow, fewer of its rows are timed: shapes stay, and choosing stays a matter of seconds.
"""

import time
from statistics import median

import torch

from core.errors import LabError
from core.model.decoder import Decoder
from core.train.precision import Arithmetic

ROUNDS, FEW_ROUNDS = 4, 2  # timed steps of each candidate, taken in turn; where a step is slow
HOPELESS = 2.5  # times the fastest: such a candidate is not timed again
NEAR = 1.25  # times the fastest: between such candidates more rounds decide
SLOW_STEP_S = 0.5  # where the first candidate takes longer, all are timed on fewer rows
LEAST_TOKENS = 1024  # in those rows: with fewer, what is done once a step would count for too much
CLOSE = 0.02  # relative difference of the loss that fewer bits may show

Candidate = tuple[str, tuple]  # a precision, and (part of a step, path) pairs


def race(model: Decoder, batch: dict, device: str, candidates: list[Candidate]) -> dict[Candidate, float]:
    """Median seconds of forward and backward of each candidate, interleaved; unfit ones are left out.

    Args:
        batch: what the model is shown and asked, by name, (B, ...) each.
        candidates: the loss of the first is what those of the others are held against.
    Raises:
        LabError: nothing can be computed in the precision asked for.
    """
    part = _few_rows(model, batch, device, candidates[0])
    slow, share = part is not batch, len(part["targets"]) / len(batch["targets"])
    times: dict[Candidate, list[float]] = {}
    losses: dict[Candidate, float] = {}
    for candidate in _order(candidates):  # the first pass warms up and checks the numbers
        if slow and _hopeless(candidate, times):
            continue
        try:
            times[candidate] = [_time(model, part, device, *candidate, losses)]
        except RuntimeError as error:
            if not _is_refusal(error) or (candidate is candidates[-1] and not losses):
                raise _as_refusal(error, candidate[0]) from error
    reference = losses[next(iter(losses))]
    times = {c: times[c] for c in losses if abs(losses[c] - reference) <= CLOSE * abs(reference)}
    for _ in range(FEW_ROUNDS if slow else ROUNDS):
        best = min(taken[-1] for taken in times.values())
        for candidate, taken in times.items():  # where a step is short, the first pass decides nothing
            if taken[-1] < HOPELESS * best or (len(taken) == 1 and not slow):
                taken.append(_time(model, part, device, *candidate, losses))
    found = {candidate: median(taken[1:] or taken) for candidate, taken in times.items()}
    level = min(found.values())
    near = {candidate: [] for candidate, step_s in found.items() if step_s < NEAR * level}
    for _ in range(ROUNDS if len(near) > 1 else 0):  # among themselves, so that the machine's mood is the same for all
        for candidate, taken in near.items():
            taken.append(_time(model, part, device, *candidate, losses))
    last = {candidate: median(taken) for candidate, taken in near.items() if taken}
    found |= {candidate: step_s * level / min(last.values()) for candidate, step_s in last.items()}  # in the first mood
    model.zero_grad(set_to_none=True)
    return {candidate: step_s / share for candidate, step_s in found.items()}


def _order(candidates: list[Candidate]) -> list[Candidate]:
    """The first of each precision, then the others, of the fewest bits first: most likely the fastest."""
    firsts = list({candidate[0]: candidate for candidate in reversed(candidates)}.values())[::-1]
    return firsts + [c for first in reversed(firsts) for c in candidates if c[0] == first[0] and c != first]


def _hopeless(candidate: Candidate, times: dict[Candidate, list[float]]) -> bool:
    """Whether the first candidate of this precision was so slow that no other of it need be tried."""
    first = next((taken[0] for (precision, _), taken in times.items() if precision == candidate[0]), 0.0)
    return first > HOPELESS * min((taken[0] for taken in times.values()), default=first)


def _few_rows(model: Decoder, batch: dict, device: str, candidate: Candidate) -> dict:
    """The batch, or as many of its rows as a step should take where one of all would be slow."""
    rows = len(batch["targets"])
    least = -(-LEAST_TOKENS * rows // batch["targets"].numel())
    if device == "cuda" or least >= rows:
        return batch
    few = {name: tensor[:least] for name, tensor in batch.items()}
    try:
        row_s = _time(model, few, device, *candidate, {}) / least
    except RuntimeError:  # it is told of where the candidate's turn comes
        return batch
    wanted = max(least, int(SLOW_STEP_S / row_s))
    return batch if 2 * wanted > rows else {name: tensor[:wanted] for name, tensor in batch.items()}


def _is_refusal(error: RuntimeError) -> bool:
    """Whether torch cannot compute something at all in some type; anything else (no memory) is not about the type."""
    return any(word in str(error) for word in ("not implemented for", "could not create a primitive", "dtype"))


def _as_refusal(error: RuntimeError, precision: str) -> Exception:
    if not _is_refusal(error):
        return error
    return LabError(
        "This model cannot be computed in {precision} on this machine ({error}).", "precision",
        "Choose another precision, or auto.", precision=precision, error=str(error).splitlines()[0][:200])


def _time(model: Decoder, batch, device: str, precision: str, paths: tuple, losses: dict) -> float:
    model.use_kernels(dict(paths))
    torch.manual_seed(0)  # all candidates draw the same: dropout, replaced tokens
    arithmetic = Arithmetic(model, precision, device)
    start = time.perf_counter()
    arithmetic.refresh()
    loss = arithmetic.loss(**batch)
    arithmetic.backward(loss)
    losses[(precision, paths)] = float(loss.detach())
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - start
