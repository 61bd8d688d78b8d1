"""The training loop: steps, measurements, checkpoints, and requests from outside."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import LabError
from core.model.sizing import flops_per_token
from core.record.control import Request, StopRequested
from core.record.events import (
    BatchShown,
    CheckpointSaved,
    Continued,
    MicroBatchHalved,
    Noted,
    Paused,
    Progress,
    RateChanged,
    Sampled,
    StoppedEarly,
    Validated,
)
from core.record.lineage import sha256_file
from core.record.metrics import read_metrics
from core.train.checkpoint import TrainState
from core.train.energy import Meter
from core.train.expert_use import ExpertUse
from core.train.gpu_choices import make_update
from core.train.guard import LASTING, Guard, Spike
from core.train.layers import Layers
from core.train.memory_limit import Result, retry_smaller, stop_without_memory
from core.train.plan import Plan
from core.train.precision import Arithmetic
from core.train.reading import write_batch
from core.train.retention import is_spaced
from core.train.rollback import decide_return
from core.train.sample import sample
from core.train.schedules import learning_rate

MOST_FACTOR = 100.0  # by which a person may raise or lower the rate at once
PROGRESS_EVERY_S = (0.5, 5.0)  # at first, and in a run of hours: its log must stay quick to read


class Trainer:
    """Carries a run from where its state stands to its last step.

    Args:
        run: everything prepared by ``core.train.job``: spec, folder, model, optimizer, data, choices.
        meter: what the processor uses meanwhile, if anybody asks.
    """

    def __init__(self, run, state: TrainState, plan: Plan, emit, control, metrics, meter: Meter | None = None) -> None:
        self.run, self.state, self.plan = run, state, plan
        self.steps = plan.steps(state.step, state.wall_s)
        self.emit, self.control, self.metrics = emit, control, metrics
        self.spec, self.model, self.optimizer = run.spec, run.model, run.optimizer
        self.flops_per_token = flops_per_token(self.model.spec).training
        arithmetic = Arithmetic(self.model, run.precision, run.device)
        self.expert_use = ExpertUse(arithmetic.working)
        self.update = (run.team.update(self.expert_use) if run.team
                       else make_update(run, arithmetic, self.expert_use, emit))  # fmt: skip
        self.guard = self._guard()
        every = self.spec.layers_every if self.spec.mesh.world == 1 else 0
        self.layers = Layers(
            self.model, run.folder.path("layers.bin"), every, last_step=state.step, working=arithmetic.working)
        self._said = 0.0
        self._meter = meter
        if meter is not None and meter.before_j is None:  # what a return to a checkpoint undoes was used all the same
            meter.before_j = state.energy_j

    def _guard(self) -> Guard:
        """A guard that knows the steps in metrics.bin."""
        guard = self.spec.guard
        columns, rows = read_metrics(self.metrics.path, max(0, self.metrics.rows - guard.window - LASTING))
        names = [name for name, _ in columns]
        steps = rows[rows[:, names.index("step")] > 0]
        known = [made.spike.step for made in self.run.decisions.returns if made.spike.what == "grad_norm"]
        return Guard(guard, steps[:, [names.index("loss"), names.index("grad_norm")]], known)

    def train(self) -> bool:
        """Run to the last step.

        Returns:
            Whether it got there. If not, it has to be taken up again from a checkpoint before a spike (see rollback).
        Raises:
            StopRequested: after a checkpoint was written, so that the run can be resumed.
        """
        if self.state.step == 0 and not self.metrics.rows:
            self.measure()
            self.metrics.append(step=0, tokens=0, elapsed_s=0, flops=0, **self._measured())
        while self.state.step < self.steps and not self.out_of_patience:
            self.stop_if_told()
            self.answer_requests()
            start = time.perf_counter()
            went_on = self.step()
            self.state.wall_s += time.perf_counter() - start
            if self.spec.budget_s:  # decisions follow from it, which all processes have to come to
                (self.state.wall_s,) = self.run.ranks.agree(self.state.wall_s)
            if not went_on:
                return False
            self.steps = self.plan.steps(self.state.step, self.state.wall_s)
        spike = self.measure() if self.state.val_step != self.state.step else None
        if spike is not None:
            return self.roll_back(spike)
        self.checkpoint()
        if self.out_of_patience:
            self.emit(StoppedEarly(step=self.state.step, best_step=self.state.best_step or self.state.step))
        return True

    @property
    def out_of_patience(self) -> bool:
        """Whether the validation loss got no better for as many measurements as the run waits."""
        return bool(self.spec.patience) and self.state.no_better >= self.spec.patience

    def stop_if_told(self) -> None:
        """Stop after the step that until.json names; the plan stays that of the whole run.

        Raises:
            StopRequested: after a checkpoint.
        """
        until = self.run.folder.until
        if until is not None and self.state.step >= until:
            self.checkpoint()
            raise StopRequested(self.state.step)

    def step(self) -> bool:
        """One update of the weights, its record, and what falls due with it; False = it was a spike, and undone."""
        start = time.perf_counter()
        state, course = self.state, self.run.course
        count = course.size(state.step)
        self._say_decisions()
        loss, grad_norm = self._within_memory(lambda: self._gradients(count))
        spike = None if self.update.overflowed else self.guard.look(state.step + 1, loss, grad_norm)
        if spike is not None:
            return self.roll_back(spike)
        self.layers.take(state.step + 1, grad_norm, 0.0 if self.update.clips_in_step else self.spec.clip)
        rate = learning_rate(self.spec, state.step, self.steps) * self.run.decisions.rate(state.step)
        with stop_without_memory(self.run, state.step):
            self.update.apply(rate, state)
        self.guard.add(loss, grad_norm)
        taken = time.perf_counter() - start
        tokens = count * self.model.spec.context
        state.step += 1
        state.tokens += tokens
        state.elapsed_s += taken
        state.flops += self.flops_per_token * tokens
        due = state.step % self.spec.validate_every == 0 or state.step == self.steps
        if due:
            spike = self.measure()
            if spike is not None:
                return self.roll_back(spike)
        self.metrics.append(
            step=state.step, tokens=state.tokens, elapsed_s=state.elapsed_s, flops=state.flops, loss=loss, lr=rate,
            grad_norm=grad_norm, tokens_per_s=tokens / taken, batch_size=count,
            epoch=self.run.examples.epoch(course.taken(state.step)), **self._energy(),
            **(self._measured() if due else {}))
        spaced = self.spec.retention.spaced and is_spaced(state.step)
        if (state.step % self.spec.checkpoint_every == 0 or spaced) and state.step < self.steps:
            self.checkpoint()
        self._say_progress()
        return True

    def _energy(self) -> dict:
        """What the run has used so far, where a meter tells."""
        used_j = self._meter.joules() if self._meter else None
        if used_j is None:
            return {}
        self.state.energy_j = self._meter.before_j + used_j
        return {"energy_j": self.state.energy_j}

    def _gradients(self, count: int) -> tuple[float, float]:
        """Loss and gradient norm of the next step, on so many sequences."""
        step = self.state.step
        self.layers.begin(step + 1)
        return self.update.gradients(self.run.examples(self.run.course.first(step), count), self.state)

    def _within_memory(self, work: Callable[[], Result]) -> Result:
        return retry_smaller(work, self.run, self.state.step, self.emit, self.update.discard)

    def roll_back(self, spike: Spike) -> bool:
        """Decide to go back to a checkpoint before a spike; always False: the run does not go on from here.

        Raises:
            LabError: it went back as often as it may.
        """
        self.update.discard()
        self.layers.close()
        decide_return(self.run, self.state, spike, self.emit)
        return False

    def _say_decisions(self) -> None:
        """Say what holds from this step on; a run that comes by again says it again."""
        step, decisions = self.state.step, self.run.decisions
        if any(at == step for at, _ in decisions.rates):
            self.emit(RateChanged(step=step + 1, rate=decisions.rate(step)))
        if any(at == step for at, _ in decisions.micro_batches):
            halved = decisions.micro_batch(step, self.run.micro_batch)
            self.emit(MicroBatchHalved(step=step + 1, micro_batch=halved))

    def measure(self) -> Spike | None:
        """Say how the experts were used, and measure on held-out text, if there is any.

        Returns:
            A spike, if the weights give no number any more.
        """
        used = self.expert_use.take(self.state.step)
        if used is not None:
            self.emit(used)
        if not len(self.run.held_out):
            return None
        state = self.state
        state.val_loss, state.val_bits_per_byte = self._within_memory(self.run.validate)
        spike = self.guard.check_measured(state.step, state.val_loss)
        if spike is not None:
            return spike
        state.val_step = state.step
        better = state.least_loss is None or state.val_loss < state.least_loss
        state.least_loss, state.no_better = (state.val_loss, 0) if better else (state.least_loss, state.no_better + 1)
        self.emit(Validated(
            step=state.step, loss=state.val_loss, bits_per_byte=state.val_bits_per_byte, elapsed_s=state.elapsed_s))
        if self.run.average is not None:
            with self.run.average.shown(self.model):
                state.val_loss_ema, _ = self.run.validate()
        return None

    def _measured(self) -> dict:
        found = {"val_loss": self.state.val_loss, "val_bits_per_byte": self.state.val_bits_per_byte,
                 "val_loss_ema": self.state.val_loss_ema}  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def checkpoint(self) -> None:
        """Save everything, then let the model say something."""
        self.metrics.sync()
        self.layers.sync()
        path, dropped = self.run.save(self.state)
        if self.run.ranks.first:
            self._say_saved(path, dropped)
        if self.spec.sample_tokens:
            self.sample(self.spec.sample_prompt, requested=False)

    def _say_saved(self, path: Path, dropped: list[int]) -> None:
        size = sum(file.stat().st_size for file in path.iterdir())
        self.emit(CheckpointSaved(
            step=self.state.step, path=path.relative_to(self.run.folder.root).as_posix(), bytes=size, dropped=dropped,
            sha256={file.name: sha256_file(file) for file in sorted(path.glob("*.safetensors"))},
            val_loss=self.state.val_loss if self.state.val_step == self.state.step else None))

    def sample(self, prompt: str, requested: bool, tokens: int = 0, temperature: float = 0.8) -> None:
        """Let the model continue a prompt; it has a random generator of its own, so looking changes nothing."""
        text = sample(
            self.run.reader, self.run.tokenizer, prompt, tokens or self.spec.sample_tokens or 64, temperature,
            seed=self.state.step, writer=self.run.team.writer() if self.run.team else None)
        self.emit(Sampled(step=self.state.step, prompt=prompt, text=text, requested=requested))

    def answer_requests(self) -> None:
        """Do what was asked since the last step; wait while paused."""
        self._answer(self.control.poll())
        if self.control.paused and not self.control.stop_requested:
            self.emit(Paused(step=self.state.step))
            while self.control.paused and not self.control.stop_requested:
                time.sleep(0.05)
                self._answer(self.control.poll())
            if not self.control.stop_requested:
                self.emit(Continued(step=self.state.step))
        if self.control.stop_requested:
            self.checkpoint()
            raise StopRequested(self.state.step)

    def _answer(self, requests: list[Request]) -> None:
        for request in requests:
            if request.name == "checkpoint":
                self.checkpoint()
            elif request.name == "sample":
                self._answer_sample(request.args)
            elif request.name == "rate":
                self._change_rate(request.args)
            elif request.name == "batch":
                self._show_batch()

    def _answer_sample(self, args: dict) -> None:
        """A sample that cannot be drawn (a prompt too long, say) is a remark, not the end of the run."""
        try:
            self.sample(
                str(args.get("prompt", self.spec.sample_prompt)), requested=True, tokens=int(args.get("tokens", 0)),
                temperature=float(args.get("temperature", 0.8)))
        except (LabError, TypeError, ValueError, RuntimeError) as error:
            self.emit(Noted(text="The sample could not be drawn: {error}", values={"error": str(error)}))

    def _change_rate(self, args: dict) -> None:
        """Multiply the rate from the next step on; what is no sensible factor is a remark, not the end of the run."""
        try:
            factor = float(args["factor"])
        except (KeyError, TypeError, ValueError):
            factor = math.nan
        if not 1 / MOST_FACTOR <= factor <= MOST_FACTOR:
            self.emit(Noted(
                text="The learning rate was not changed: {factor} is no number between {least} and {most}.",
                values={"factor": str(args.get("factor")), "least": 1 / MOST_FACTOR, "most": MOST_FACTOR}))
            return
        self.run.decisions.change_rate(self.state.step, factor)

    def _show_batch(self) -> None:
        """Write down what the next step is trained on."""
        step, course = self.state.step, self.run.course
        if step < self.steps:
            path = write_batch(self.run, step + 1, course.first(step), course.size(step))
            self.emit(BatchShown(step=step + 1, path=path))

    def _say_progress(self) -> None:
        now = time.monotonic()
        least, most = PROGRESS_EVERY_S
        if now - self._said >= min(most, max(least, self.state.elapsed_s / 600)) or self.state.step == self.steps:
            self._said = now
            self.emit(Progress(done=self.state.step, total=self.steps, unit="steps"))
