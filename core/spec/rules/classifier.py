"""Rules that ask a trained classifier."""

from typing import Annotated, ClassVar

from core.spec.base import about
from core.spec.rules.base import Rule


class QualityClassifier(Rule, tag="quality_classifier"):
    """Set aside documents that a classifier finds unlike the good text it has learnt from."""

    title: ClassVar[str] = "Quality classifier"
    family: ClassVar[str] = "classifier"
    source: ClassVar[str] = "Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix A"
    needs: ClassVar[str] = "classifier"  # the kind of job that makes its filter

    filter: Annotated[str, about(
        "Classifier", "A classifier, trained on good text and candidates.", picks="filters")] = ""
    least: Annotated[float, about(
        "Lowest score", "Documents with a lower score are set aside; 0.5 = as likely good as not, were both equally "
        "common.", low=0.0, high=1.0, measure="score", keeps="above")] = 0.5
