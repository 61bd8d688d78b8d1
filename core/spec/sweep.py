"""Many runs that differ in a few fields: which fields, which values, how often each, and which of them go on."""

import difflib
import functools
import itertools
import math
import random
import re
import typing
from typing import Annotated, Any, Literal

import msgspec

from core.errors import LabError
from core.spec.base import Field, Spec, about, build, fields
from core.spec.train import TrainSpec

RANDOM = "Bergstra & Bengio 2012, Random Search, JMLR 13"
HALVING = "Jamieson & Talwalkar 2016, arXiv:1502.07943; Li et al. 2018, Hyperband, arXiv:1603.06560"
MOST = 2000  # trials
DRAWS_A_TRIAL = 50  # random values that may be drawn in vain for one trial that can be
# Varied fields with which a loss per token compares nothing.
APART = ("tokenizer", "held_out_corpus", "model.vocab_size", "model.objective")
_RANGE = re.compile(r"^\s*(\S+?)\s*\.\.\s*(\S+?)(?:\s+(log|linear))?(?:\s+(\d+))?\s*$")


class Axis(Spec):
    """One field that is varied: by a list of values, or over a range."""

    field: Annotated[str, about("Field", "The dotted name of a field of a run, such as model.d_model.")]
    values: Annotated[list[Any], about("Values", "The values it takes; empty = the range below.")] = []
    low: Annotated[float | None, about("From", "The smallest value of the range.")] = None
    high: Annotated[float | None, about("To", "The largest value of the range.")] = None
    scale: Annotated[Literal["linear", "log"], about(
        "Scale", "Whether the range is gone through in equal steps or in equal ratios.")] = "linear"
    count: Annotated[int, about(
        "Points", "In how many values a grid goes through the range.", low=1, high=1000)] = 3

    def grid(self) -> list:
        """All values of the axis: those listed, or the points of the range."""
        if self.values:
            return list(self.values)
        shares = [i / (self.count - 1) for i in range(self.count)] if self.count > 1 else [0.0]
        return list(dict.fromkeys(self._at(share) for share in shares))

    def draw(self, chance: random.Random):
        """One value at random: one of those listed, or one of the range."""
        return chance.choice(self.values) if self.values else self._at(chance.random())

    def _at(self, share: float) -> int | float:
        if self.scale == "log":
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if field_of(self.field).kind == "int" else float(f"{value:.6g}")

    def __post_init__(self) -> None:
        kind = field_of(self.field).kind
        if self.values:
            return
        if self.low is None or self.high is None:
            raise LabError(
                "Nothing is said about the values of {field}.", "axes", "List values, or give a range.",
                field=self.field)
        if kind not in ("int", "float"):
            raise LabError("{field} is no number, so it has no range.", "axes", "List its values.", field=self.field)
        if self.low > self.high or (self.scale == "log" and self.low <= 0):
            raise LabError(
                "{field} cannot go from {low} to {high}.", "axes",
                "Give the smaller end first; in equal ratios both ends are above 0.", field=self.field, low=self.low,
                high=self.high)


class Trial(msgspec.Struct, frozen=True):
    """One choice of values, counted from 1; it is trained once a seed."""

    number: int
    values: dict[str, Any]


