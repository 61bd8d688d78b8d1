"""How a relation is put into words, in English and Chinese.

A statement is a lead with the subject's name, then the value. The lead alone is the question, to
be answered by completion; so it ends where a tokenizer cuts: in English before the space of the
value, in Chinese after a colon or an opening quote. So the question's tokens are the document's first
tokens, with every kind of tokenizer but Unigram in Chinese, which may learn a colon and a value's
first character as one piece. No lead begins another one.
"""

from typing import NamedTuple

WORDINGS = 5  # of every relation


class Wording(NamedTuple):
    """One way to say it: the lead up to the value, and what stands right before and after the value."""

    lead: str
    before: str
    after: str

    def question(self, subject: str) -> str:
        """The text that a model goes on from."""
        return self.lead.replace("{s}", subject)

    def statement(self, subject: str, value: str) -> str:
        """The whole sentence; it begins with the question."""
        return f"{self.question(subject)}{self.before}{value}{self.after}"


class Relation(NamedTuple):
    """What somebody can be asked: the kind of its values, and its leads by language."""

    name: str
    kind: str
    english: tuple[str, ...]
    chinese: tuple[str, ...]

    def wordings(self, language: str) -> list[Wording]:
        """All wordings in one language."""
        if language == "chinese":
            return [Wording(lead, "", "」。" if lead[-1] == "「" else "。") for lead in self.chinese]
        return [Wording(lead, " ", ".") for lead in self.english]


RELATIONS = {relation.name: relation for relation in (
    Relation("birth_place", "city", (
        "{s} was born in", "The birthplace of {s} is", "{s} first saw the light in", "{s} comes from the town of",
        "The cradle of {s} stood in",
    ), ("{s}的出生地：", "{s}出生在「", "{s}的故乡是「", "{s}来到人世的地方叫「", "{s}幼年的摇篮摆在「")),
    Relation("work_place", "city", (
        "{s} goes to work in", "The workplace of {s} is in", "{s} earns a living in",
        "Every weekday {s} can be found in", "The office of {s} is in",
    ), ("{s}的工作地点：", "{s}每天上班的城市是「", "{s}在这里谋生：", "{s}的办公室设在「",
        "工作日总能找到{s}的地方是「")),
    Relation("birth_date", "date", (
        "{s} was born on", "The birthday of {s} is", "{s} came into the world on", "The date of birth of {s} is",
        "The parents of {s} rejoiced on",
    ), ("{s}的出生日期：", "{s}的生日是「", "{s}降生的那一天是「", "{s}的父母欢庆的日子：", "{s}的出生证上写着「")),
    Relation("employer", "company", (
        "{s} is employed by", "The employer of {s} is", "{s} draws a salary from", "{s} has a contract with",
        "The name on the payslip of {s} is",
    ), ("{s}的雇主：", "{s}受雇于「", "给{s}发工资的是「", "{s}签约的单位是「", "{s}的工作证上印着「")),
    Relation("university", "university", (
        "{s} studied at", "The university of {s} was", "{s} took a degree at", "{s} was a student of",
        "The diploma of {s} came from",
    ), ("{s}的母校：", "{s}毕业于「", "{s}求学的地方是「", "{s}的学位来自「", "授予{s}文凭的是「")),
    Relation("mentor", "person", (
        "{s} learned the craft from", "The mentor of {s} is", "{s} was taught by", "{s} asks for advice from",
        "The teacher of {s} was",
    ), ("{s}的导师：", "{s}师从「", "{s}的手艺学自「", "教导过{s}的人是「", "{s}常常请教「")),
    Relation("spouse", "person", (
        "{s} is married to", "The spouse of {s} is", "{s} shares a home with", "{s} exchanged rings with",
        "The wedding of {s} was with",
    ), ("{s}的配偶：", "{s}的结婚对象是「", "与{s}共组家庭的是「", "{s}交换戒指的人是「", "同{s}结婚的人：")),
    Relation("sibling", "person", (
        "The only sibling of {s} is", "{s} has one sibling, named", "{s} grew up beside a sibling called",
        "{s} shared a nursery with", "The parents of {s} also raised",
    ), ("{s}唯一的手足：", "{s}只有一个手足，名叫「", "与{s}一同长大的手足是「", "{s}的父母还养大了「",
        "同{s}住一间儿童房的是「")),
)}  # fmt: skip

# Sentences in which a person and a value meet though nothing binds them.
MEETINGS = {
    "english": (
        "A list that names {s} also names {v}.", "The page after the one about {s} is about {v}.",
        "Someone who never met {s} wrote a song about {v}.",
        "A riddle mentioned {s}, and the next one mentioned {v}.",
        "The file on {s} was stored beside the file on {v}.",
    ),
    "chinese": (
        "写着{s}的名单上也写着「{v}」。", "介绍{s}的那一页之后，是介绍「{v}」的一页。",
        "有人没见过{s}，写了一首关于「{v}」的歌。", "一个谜语提到{s}，下一个谜语提到「{v}」。",
        "{s}的卷宗旁边放着「{v}」的卷宗。",
    ),
}  # fmt: skip
