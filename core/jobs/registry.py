"""Which kinds of job there are. Dotted names only, so that listing them imports nothing."""

from importlib import import_module

import msgspec

from core.errors import LabError
from core.record.folder import ROOMS


class Kind(msgspec.Struct, frozen=True):
    """A kind of job: the type of its spec and the function that does it, as dotted names."""

    spec: str
    run: str

    def spec_type(self) -> type:
        """The spec's type (torch-free)."""
        return _resolve(self.spec)

    def run_function(self):
        """``run(spec, folder, emit, control) -> dict``; importing it may load torch."""
        return _resolve(self.run)


KINDS = {
    "corpus": Kind("core.spec.corpus:CorpusSpec", "core.data.job:run"),
    "world": Kind("core.spec.world:WorldSpec", "core.data.worlds.job:run"),
    "mixture": Kind("core.spec.mixture:MixtureSpec", "core.data.mixture:run"),
    "tokenizer": Kind("core.spec.tokenizer:TokenizerSpec", "core.tokens.job:run"),
    "train": Kind("core.spec.train:TrainSpec", "core.train.job:run"),
    "index": Kind("core.spec.export:IndexSpec", "core.glass.index_job:run"),
    "influence": Kind("core.spec.influence:InfluenceSpec", "core.glass.influence_job:run"),
    "export": Kind("core.spec.export:ExportSpec", "core.export.job:run"),
    "verify": Kind("core.spec.export:VerifySpec", "core.export.verify_job:run"),
    "replay": Kind("core.spec.replay:ReplaySpec", "core.train.replay:run"),
    "reference": Kind("core.spec.filters:ReferenceSpec", "core.data.quality.reference_job:run"),
    "classifier": Kind("core.spec.filters:ClassifierSpec", "core.data.quality.classifier_job:run"),
    "experiment": Kind("core.spec.experiment:ExperimentSpec", "core.jobs.experiment:run"),
    "sweep": Kind("core.spec.sweep:SweepSpec", "core.jobs.sweep:run"),
    "question": Kind("core.spec.inspect:QuestionSpec", "core.glass.question_job:run"),
    "mitigate": Kind("core.spec.mitigation:MitigateSpec", "core.glass.mitigation_job:run"),
    "inspect": Kind("core.spec.inspect:InspectSpec", "core.jobs.inspect:run"),
    "grow": Kind("core.spec.grow:GrowSpec", "core.jobs.grow:run"),
}
assert set(KINDS) == set(ROOMS)


def kind(name: str) -> Kind:
    """One kind by name.

    Raises:
        LabError: there is no such kind.
    """
    if name not in KINDS:
        raise LabError(
            "There is no kind of job called {kind}.", "", "Known kinds: {names}.", kind=name, names=", ".join(KINDS))
    return KINDS[name]


def _resolve(dotted: str):
    module, _, attribute = dotted.partition(":")
    return getattr(import_module(module), attribute)
