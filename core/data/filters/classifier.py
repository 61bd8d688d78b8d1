"""What a trained classifier thinks of a document."""

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.quality.classifier import Classifier
from core.data.quality.trained import find_filter
from core.record.folder import Workspace
from core.spec.rules.classifier import QualityClassifier


def quality_classifier(rule: QualityClassifier, workspace: Workspace | None = None) -> Filter:
    """Sets aside documents whose score is too low.

    Raises:
        LabError: the rule names no classifier, or one that is not there or not finished.
    """
    classifier = Classifier.open(find_filter(workspace, rule.filter, "classifier", "quality_classifier"))

    def judge(draft: Draft) -> Reason | None:
        found = classifier.score(draft.text)
        if found is None:
            draft.passed_over["quality_classifier"] = "It holds no text."
            return None
        draft.measures["quality_classifier.score"] = found
        if found >= rule.least:
            return None
        return Reason(
            "quality_classifier", "Its score is {score:.3f}; at least {limit:.3g} is asked for.",
            {"score": round(found, 5), "limit": rule.least}, "score", found, rule.least)

    return judge
