"""What can happen in a job, as one typed union; a job's log is a list of these."""

from typing import Union

import msgspec


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=lambda name: _snake(name)):
    """Base of all events; the log adds version, sequence number and time."""


class Started(Event):
    """A worker took the folder; ``attempt`` counts from 1."""

    pid: int
    attempt: int
    host: str = ""
    versions: dict[str, str] = {}


class Phase(Event):
    """A new part of the work began; ``name`` is a short plain template."""

    name: str


class Progress(Event):
    """How far the present phase is."""

    done: float
    total: float
    unit: str = ""
    stage: str = ""


class FileSkipped(Event):
    """An input file could not be read and was left out."""

    path: str
    problem: str
    remedy: str = ""
    values: dict = {}


class Funnel(Event):
    """Documents so far: read, kept, and rejected by rule."""

    documents_read: int
    documents_kept: int
    bytes_read: int
    bytes_kept: int
    rejected: dict[str, int] = {}


class Chosen(Event):
    """Something was decided by measuring on this machine; also written to choices.json."""

    what: str
    value: str
    why: str = ""
    timings: dict[str, float] = {}


class Validated(Event):
    """Loss on held-out text, nats a token, and its code length in bits a byte (None = it has none: word vectors)."""

    step: int
    loss: float
    bits_per_byte: float | None = None
    elapsed_s: float = 0.0


class ExpertsUsed(Event):
    """How many tokens each expert was given since the last such event: ``use`` has one list a sparse block, in order.

    ``dropped`` counts the choices of a block that found their expert full.
    """

    step: int
    use: list[list[int]]
    dropped: list[int]


class CheckpointSaved(Event):
    """A complete checkpoint stands in the folder; ``dropped`` names the steps whose checkpoints made room.

    ``sha256`` has the digest of each file of tensors, which outlasts them: a replay is compared with it.
    """

    step: int
    path: str
    sha256: dict[str, str] = {}
    val_loss: float | None = None
    bytes: int = 0
    dropped: list[int] = []


class Sampled(Event):
    """Text that the model wrote; ``requested`` when a person asked for it."""

    step: int
    prompt: str
    text: str
    requested: bool = False


class Resumed(Event):
    """Work goes on from a checkpoint (or anew, from 0); whatever was logged after that step is undone."""

    from_step: int


class SpikeFound(Event):
    """The loss or its gradient jumped at a step, by so many robust deviations (None: it was no number).

    ``documents`` are rows of the corpus that the offending batches were cut from, the worst first.
    """

    step: int
    what: str  # "loss" or "grad_norm"
    value: float | None
    usual: float | None  # None: there was no step before
    score: float | None = None
    documents: list[int] = []


class RolledBack(Event):
    """The run went back to a checkpoint; what was logged after it is undone. From ``skip_at`` on, data is left out."""

    from_step: int
    to_step: int
    skip_at: int
    sequences: int  # that are left out there
    rate: float = 1.0  # what the learning rate is multiplied by from now on


class RateChanged(Event):
    """From this step on the learning rate is the schedule's times ``rate``."""

    step: int
    rate: float
    why: str = ""


class MicroBatchHalved(Event):
    """Memory did not suffice at this step; from it on fewer sequences are computed at once."""

    step: int
    micro_batch: int


class StoppedEarly(Event):
    """The validation loss got no better for as long as patience allows; the run ends here."""

    step: int
    best_step: int


class BatchShown(Event):
    """What a step was trained on stands in a file of the folder."""

    step: int
    path: str


class Paused(Event):
    """The worker waits."""

    step: int = 0


class Continued(Event):
    """The worker works again."""

    step: int = 0


class Acknowledged(Event):
    """A request in control/ was seen; ``ignored`` when it came too late to matter."""

    request: str
    id: str
    ignored: bool = False


class ChildStarted(Event):
    """A job of several stages began one of them as a job of its own."""

    kind: str
    name: str
    folder: str


class ChildEnded(Event):
    """That stage ended."""

    kind: str
    name: str
    state: str


class Twin(Event):
    """How one training of an experiment stands: one arm with one seed, a job in ``folder`` below the experiment's."""

    arm: str
    seed: int
    state: str
    done: float
    total: float
    bits_per_byte: float | None = None
    folder: str = ""


class TrialChanged(Event):
    """How one run of a sweep stands: a trial (a choice of values, counted from 1) with one of its seeds.

    ``best_loss`` and ``bits_per_byte`` are those of its best measurement so far, made after ``best_step`` steps.
    """

    run: str
    trial: int
    seed: int
    state: str
    done: float = 0.0
    best_loss: float | None = None
    best_step: int | None = None
    bits_per_byte: float | None = None
    elapsed_s: float = 0.0
    energy_j: float | None = None


class RungEnded(Event):
    """After so many steps the best trials of a sweep go on, and the others are left where they stand."""

    step: int
    kept: list[int]
    fell: list[int]


class Exported(Event):
    """A file was written; ``note`` is a template over ``values``."""

    format: str
    file: str
    bytes: int
    note: str = ""
    values: dict = {}


class Verified(Event):
    """A file was loaded in its own runtime and compared with the trained model."""

    format: str
    file: str
    bytes: int
    max_logit_difference: float | None = None
    top1_agreement: float | None = None
    perplexity: float | None = None
    tokens_per_s: float | None = None
    verdict: str = ""
    values: dict = {}
    within: bool = False


class Noted(Event):
    """A plain sentence worth keeping; a template over ``values``."""

    text: str
    values: dict = {}


class Completed(Event):
    """The work is done."""

    result: dict = {}


class Stopped(Event):
    """The work was stopped on request and can be resumed."""

    step: int = 0


class Failed(Event):
    """The work could not go on; the four parts of a LabError, and the traceback for experts."""

    problem: str
    where: str = ""
    remedy: str = ""
    values: dict = {}
    details: str = ""


TERMINAL = (Completed, Stopped, Failed)
AnyEvent = Union[
    Started, Phase, Progress, FileSkipped, Funnel, Chosen, Validated, ExpertsUsed, CheckpointSaved, Sampled, Resumed,
    SpikeFound, RolledBack, RateChanged, MicroBatchHalved, StoppedEarly, BatchShown, Paused, Continued, Acknowledged,
    ChildStarted, ChildEnded, Twin, TrialChanged, RungEnded, Exported, Verified, Noted, Completed, Stopped, Failed,
]  # fmt: skip
