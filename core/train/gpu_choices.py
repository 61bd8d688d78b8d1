"""What is measured on a GPU beside the arithmetic: whose rounds Muon makes, and whether steps are replayed."""

import time
from collections.abc import Callable
from statistics import median

import torch

from core.kernels import ops
from core.record.events import Chosen, Noted
from core.train.checkpoint import TrainState
from core.train.expert_use import ExpertUse
from core.train.graphs import GraphedUpdate, fits
from core.train.optimizers.muon import Muon, orthogonal
from core.train.precision import Arithmetic
from core.train.update import Update

ROUNDS = 5
MOST_MATRICES = 16  # of one shape, that Muon's rounds are timed on


def choose_for_gpu(run, batch: dict, emit) -> None:
    """Decide both once, write them to choices.json, and set the run up so; nothing on a processor or a mesh.

    Args:
        run: prepared, its precision and kernels settled.
        batch: the micro-batch of the first step.
    """
    if run.device != "cuda" or run.spec.mesh.world > 1 or run.spec.kernels == "torch":
        return
    choices = run.folder.read_choices()
    if "cuda_graph" not in choices:
        choices |= _muon(run.optimizer) | _graph(run, batch)
        run.folder.write_choices(choices)
    if "muon" in choices:
        run.optimizer.path = choices["muon"]
        emit(Chosen(what="Muon", value=choices["muon"], why="The faster of the two on this machine.",
                    timings=choices["muon_s"]))  # fmt: skip
    run.graphed = choices["cuda_graph"]
    if choices["cuda_graph_why"] and choices["cuda_graph_s"]:
        emit(Noted(text="The step is not replayed as a CUDA graph: {reason}",
                   values={"reason": choices["cuda_graph_why"]}))  # fmt: skip
    elif choices["cuda_graph_s"]:
        emit(Chosen(what="CUDA graph", value="on" if run.graphed else "off",
                    why="The faster of the two on this machine.", timings=choices["cuda_graph_s"]))  # fmt: skip


def make_update(run, arithmetic: Arithmetic, expert_use: ExpertUse, emit) -> Update:
    """How this run changes its weights."""
    if run.graphed:
        return GraphedUpdate(run, arithmetic, expert_use, emit)
    return Update(run, arithmetic, expert_use)


def _muon(optimizer: torch.optim.Optimizer) -> dict:
    """Whose Newton-Schulz rounds, timed on the commonest shape of matrix."""
    if not isinstance(optimizer, Muon) or not optimizer.turned or not ops.available()["triton"]:
        return {}
    shapes = [tuple(p.shape) for p in optimizer.turned[0]["params"]]
    shape = max(set(shapes), key=shapes.count)
    stand = torch.randn(min(shapes.count(shape), MOST_MATRICES), *shape, device="cuda")
    timings = race({path: lambda path=path: orthogonal(stand, path) for path in ("torch", "ours")})
    return {"muon": min(timings, key=timings.get), "muon_s": timings}


def _graph(run, batch: dict) -> dict:
    """Whether gradients come faster from a graph; why not, if it cannot be made."""
    if not fits(run.model, run.optimizer, run.precision):
        return {"cuda_graph": False, "cuda_graph_s": {},
                "cuda_graph_why": "this design, precision or optimizer does not do the same at each step"}  # fmt: skip
    said: list[str] = []
    arithmetic = Arithmetic(run.model, run.precision, run.device)
    use, state = ExpertUse(arithmetic.working), TrainState()
    graphed = GraphedUpdate(run, arithmetic, use, lambda event: said.append(event.values["reason"]))
    updates = {"off": Update(run, arithmetic, use), "on": graphed}

    def gradients(update: Update) -> None:
        update.gradients(batch, state)
        update.discard()

    timings = race({name: lambda update=update: gradients(update) for name, update in updates.items()}, warm=2)
    return {"cuda_graph": not said and timings["on"] < timings["off"], "cuda_graph_s": timings,
            "cuda_graph_why": said[0] if said else ""}  # fmt: skip


def race(work: dict[str, Callable[[], object]], warm: int = 1) -> dict[str, float]:
    """Median seconds of each, taken in turn, waiting for the GPU each time."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(warm + ROUNDS):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: median(taken[warm:]) for name, taken in times.items()}
