"""What web pages leave in a text: markup, links, boilerplate; and words nobody wants."""

from typing import Annotated, ClassVar

from core.spec.base import about
from core.spec.rules.base import Rule


class HtmlRemains(Rule, tag="html_remains"):
    """Set aside documents full of tags, entities, scripts and style sheets; take the rest of the markup out."""

    title: ClassVar[str] = "HTML remains"
    family: ClassVar[str] = "keywords"
    source: ClassVar[str] = "HTML Living Standard; markup among RefinedWeb's corrections, arXiv:2306.01116"

    share: Annotated[float, about(
        "Most markup", "Documents with a larger share of characters in markup are set aside.",
        low=0.0, high=1.0, measure="share", keeps="below")] = 0.3
    strip: Annotated[bool, about(
        "Take the markup out", "Tags, scripts and style sheets go, entities become the characters they mean.")] = True


class Links(Rule, tag="links"):
    """Set aside documents that are mostly links; cut lines that are nothing else."""

    title: ClassVar[str] = "Links"
    family: ClassVar[str] = "keywords"
    source: ClassVar[str] = "line by line as RefinedWeb, Penedo et al. 2023, arXiv:2306.01116; thresholds of our own"

    share: Annotated[float, about(
        "Most characters in links", "Documents with a larger share of characters in links are set aside.",
        low=0.0, high=1.0, measure="share", keeps="below")] = 0.2
    per_word: Annotated[float, about(
        "Most links a word", "Documents with more links for each word are set aside.",
        low=0.0, high=1.0, measure="per_word", keeps="below")] = 0.1
    cut: Annotated[bool, about("Cut lines of links", "Lines that hold links and nothing else go.")] = True


class Boilerplate(Rule, tag="boilerplate"):
    """Cut cookie notices, copyright lines, navigation and the like; set aside documents that are little else."""

    title: ClassVar[str] = "Boilerplate"
    family: ClassVar[str] = "keywords"
    source: ClassVar[str] = "policy phrases of C4, Raffel et al. 2020, arXiv:1910.10683; RefinedWeb, arXiv:2306.01116"

    share: Annotated[float, about(
        "Most boilerplate", "Documents with a larger share of characters in such lines are set aside.",
        low=0.0, high=1.0, measure="share", keeps="below")] = 0.3
    cut: Annotated[bool, about("Cut such lines", "From the documents that are kept.")] = True


class WordList(Rule, tag="word_list"):
    """Set aside documents that use words of your own list too often."""

    title: ClassVar[str] = "Word list"
    family: ClassVar[str] = "keywords"
    source: ClassVar[str] = "word lists as C4, Raffel et al. 2020, arXiv:1910.10683; with a rate instead of one hit"

    words: Annotated[list[str], about(
        "Words and phrases", "Upper and lower case are the same. Chinese needs no spaces around it.")] = []
    file: Annotated[str, about(
        "File of words", "More of them, one a line, in a text file; # begins a remark.", path=True)] = ""
    per_thousand: Annotated[float, about(
        "Most in a thousand words", "Documents with more are set aside. A Chinese character counts as a word.",
        low=0.0, high=1000.0, measure="per_thousand", keeps="below")] = 1.0
