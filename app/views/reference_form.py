"""The form of a new reference: which text one trusts, and which text is to be cleaned by it."""

from PySide6.QtCore import QCoreApplication

from app.state.context import AppContext
from app.views.corpus_form import CorpusForm
from core.spec.filters import ReferenceSpec
from widgets.spec_form import SpecForm


class ReferenceForm(CorpusForm):
    """Emits ``started`` with a name and a spec."""

    def __init__(self, context: AppContext) -> None:
        say = QCoreApplication.translate
        super().__init__(
            context, SpecForm(ReferenceSpec), say("ReferenceForm", "New reference"), say(
                "ReferenceForm", "A reference learns what text you trust is like: an encyclopedia, edited books, your "
                "own pages. A cleaning rule can then set aside what is unlike it. Training takes seconds to a minute."),
            say("ReferenceForm", "Train reference"))  # fmt: skip

    def offer(self, names: list[str], chosen: str) -> None:
        """Choose one of the corpora as the trusted text."""
        for field in ("corpus", "against"):
            self.form.set_choices(field, names)
        trusted = chosen or self.form.values().get("corpus", "")
        if names:
            self.form.set_values({"corpus": trusted if trusted in names else names[0]})

    def name_of(self, spec: ReferenceSpec) -> str:
        """After the trusted text."""
        return f"{spec.corpus}-reference"
