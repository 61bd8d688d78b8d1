"""The form of a new quality classifier: good text, and candidates to be sorted."""

from PySide6.QtCore import QCoreApplication

from app.state.context import AppContext
from app.views.corpus_form import CorpusForm
from core.spec.filters import ClassifierSpec
from widgets.spec_form import SpecForm


class ClassifierForm(CorpusForm):
    """Emits ``started`` with a name and a spec."""

    def __init__(self, context: AppContext) -> None:
        say = QCoreApplication.translate
        super().__init__(
            context, SpecForm(ClassifierSpec, {"good": "", "candidates": ""}),
            say("ClassifierForm", "New quality classifier"), say(
                "ClassifierForm", "Point at good text and at candidates: the classifier learns by which words they "
                "differ, and is judged on documents it has not seen. It knows only what sets your two corpora apart, "
                "so let them differ in quality rather than in subject."),
            say("ClassifierForm", "Train classifier"))  # fmt: skip

    def offer(self, names: list[str], chosen: str) -> None:
        """Two different corpora, the chosen one as the candidates."""
        values = self.form.values()
        for field in ("good", "candidates"):
            self.form.set_choices(field, names)
        candidates, good = chosen or values.get("candidates", ""), values.get("good", "")
        if len(names) > 1:
            candidates = candidates if candidates in names else names[0]
            if good not in names or good == candidates:
                good = next(name for name in names if name != candidates)
            self.form.set_values({"good": good, "candidates": candidates})

    def name_of(self, spec: ClassifierSpec) -> str:
        """After the good text."""
        return f"{spec.good or 'good'}-classifier"
