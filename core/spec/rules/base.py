"""What every cleaning rule is made of."""

from typing import Annotated, ClassVar

from core.spec.base import Spec, about


class Rule(Spec, tag_field="rule"):
    """One cleaning rule; the order in the spec is the order of work."""

    title: ClassVar[str] = ""  # its name on the page
    family: ClassVar[str] = ""  # statistics, language, keywords, metric, classifier, duplicates, privacy, repair
    source: ClassVar[str] = ""  # the paper or project its thresholds come from
    whole_corpus: ClassVar[bool] = False  # whether it must see every document before it judges any

    on: Annotated[bool, about("On", "Whether this rule runs.")] = True


def tag_of(rule: Rule | type[Rule]) -> str:
    """The rule's name in specs, reports and on disk, such as ``gopher_quality``."""
    return (rule if isinstance(rule, type) else type(rule)).__struct_config__.tag
