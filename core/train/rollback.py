"""The return to a checkpoint before a spike.

A return takes the road of a resume: what is left out is decided and written down, then the run is taken up again as
if its process had ended there, except that no checkpoint after the first step left out counts any more. So a kill at
any moment of a return, and one long after it, come to the same weights as a run that nothing befell.

Source: Chowdhery et al. 2022, PaLM, arXiv:2204.02311, section 5.1: a checkpoint before the spike, and the batches
around it skipped.
"""

from core.errors import LabError
from core.record.events import Noted, RolledBack, SpikeFound
from core.record.log import read_events
from core.train.checkpoint import TrainState
from core.train.guard import Spike
from core.train.reading import offenders, read


def decide_return(run, state: TrainState, spike: Spike, emit) -> None:
    """Write down where the run goes back to and what it leaves out from there.

    Raises:
        LabError: it went back as often as it may.
    """
    spec, course, done = run.spec.guard, run.course, run.decisions.returns
    if len(done) >= spec.most:
        raise LabError(
            "The loss jumped at step {step}, and the run has gone back {count} times already.", run.folder.name,
            "Read the documents named at each spike. If they are sound, start a new run with a lower learning rate or "
            "a longer warm-up; if not, clean the corpus of them. The checkpoints before this step are intact.",
            step=spike.step, count=len(done))
    first = max(0, spike.step - 1 - spec.skip_before)
    last = spike.until - 1 + spec.skip_after
    found = SpikeFound(
        step=spike.step, what=spike.what, value=spike.value, usual=spike.usual, score=spike.score,
        documents=_documents(run, first, last, spike))
    run.decisions.go_back(found, course, first, last, state.step, spec.lower_rate, state.wall_s)
    _tell(run, emit, None)


def take_up(run, emit) -> TrainState | None:
    """Restore the newest checkpoint that counts; ends a return that is under way.

    Returns:
        Where the run stands; None = there is no checkpoint that can be read: it begins anew.
    """
    decisions = run.decisions
    state = run.restore(lambda path, error: emit(Noted(
        text="The checkpoint {name} could not be read and was dropped: {error}",
        values={"name": path.name, "error": str(error)})), decisions.going_back)
    if decisions.going_back is not None:
        _tell(run, emit, state.step if state else 0)
        decisions.arrived()
    if state and decisions.returns:
        state.wall_s = max(state.wall_s, decisions.returns[-1].wall_s)
    return state


def _documents(run, first: int, last: int, spike: Spike) -> list[int]:
    """Rows of the documents that the spike's batches were cut from, by what they cost the model before it."""
    windows = {step: read(run, run.course.first(step), run.course.size(step)) for step in range(first, last + 1)}
    own = [window for step in range(spike.step - 1, spike.until) for window in windows[step]]
    return offenders([window for part in windows.values() for window in part], own, run.spec.guard.threshold)


def _tell(run, emit, to_step: int | None) -> None:
    """Say what the log does not have yet of the last return; a kill may have come between decision and word.

    Args:
        to_step: the step that the run has gone back to; None = it is not there yet.
    """
    records, _ = read_events(run.folder.path("events.jsonl"))
    told = [sum(isinstance(r.event, kind) for r in records) for kind in (SpikeFound, RolledBack)]
    number, last = len(run.decisions.returns), run.decisions.returns[-1]
    if told[0] < number:
        emit(last.spike)
    if to_step is not None and told[1] < number:
        emit(RolledBack(
            from_step=last.from_step, to_step=to_step, skip_at=last.skip_at, sequences=last.sequences, rate=last.rate))
