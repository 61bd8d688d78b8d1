"""What a design costs, by cause: parameters, work, memory, how much to read, and time on this machine."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.state.growth import Probe
from app.state.jobs import Job
from app.state.measured import figures, note
from app.translations import translate
from app.views.bar_rows import BarRows
from app.words import bytes_text, count_text, duration_text, percent_text
from core.errors import LabError, join_sentences
from core.model.compute_optimal import LAWS, counted
from core.model.sizing import (
    ASSUMED_WATTS,
    active_parameters,
    flops_per_token,
    inference_memory,
    parameters,
    training_memory,
)
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Button, Text

SEQUENCES = 16


class CostColumn(QWidget):
    """Cards of figures that follow the spec; each is exact, or says that it is an estimate."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec: ModelSpec | None = None
        self.speed: dict = {}  # what the probe measured of this very design
        self.parts = BarRows(self.tr("Parameters"))
        self.work = BarRows(self.tr("Work per token"))
        self.training = BarRows(self.tr("Memory to train"))
        self.answering = BarRows(self.tr("Memory to answer"))
        self.reading = BarRows(self.tr("How much to read"))
        self.time = BarRows(self.tr("Time and energy"))
        self.trained = BarRows(self.tr("When it was trained"))
        self.length = QSpinBox()
        self.length.setRange(1, 1 << 20)
        self.length.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.length.setAccessibleName(self.tr("Length of the text in the cache"))
        self.length.valueChanged.connect(lambda _: self._show_answering())
        self.measure = Button(self.tr("Measure here (3 s)"), icon="clock")
        self.probe = Probe(self)
        self.measure.clicked.connect(self._measure)
        self.probe.measured.connect(self._measured)
        self.probe.failed.connect(self._failed)
        self._arrange()

    def set_spec(self, spec: ModelSpec) -> None:
        """Show what this design costs."""
        if spec == self.spec:
            return
        self.spec, self.speed = spec, {}
        self.length.blockSignals(True)
        self.length.setValue(spec.context)
        self.length.blockSignals(False)
        self._show_parts()
        self._show_work()
        self._show_training()
        self._show_answering()
        self._show_reading()
        self._show_time()

    def set_run(self, job: Job | None) -> None:
        """The newest finished run of this very design: what was estimated, what was measured; None = there is none."""
        self.trained.setVisible(job is not None)
        if job is None:
            return
        estimates, result = job.folder.read_choices().get("estimates", {}), job.view.result
        rows = [(figure.name, " → ".join(filter(None, (figure.expected, figure.measured)))
                 + (f"  {figure.error}" if figure.error else ""), None) for figure in figures(estimates, result)]
        said = self.tr("{name}: estimated → measured, and the error of the estimate.").format(name=job.name)
        self.trained.set_rows(rows, "", join_sentences(said, note(estimates, result, job.view.state)))

    def _show_parts(self) -> None:
        parts = dict(parameters(self.spec))
        total = parts.pop("total")
        rows = []
        for key, n in parts.items():
            percent = percent_text(n / total, 1 if n < 0.01 * total else 0) if n else ""
            rows += [(part_word(key), f"{count_text(n)} · {percent}", n / total)] if n else []
        active = active_parameters(self.spec) if self.spec.family == "transformer" else total
        note = self.tr("exactly {count}").format(count=f"{total:,}")
        if active != total:
            note += self.tr("; {count} of them for one token").format(count=count_text(active))
        if not total:
            note = self.tr("It counts instead of learning: its size follows from the corpus.")
        self.parts.set_rows(rows, count_text(total), note)

    def _show_work(self) -> None:
        flops = flops_per_token(self.spec)
        whole = flops.training or 1
        rows = [(self.tr("Forward, matrices"), flops.matrices), (self.tr("Forward, attention"), flops.attention),
                (self.tr("Backward"), flops.training - flops.forward)]  # fmt: skip
        note = "" if flops.forward else self.tr("Look-ups and sums: its work is not counted in FLOP.")
        self.work.set_rows([(name, count_text(n), n / whole) for name, n in rows if n],
                           f"{count_text(flops.training)} FLOP" if flops.forward else "–", note)  # fmt: skip

    def _show_training(self) -> None:
        if self.spec.family == "ngram":
            self.training.set_rows([], "–", self.tr("Counts need memory as the corpus has different runs of words."))
            self.answering.set_rows([], "–", self.parts.note.text())
            return
        found = dict(training_memory(self.spec, SEQUENCES))
        total = found.pop("total")
        words = {"weights": self.tr("Weights"), "gradients": self.tr("Gradients"), "optimizer": self.tr("Optimizer"),
                 "activations": self.tr("Activations"), "logits": self.tr("Logits")}  # fmt: skip
        self.training.set_rows([(words[key], bytes_text(n), n / total) for key, n in found.items() if n],
                               bytes_text(total), self.tr("An estimate for {count} sequences at once, fp32.").format(
                                   count=SEQUENCES))  # fmt: skip

    def _show_answering(self) -> None:
        if self.spec is None or self.spec.family == "ngram":
            self._at_length.hide()
            return
        found = inference_memory(self.spec, self.length.value())
        cached = self.spec.family == "transformer" and self.spec.writes
        cache = found["kv_cache"] if cached else 0
        total = found["weights"] + cache
        rows = [(self.tr("Weights"), bytes_text(found["weights"]), found["weights"] / total if total else 0)]
        if cached:
            words = self.tr("KV cache at {count} tokens").format(count=f"{self.length.value():,}")
            rows.append((words, bytes_text(cache), cache / total))
        self._at_length.setVisible(cached)
        self.answering.set_rows(rows, bytes_text(total))

    def _show_reading(self) -> None:
        """Compute-optimal tokens by three laws, none of which was fitted on models as small as most here."""
        rows, outside = [], []
        for law in LAWS:
            n = counted(law, self.spec)
            if n <= 0 or not flops_per_token(self.spec).forward:
                continue
            fitted = f"{count_text(law.least)}–{count_text(law.most)}"
            rows.append((f"{law.name} · {fitted}", count_text(law.tokens(n)), None))
            if not law.fitted(n):
                outside.append(law.name)
        note = self.tr("Tokens at which this size is the best use of its compute; beside each law, the sizes it was "
                       "fitted on.")  # fmt: skip
        if outside:
            note = join_sentences(note, self.tr(
                "Out of range for this design: {names}. Fit your own runs instead.").format(names=", ".join(outside)))
        if not rows:
            note = self.tr("No law was fitted on designs of this kind.")
        self.reading.set_rows(rows, "", note)

    def _show_time(self) -> None:
        speed = self.speed.get("tokens_per_s")
        self.measure.setEnabled(not self.probe.busy and self.spec is not None and self.spec.family != "ngram")
        if self.probe.busy:
            self.time.set_rows([], "", self.tr("Training it for three seconds …"))
            return
        if not speed:
            self.time.set_rows([], "", self.tr("Nothing is measured of this design yet."))
            return
        tokens = 20 * parameters(self.spec)["total"]
        seconds = tokens / speed
        watts = self.speed.get("watts") or ASSUMED_WATTS
        rows = [(self.tr("Speed"), self.tr("{count} tokens/s").format(count=count_text(speed)), None)]
        if self.speed["flops_per_s"]:
            rows.append((self.tr("Arithmetic"), f"{count_text(self.speed['flops_per_s'])} FLOP/s", None))
        rows += [(self.tr("20 tokens a parameter"), duration_text(seconds), None),
                 (self.tr("Energy for that"), f"{watts * seconds / 3.6e6:.3g} kWh", None)]  # fmt: skip
        if self.speed.get("watts"):
            power = self.tr("The processor's meter said {watts} W.").format(watts=f"{watts:.0f}")
        else:
            power = self.tr("No meter can be read: {watts} W are assumed.").format(watts=ASSUMED_WATTS)
        self.time.set_rows(rows, "", join_sentences(self.tr("Estimates from three seconds on this machine."), power))

    def _measure(self) -> None:
        if self.spec is not None:
            self.probe.run(self.spec)
            self._show_time()

    def _measured(self, answer: dict) -> None:
        self.speed = answer
        self._show_time()

    def _failed(self, error: LabError) -> None:
        self._show_time()
        self.time.set_rows([], "", error.sentence(translate))

    def _arrange(self) -> None:
        self._at_length = QWidget()
        row = QHBoxLayout(self._at_length)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Text(self.tr("at a length of"), "caption", wrap=False))
        row.addWidget(self.length, 1)
        self.answering.body.addWidget(self._at_length)
        self.time.body.addWidget(self.measure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, theme.space(1), 0)
        column.setSpacing(theme.space(1))
        self.trained.hide()
        for card in (self.trained, self.parts, self.work, self.training, self.answering, self.reading, self.time):
            column.addWidget(card)
        column.addStretch(1)


def part_word(key: str) -> str:
    """A part of a model in the user's language."""
    say = QCoreApplication.translate
    words = {
        "embedding": say("sizing", "Embedding"), "positions": say("sizing", "Positions"),
        "attention": say("sizing", "Attention"), "feed_forward": say("sizing", "Feed-forward"),
        "norms": say("sizing", "Norms"), "head": say("sizing", "Output head"),
        "recurrent": say("sizing", "Recurrent layers"), "subwords": say("sizing", "Character n-grams"),
        "generator": say("sizing", "Generator"),
    }  # fmt: skip
    return words.get(key, key)