class SweepSpec(Spec):
    """Runs that differ in the fields of some axes, each choice of values with several seeds."""

    base: Annotated[TrainSpec, about("Run", "What all runs share.")]
    axes: Annotated[list[Axis], about("Fields", "What is varied.")]
    kind: Annotated[Literal["grid", "random"], about(
        "Choice", "A grid trains every combination of values; at random so many combinations are drawn, which finds "
        "good values sooner where few of the fields matter.", source=RANDOM)] = "grid"
    trials: Annotated[int, about(
        "Combinations", "How many are drawn.", low=1, high=MOST, when="kind=random", source=RANDOM)] = 12
    seeds: Annotated[int, about(
        "Seeds", "How often each combination is trained, each time with other initial weights and another order of "
        "the data.", low=1, high=100)] = 1
    draw_seed: Annotated[int, about(
        "Draw", "Fixes which combinations are drawn.", low=0, high=2**31, expert=True, when="kind=random")] = 0
    patience: Annotated[int, about(
        "Patience", "A run ends early when so many measurements in a row bring no better validation loss; 0 = as the "
        "run itself says.", low=0, high=100_000, unit="measurements", source="Prechelt 1998, Early Stopping")] = 0
    eta: Annotated[int, about(
        "Halving", "After each rung only the best 1/eta of the combinations go on, exactly where they stood; 0 = all "
        "are trained to the end.", low=0, high=100, source=HALVING)] = 0
    first_rung: Annotated[int, about(
        "First rung", "Steps after which the first are left behind; each further rung is eta times as long.",
        low=1, high=100_000_000, unit="steps", source=HALVING)] = 100
    at_once: Annotated[int, about(
        "At once", "The most runs of this sweep that are in the queue at a time; 0 = all.", low=0, high=MOST,
        expert=True)] = 0

    def __post_init__(self) -> None:
        names = [axis.field for axis in self.axes]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice or "seed" in names:
            raise LabError("The field {field} is varied twice.", "axes", "Name each field once; seeds have a number "
                           "of their own.", field=twice or "seed")  # fmt: skip
        if self.eta == 1:
            raise LabError("Of each rung the best 1/1 are all of them.", "eta", "Take 2 or more, or 0 for no rungs.")
        unlike = self.base.budget_s or self.base.model.family == "ngram" or {"steps", "validate_every"} & {*names}
        if self.eta and unlike:
            raise LabError("Rungs are numbers of steps, and these runs have none in common.", "eta",
                           "Take 0 here, or runs of one number of steps and no time budget.")
        if not self.choices():
            raise LabError("No combination of these values makes a run.", "axes", "Choose other values.")
        for trial in self.choices():
            self.run(trial, 0)

    def choices(self) -> list[Trial]:
        """All combinations that are to be trained; the same ones each time.

        Raises:
            LabError: there are too many.
        """
        found = self._drawn() if self.kind == "random" else self._grid()
        return [Trial(number, values) for number, values in enumerate(found, 1)]

    def _grid(self) -> list[dict]:
        points = [axis.grid() for axis in self.axes]
        count = math.prod(map(len, points))
        if count > MOST:
            raise LabError("These axes make {count} combinations.", "axes", "At most {most} are trained: take fewer "
                           "values, or draw at random.", count=count, most=MOST)  # fmt: skip
        return [dict(zip([axis.field for axis in self.axes], each)) for each in itertools.product(*points)]

    def _drawn(self) -> list[dict]:
        """As many different combinations as are asked for, if there are; those that make no run are passed over."""
        chance, found = random.Random(self.draw_seed), {}
        for _ in range(self.trials * DRAWS_A_TRIAL):
            values = {axis.field: axis.draw(chance) for axis in self.axes}
            key = repr(values)
            if len(found) == self.trials:
                break
            if key not in found and self._possible(values):
                found[key] = values
        return list(found.values())

    def _possible(self, values: dict) -> bool:
        try:
            self.run(Trial(0, values), 0)
        except LabError:
            return False
        return True

    def run(self, trial: Trial, seed: int) -> TrainSpec:
        """The request of one run: the base with a trial's values and its n-th seed, counted from 0.

        Raises:
            LabError: these values do not go together.
        """
        data = msgspec.to_builtins(self.base) | {"seed": self.base.seed + seed}
        if self.patience:
            data["patience"] = self.patience
        for name, value in trial.values.items():
            put(data, name, value)
        if self.rungs():  # a rung is judged by the measurement that falls on its step
            data["validate_every"] = min(data["validate_every"], self.rungs()[0])
        try:
            return build(TrainSpec, data)
        except LabError as error:
            where = ", ".join(f"{name} = {value}" for name, value in trial.values.items())
            raise LabError(error.problem, where or error.where, error.remedy, **error.values) from None

    def rungs(self) -> list[int]:
        """The steps at which the best are chosen, in order; the end of the runs is none of them."""
        if not self.eta:
            return []
        every, found = self.base.validate_every, []
        rung = self.first_rung if self.first_rung < every else self.first_rung // every * every
        while rung < self.base.steps:
            found.append(rung)
            rung *= self.eta
        return found

    @property
    def measure(self) -> str:
        """What runs are ranked by: validation loss, or bits per byte where they cut text into other tokens."""
        other = any(axis.field.startswith(APART) or axis.field == "model" for axis in self.axes)
        return "bits_per_byte" if other else "loss"


def field_of(name: str) -> Field:
    """The field of a run that a dotted name leads to.

    Raises:
        LabError: there is none.
    """
    spec_type, found = TrainSpec, None
    for part in name.split("."):
        known = {field.name: field for field in _fields(spec_type)}
        if part not in known:
            near = difflib.get_close_matches(part, known, 1) or list(known)[:1] or ["learning_rate"]
            raise LabError("There is no field called {field}.", "axes", "Did you mean {near}?", field=name,
                           near=near[0])  # fmt: skip
        found = known[part]
        spec_type = found.spec
    return found


@functools.cache
def _fields(spec_type: type | None) -> list[Field]:
    if spec_type is None:
        return []
    return [_unwrapped(spec_type, field) for field in fields(spec_type)]


def _unwrapped(spec_type: type, field: Field) -> Field:
    """A spec that may also be left out (``ModelSpec | None``) has fields all the same."""
    if field.spec is not None or field.kind != "list":
        return field
    kinds = [kind for kind in typing.get_args(typing.get_type_hints(spec_type)[field.name])
             if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]  # fmt: skip
    return msgspec.structs.replace(field, spec=kinds[0]) if len(kinds) == 1 else field


def put(data: dict, name: str, value) -> None:
    """Set a dotted field in plain data."""
    *parents, last = name.split(".")
    for parent in parents:
        inner = data.get(parent)
        data[parent] = data = inner if isinstance(inner, dict) else {}
    data[last] = value


def read_axis(field: str, text: str) -> Axis:
    """An axis from how people write it: ``32, 64, 128`` or ``1e-4 .. 1e-2 log 5``.

    Raises:
        LabError: no such field, or a range that is none.
    """
    kind = field_of(field).kind
    ranged = _RANGE.match(text) if kind in ("int", "float") else None
    if ranged:
        low, high = (_value(end, "float") for end in ranged.group(1, 2))
        if isinstance(low, str) or isinstance(high, str):
            raise LabError("{text} is no range of numbers.", "axes", "Write for example 1e-4 .. 1e-2 log 5.",
                           text=text)  # fmt: skip
        return Axis(field=field, low=low, high=high, scale=ranged[3] or "linear", count=int(ranged[4] or 3))
    return Axis(field=field, values=[_value(part.strip(), kind) for part in text.split(",") if part.strip()])


def _value(text: str, kind: str):
    """A value as the field wants it; what does not fit is left as it is, and refused with the field's own words."""
    try:
        if kind == "int":
            number = float(text)
            return int(number) if number == int(number) else number
        if kind == "float":
            return float(text)
    except (ValueError, OverflowError):
        return text
    return {"true": True, "false": False}.get(text.lower(), text) if kind == "bool" else text
