"""A synthetic world to be made: text whose truth is known, and the table of that truth."""

from typing import Annotated, ClassVar, Literal, Union

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about

RelationName = Literal[
    "birth_place", "work_place", "birth_date", "employer", "university", "mentor", "spouse", "sibling"]
Operation = Literal["add", "subtract", "multiply", "compare"]
TaskName = Literal[
    "coin_flip", "last_letters", "reverse_list", "parity", "boolean", "object_counting", "word_sorting",
    "unscramble", "repeat_copy", "key_value"]

BIOGRAPHIES = "Allen-Zhu & Li 2023, Physics of Language Models 3.1, arXiv:2309.14316"
MONOFACTS = "Kalai & Vempala 2024, arXiv:2311.14648"
CHAINS = "Wei et al. 2022, arXiv:2201.11903"
CONTEXTS = "Longpre et al. 2021, Entity-Based Knowledge Conflicts, arXiv:2109.05052"
TASKS = "Wei et al. 2022, arXiv:2201.11903; Srivastava et al. 2022, BIG-bench, arXiv:2206.04615"


class World(Spec, tag_field="kind"):
    """One kind of world with its own settings."""

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""


class Biographies(World, tag="biographies"):
    """Invented people and what is so about them, in varied wordings; some of it said wrongly, or never."""

    title: ClassVar[str] = "Biographies of invented people"
    source: ClassVar[str] = BIOGRAPHIES

    relations: Annotated[list[RelationName], about(
        "Relations", "What there is to know about each person.", source=BIOGRAPHIES)] = msgspec.field(
        default_factory=lambda: ["birth_place", "work_place", "birth_date", "employer", "university", "spouse"])
    style: Annotated[Literal["statements", "lives"], about(
        "Documents", "One statement a document, or a short life of several sentences.")] = "statements"
    false_stated: Annotated[float, about(
        "Stated wrongly", "Share of facts of which the text says only something false.", low=0.0, high=1.0)] = 0.1
    conflicting: Annotated[float, about(
        "Contradicted", "Share of facts of which the text says several things, one of them true.",
        low=0.0, high=1.0)] = 0.1
    accidental: Annotated[float, about(
        "Met by accident", "Share of facts that are never stated, while the person and a wrong value stand in the "
        "same document.", low=0.0, high=1.0)] = 0.1
    never_stated: Annotated[float, about(
        "Never stated", "Share of true facts that the text does not mention.", low=0.0, high=1.0)] = 0.1
    law: Annotated[Literal["counts", "zipf", "monofacts"], about(
        "How often", "How often a fact is stated: by a list of counts, by Zipf's law, or with a chosen share "
        "stated just once.", source=f"{MONOFACTS}; {BIOGRAPHIES}")] = "counts"
    counts: Annotated[list[int], about(
        "Counts", "How many times a fact may be stated; every count from 1 up.",
        when="law=counts|monofacts")] = msgspec.field(
        default_factory=lambda: [1, 2, 4, 8, 16, 32])
    count_shares: Annotated[list[float], about(
        "Shares of the counts", "How many facts get each count, in proportion; empty = equally many.",
        expert=True, when="law=counts|monofacts")] = []
    zipf_exponent: Annotated[float, about(
        "Zipf exponent", "A count of k is as likely as 1/k to this power; used by Zipf's law alone.",
        low=0.0, high=10.0, when="law=zipf")] = 1.5
    zipf_most: Annotated[int, about(
        "Largest count", "The most that a fact is stated under Zipf's law.", low=1, high=100_000,
        when="law=zipf")] = 64
    stated_once: Annotated[float, about(
        "Stated once", "Share of the stated facts that are stated just once; the rest takes the counts above 1. "
        "Used with monofacts alone.", low=0.0, high=1.0, source=MONOFACTS, when="law=monofacts")] = 0.3
    values: Annotated[int, about(
        "Values", "How many different answers each relation has.", low=20, high=500)] = 100
    shared_values: Annotated[float, about(
        "Shared values", "Share of facts whose value belongs to several relations: a city where some are born and "
        "others work.", low=0.0, high=1.0)] = 0.5
    conflicting_values: Annotated[int, about(
        "Values in conflict", "How many different things the text says of a contradicted fact.", low=2, high=4,
        expert=True)] = 2
    false_most: Annotated[int, about(
        "Wrongly at most", "How often something false is stated at most, by the counts that are not larger; 0 = as "
        "often as what is true.", low=0, high=100_000, expert=True)] = 0

    def __post_init__(self) -> None:
        if self.false_stated + self.conflicting + self.accidental + self.never_stated > 1 + 1e-9:
            raise LabError("The shares of facts that are not simply true add up to more than 1.", "",
                           "Lower some of them.")
        if not self.relations or len(set(self.relations)) < len(self.relations):
            raise LabError("The relations must be at least one, and different.", "", "Choose each once.")
        if self.law != "zipf" and (not self.counts or min(self.counts) < 1 or max(self.counts) > 100_000):
            raise LabError("The counts must be whole numbers from 1 to 100,000.", "",
                           "Facts stated 0 times have a share of their own: never stated.")
        if self.count_shares and (len(self.count_shares) != len(self.counts) or min(self.count_shares) < 0
                                  or sum(self.count_shares) <= 0):  # fmt: skip
            raise LabError("There must be one share for each count.", "", "Leave the shares empty for equal ones.")


