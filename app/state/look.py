"""One generation under the glass, and what is known of it so far."""

from dataclasses import dataclass, field

from core.infer.sources import split_run
from core.spec.glass import Support
from core.spec.messages import Attributed
from core.spec.sampling import SamplingSpec
from core.spec.token_record import TokenRecord


@dataclass
class Look:
    """One generation under the glass."""

    source: str
    prompt: str
    records: list[TokenRecord] = field(default_factory=list)
    finished: bool = False
    found: Attributed | None = None
    prompt_ids: list[int] | None = None  # exactly what the model was given, where that is known
    settings: SamplingSpec = SamplingSpec()  # of the sampler, where it was asked here
    chat: bool = False  # whether it was asked through the model's chat template

    @property
    def run(self) -> str:
        """The run that grew the model; empty for models from elsewhere."""
        return split_run(self.source)[0] if self.source.startswith("run:") else ""

    @property
    def temperature(self) -> float:
        """What the answer was drawn with."""
        return self.settings.temperature

    @property
    def support(self) -> list[Support] | None:
        """How each token stands to the training text; None while or where that is not known."""
        return self.found.support if self.found else None
