"""The training loop: steps, measurements, checkpoints, and requests from outside."""

import time

from core.errors import LabError
from core.model.sizing import flops_per_token
from core.record.control import Request, StopRequested
from core.record.events import CheckpointSaved, Continued, Noted, Paused, Progress, Sampled, StoppedEarly, Validated
from core.record.lineage import sha256_file
from core.train.checkpoint import TrainState, save_checkpoint
from core.train.expert_use import ExpertUse
from core.train.guard import Guard
from core.train.layers import Layers
from core.train.plan import Plan
from core.train.retention import is_spaced
from core.train.sample import sample
from core.train.schedules import learning_rate
from core.train.update import Update

PROGRESS_EVERY_S = (0.5, 5.0)  # at first, and in a run of hours: its log must stay quick to read


class Trainer:
    """Carries a run from where its state stands to its last step.

    Args:
        run: everything prepared by ``core.train.job``: spec, folder, model, optimizer, data, choices.
    """

    def __init__(self, run, state: TrainState, plan: Plan, emit, control, metrics) -> None:
        self.run, self.state, self.plan = run, state, plan
        self.steps = plan.steps(state.step, state.wall_s)
        self.emit, self.control, self.metrics = emit, control, metrics
        self.spec, self.model, self.optimizer = run.spec, run.model, run.optimizer
        self.flops_per_token = flops_per_token(self.model.spec).training
        self.expert_use = ExpertUse(self.model)
        self.update, self.guard = Update(run, self.expert_use), Guard(run)
        every = self.spec.layers_every if self.spec.mesh.world == 1 else 0
        self.layers = Layers(self.model, run.folder.path("layers.bin"), every, last_step=state.step)
        self._said = 0.0

    def train(self) -> None:
        """Run to the last step.

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
            self.step()
            self.state.wall_s += time.perf_counter() - start
            self.steps = self.plan.steps(self.state.step, self.state.wall_s)
        if self.state.val_step != self.state.step:
            self.measure()
        self.checkpoint()
        if self.out_of_patience:
            self.emit(StoppedEarly(step=self.state.step, best_step=self.state.best_step or self.state.step))

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

    def step(self) -> None:
        """One update of the weights, its record, and what falls due with it."""
        start = time.perf_counter()
        state, course = self.state, self.run.course
        count = course.size(state.step)
        self.layers.begin(state.step + 1)
        loss, grad_norm = self.update.gradients(self.run.examples(course.first(state.step), count))
        self.guard.look(state.step + 1, loss, grad_norm)
        self.layers.take(state.step + 1, grad_norm, self.spec.clip)
        rate = learning_rate(self.spec, state.step, self.steps)
        self.update.apply(rate)
        taken = time.perf_counter() - start
        tokens = count * self.model.spec.context
        state.step += 1
        state.tokens += tokens
        state.elapsed_s += taken
        state.flops += self.flops_per_token * tokens
        due = state.step % self.spec.validate_every == 0 or state.step == self.steps
        if due:
            self.measure()
        self.metrics.append(
            step=state.step, tokens=state.tokens, elapsed_s=state.elapsed_s, flops=state.flops, loss=loss, lr=rate,
            grad_norm=grad_norm, tokens_per_s=tokens / taken, batch_size=count,
            epoch=self.run.examples.epoch(course.taken(state.step)), **(self._measured() if due else {}))
        spaced = self.spec.retention.spaced and is_spaced(state.step)
        if (state.step % self.spec.checkpoint_every == 0 or spaced) and state.step < self.steps:
            self.checkpoint()
        self._say_progress()

    def measure(self) -> None:
        """Say how the experts were used, and measure on held-out text, if there is any."""
        used = self.expert_use.take(self.state.step)
        if used is not None:
            self.emit(used)
        if not len(self.run.held_out):
            return
        state = self.state
        state.val_loss, state.val_bits_per_byte = self.run.validate()
        self.guard.require_numbers(state.step, state.val_loss)
        state.val_step = state.step
        better = state.least_loss is None or state.val_loss < state.least_loss
        state.least_loss, state.no_better = (state.val_loss, 0) if better else (state.least_loss, state.no_better + 1)
        self.emit(Validated(
            step=state.step, loss=state.val_loss, bits_per_byte=state.val_bits_per_byte, elapsed_s=state.elapsed_s))

    def _measured(self) -> dict:
        found = {"val_loss": self.state.val_loss, "val_bits_per_byte": self.state.val_bits_per_byte}
        return {name: value for name, value in found.items() if value is not None}

    def checkpoint(self) -> None:
        """Save everything, then let the model say something."""
        self.metrics.sync()
        self.layers.sync()
        path, dropped = save_checkpoint(
            self.run.folder.root, self.model, self.optimizer, self.state, self.spec.keep_checkpoints,
            self.spec.retention)
        size = sum(file.stat().st_size for file in path.iterdir())
        self.emit(CheckpointSaved(
            step=self.state.step, path=path.relative_to(self.run.folder.root).as_posix(), bytes=size, dropped=dropped,
            sha256={file.name: sha256_file(file) for file in sorted(path.glob("*.safetensors"))},
            val_loss=self.state.val_loss if self.state.val_step == self.state.step else None))
        if self.spec.sample_tokens:
            self.sample(self.spec.sample_prompt, requested=False)

    def sample(self, prompt: str, requested: bool, tokens: int = 0, temperature: float = 0.8) -> None:
        """Let the model continue a prompt; it has a random generator of its own, so looking changes nothing."""
        text = sample(
            self.model, self.run.tokenizer, prompt, tokens or self.spec.sample_tokens or 64, temperature,
            seed=self.state.step)
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

    def _answer_sample(self, args: dict) -> None:
        """A sample that cannot be drawn (a prompt too long, say) is a remark, not the end of the run."""
        try:
            self.sample(
                str(args.get("prompt", self.spec.sample_prompt)), requested=True, tokens=int(args.get("tokens", 0)),
                temperature=float(args.get("temperature", 0.8)))
        except (LabError, TypeError, ValueError, RuntimeError) as error:
            self.emit(Noted(text="The sample could not be drawn: {error}", values={"error": str(error)}))

    def _say_progress(self) -> None:
        now = time.monotonic()
        least, most = PROGRESS_EVERY_S
        if now - self._said >= min(most, max(least, self.state.elapsed_s / 600)) or self.state.step == self.steps:
            self._said = now
            self.emit(Progress(done=self.state.step, total=self.steps, unit="steps"))
