"""From text to a shipped model: the stages of the whole way, each a job of its own, one after the other.

The stages live in their own folders under the same name, so each can be looked at, reused and
resumed alone. Resuming the whole skips what is done and takes up what was cut off.
"""

import time

import msgspec

from core.jobs.crew import Child, begin, outcome
from core.record.control import StopRequested, request
from core.record.events import ChildEnded, ChildStarted, Continued, Paused, Phase, Progress
from core.record.folder import ROOMS, JobFolder
from core.record.view import JobView, read_view
from core.spec.grow import GrowSpec

LOOK_EVERY_S = 0.2
STAGES = {
    "corpus": "Cleaning the corpus", "tokenizer": "Training the tokenizer", "train": "Training the model",
    "index": "Indexing the training text", "export": "Exporting and verifying",
}  # fmt: skip


def run(spec: GrowSpec, folder: JobFolder, emit, control) -> dict:
    """Run every stage to its end; the result holds the result of each, by kind of job."""
    results = {}
    started = time.monotonic()
    for number, (stage, data) in enumerate(stages(spec, folder.name).items()):
        control.check()  # asked while the stage before was at its end
        emit(Phase(name=STAGES[stage]))
        emit(Progress(done=number, total=len(STAGES), unit="stages"))
        child = begin(folder.workspace, Child(stage, folder.name, data))
        emit(ChildStarted(kind=stage, name=child.name, folder=f"{ROOMS[stage]}/{child.name}"))
        view = _follow(child, emit, control)
        emit(ChildEnded(kind=stage, name=child.name, state=view.state))
        results[stage] = outcome(view)
    emit(Progress(done=len(STAGES), total=len(STAGES), unit="stages"))
    return {**results, "elapsed_s": time.monotonic() - started}


def stages(spec: GrowSpec, name: str) -> dict[str, dict]:
    """The request of each stage, as plain data."""
    return {
        "corpus": msgspec.to_builtins(spec.corpus),
        "tokenizer": {"corpus": name, **msgspec.to_builtins(spec.tokenizer)},
        "train": {**spec.train, "corpus": name, "tokenizer": name, "model": msgspec.to_builtins(spec.model)},
        "index": {"run": name},
        "export": {"run": name, "formats": list(spec.formats)},
    }


def _follow(child: JobFolder, emit, control) -> JobView:
    """Wait for a stage's end; what is asked of the whole is passed on to the stage.

    Raises:
        StopRequested: once the stage has stopped too.
    """
    asked_to_stop = paused = False
    while True:
        for item in control.poll():
            if item.name != "stop":
                request(child.root, item.name, **item.args)
        if control.stop_requested and not asked_to_stop:
            asked_to_stop = True
            request(child.root, "stop")
        view = read_view(child.root)
        if not view.live:
            break
        if paused != (view.state == "paused"):  # the whole waits when its stage does, whoever asked for it
            paused = control.paused = not paused
            emit(Paused() if paused else Continued())
        time.sleep(LOOK_EVERY_S)
    if asked_to_stop and view.state != "completed":
        raise StopRequested()
    return view