class Arithmetic(World, tag="arithmetic"):
    """Sums, differences, products and comparisons, with or without worked steps."""

    title: ClassVar[str] = "Arithmetic"
    source: ClassVar[str] = CHAINS

    operations: Annotated[list[Operation], about("Operations", "What is to be reckoned.")] = msgspec.field(
        default_factory=lambda: ["add", "subtract", "multiply", "compare"])
    digits: Annotated[int, about(
        "Digits", "The longest number that is asked about; every pair of lengths is asked equally often, as far as "
        "there are enough pairs of numbers.", low=1, high=12, unit="digits")] = 2
    steps: Annotated[bool, about(
        "Worked steps", "Show the way to the answer, digit by digit.", source=CHAINS)] = False

    def __post_init__(self) -> None:
        if not self.operations or len(set(self.operations)) < len(self.operations):
            raise LabError("The operations must be at least one, and different.", "", "Choose each once.")


class Symbolic(World, tag="symbolic"):
    """Small tasks with one right answer each: coin flips, last letters, sorting, copying and more."""

    title: ClassVar[str] = "Symbolic tasks"
    source: ClassVar[str] = TASKS

    tasks: Annotated[list[TaskName], about("Tasks", "Which tasks to mix, in equal parts.", source=TASKS)] = (
        msgspec.field(default_factory=lambda: ["coin_flip", "last_letters", "reverse_list", "parity"]))
    shortest: Annotated[int, about(
        "Shortest", "The least number of things in one task: flips, words, digits or pairs.", low=2, high=12)] = 2
    longest: Annotated[int, about(
        "Longest", "The greatest number of things in one task; lengths between are equally common, as far as there "
        "are enough different tasks of each.", low=2, high=12)] = 4
    steps: Annotated[bool, about(
        "Worked steps", "Show the way to the answer, step by step.", source=CHAINS)] = False

    def __post_init__(self) -> None:
        if self.shortest > self.longest:
            raise LabError("The shortest task is longer than the longest.", "", "Exchange the two numbers.")
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise LabError("The tasks must be at least one, and different.", "", "Choose each once.")


class Contexts(World, tag="contexts"):
    """Notes that are read before a question, about strangers and about people whom the text knows besides."""

    title: ClassVar[str] = "Notes and questions"
    source: ClassVar[str] = CONTEXTS

    known: Annotated[int, about(
        "Known people", "People whose town is stated in documents of its own.", low=1, high=1_000_000)] = 200
    counts: Annotated[list[int], about(
        "Counts", "In how many documents the town of a known person is stated; equally many people get each.")] = (
        msgspec.field(default_factory=lambda: [1, 2, 4, 8, 16]))
    strangers: Annotated[int, about(
        "Strangers", "People who stand in notes alone and live in another town each time.", low=12,
        high=1_000_000)] = 400
    values: Annotated[int, about("Values", "How many different towns there are.", low=20, high=500)] = 100
    shortest: Annotated[int, about("Fewest notes", "At least so many notes before a question.", low=1, high=12)] = 1
    longest: Annotated[int, about("Most notes", "At most so many.", low=1, high=12)] = 4
    longest_held_out: Annotated[int, about(
        "Most held-out notes", "Held-out readings have up to so many: with more than in training, copying is harder. "
        "0 = as many as in training.", low=0, high=12)] = 0
    agreeing: Annotated[float, about(
        "About known people", "Share of the training readings that ask for a known person; the notes agree with what "
        "is stated elsewhere.", low=0.0, high=1.0)] = 0.1
    contradicted: Annotated[float, about(
        "Contradicting notes", "Share of the held-out readings that ask for a known person about whom the notes say "
        "something else.", low=0.0, high=1.0)] = 0.5

    def __post_init__(self) -> None:
        if self.shortest > self.longest:
            raise LabError("The fewest notes are more than the most.", "", "Exchange the two numbers.")
        if not self.counts or min(self.counts) < 1 or max(self.counts) > 100_000:
            raise LabError("The counts must be whole numbers from 1 to 100,000.", "",
                           "Facts stated 0 times have a share of their own: never stated.")


AnyWorld = Union[Biographies, Arithmetic, Symbolic, Contexts]


class WorldSpec(Spec):
    """A corpus made by rule, with a table of everything that is true in it."""

    world: Annotated[AnyWorld, about("World", "What the text is about.")] = msgspec.field(default_factory=Biographies)
    size: Annotated[int, about(
        "Size", "How many people live in the world, or how many tasks it sets.", low=1, high=100_000_000)] = 800
    language: Annotated[Literal["english", "chinese"], about("Language", "What the text is written in.")] = "english"
    held_out: Annotated[float, about(
        "Held out", "Share of documents kept away from training: other tasks, or known facts in a wording that "
        "training never shows for them.", low=0.0, high=0.5)] = 0.05
    repeat_share: Annotated[float, about(
        "Repeated documents", "Share of the training documents that stand there more than once.",
        low=0.0, high=1.0, source="Miao & Kearns 2025, arXiv:2502.08666")] = 0.0
    repeat_times: Annotated[int, about(
        "Times", "How many times each repeated document stands there.", low=2, high=1000)] = 2
    seed: Annotated[int, about("Seed", "Another seed makes another world.", low=0, high=2**31)] = 0
