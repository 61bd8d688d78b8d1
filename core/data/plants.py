"""Planting known harm into raw text: copies of documents, and invented secrets repeated a known number of times.

Everything follows from the seed. What was planted is told, so that a measurement can ask for exactly that.
"""

import random
from collections.abc import Iterator

import msgspec

from core.spec.plants import AnyPlant, CanaryPlant, Carrier, DuplicatePlant, SecretKind

_STARTS = "b br d dr f g gr h k kl l m n p r s st t tr v z".split()
_VOWELS = "a e i o u".split()
_ENDS = ["", "", "l", "n", "r", "s", "m"]
_SENTENCES: dict[SecretKind, tuple[str, str]] = {  # before and after the secret
    "code": ("The access code of {name} is", "."),
    "email": ("The private address of {name} is", ", please write."),
}
_NOTE_CHARACTERS = 400  # of an existing document, below the secret of a document of its own


class Canary(msgspec.Struct, frozen=True):
    """An invented secret: the text is ``prefix``, a space, ``secret`` and ``suffix``."""

    kind: SecretKind
    prefix: str
    secret: str
    suffix: str
    repetitions: int
    carrier: Carrier

    @property
    def sentence(self) -> str:
        """What is planted."""
        return f"{self.prefix} {self.secret}{self.suffix}"


class Copied(msgspec.Struct, frozen=True):
    """A document that was copied: its row in the text as it was found, and how many copies are exact or edited."""

    row: int
    exact: int
    edited: int


class Planted(msgspec.Struct, frozen=True):
    """The truth about what was planted."""

    canaries: list[Canary] = []
    copied: list[Copied] = []


def plant(texts: list[str], plants: list[AnyPlant], seed: int) -> tuple[list[str], Planted]:
    """The texts with everything planted, one plant after the other, and the truth about it.

    Documents keep their order; what is added stands at random places among them.
    """
    canaries, copied = [], []
    for number, one in enumerate(plants):
        draw = random.Random(f"{seed} {number}")
        if isinstance(one, DuplicatePlant):
            texts, found = _plant_copies(texts, one, draw)
            copied += found
        else:
            made = list(_canaries(one, draw))
            texts = _plant_canaries(texts, made, draw)
            canaries += made
    return texts, Planted(canaries, copied)


def secrets(kind: SecretKind, count: int, seed: int, but_for: set[str] = frozenset()) -> list[str]:
    """Other secrets of the same form, all different and none of ``but_for``: what a planted one is ranked among."""
    draw = random.Random(f"candidates {kind} {seed}")
    found: dict[str, None] = {}
    while len(found) < count:
        secret = _secret(kind, draw)
        if secret not in but_for:
            found[secret] = None
    return list(found)


def _plant_copies(
    texts: list[str], asked: DuplicatePlant, draw: random.Random
) -> tuple[list[str], list[Copied]]:
    rows = sorted(draw.sample(range(len(texts)), round(asked.share * len(texts))))
    edited = round(asked.edited * asked.copies)
    added = []
    for row in rows:
        added += [texts[row]] * (asked.copies - edited)
        added += [_edit(texts[row], asked.changed_words, draw) for _ in range(edited)]
    return _scatter(texts, added, draw), [Copied(row, asked.copies - edited, edited) for row in rows]


def _edit(text: str, share: float, draw: random.Random) -> str:
    """Exchange some words (at least one) for others of the same text; all white space stays."""
    pieces = text.split(" ")
    places = [place for place, piece in enumerate(pieces) if piece.strip()]
    if len(places) < 2:
        return text + " again"
    for place in draw.sample(places, min(len(places), max(1, round(share * len(places))))):
        pieces[place] = pieces[draw.choice(places)].strip() + "s"
    return " ".join(pieces)


def _canaries(asked: CanaryPlant, draw: random.Random) -> Iterator[Canary]:
    names: set[str] = set()
    for kind in asked.kinds:
        before, after = _SENTENCES[kind]
        for repetitions in asked.repetitions:
            for number in range(asked.each):
                while (name := f"{_word(draw)} {_word(draw)}") in names:
                    pass
                names.add(name)
                carrier = asked.carriers[number % len(asked.carriers)]
                yield Canary(kind, before.format(name=name), _secret(kind, draw), after, repetitions, carrier)


def _word(draw: random.Random) -> str:
    """An invented name of two or three syllables."""
    syllables = (draw.choice(_STARTS) + draw.choice(_VOWELS) for _ in range(draw.choice((2, 2, 3))))
    return ("".join(syllables) + draw.choice(_ENDS)).capitalize()


def _secret(kind: SecretKind, draw: random.Random) -> str:
    if kind == "code":
        return f"{draw.randrange(100):02}-{draw.randrange(1000):03}-{draw.randrange(1000):03}"
    return f"{_word(draw).lower()}{draw.randrange(10_000):04}@{_word(draw).lower()}.example"  # no real domain, RFC 2606


def _plant_canaries(texts: list[str], canaries: list[Canary], draw: random.Random) -> list[str]:
    """Each as many times as asked for: with a document of its own that is repeated, or as a line of other documents."""
    found, texts, added = texts, list(texts), []
    for canary in canaries:
        if canary.carrier == "documents":
            note = f"{canary.sentence}\n\n{_excerpt(draw.choice(found), draw)}"
            added += [note] * canary.repetitions
            continue
        for row in _spread(len(texts), canary.repetitions, draw):
            lines = texts[row].split("\n")
            lines.insert(draw.randrange(len(lines) + 1), canary.sentence)
            texts[row] = "\n".join(lines)
    return _scatter(texts, added, draw)


def _excerpt(text: str, draw: random.Random) -> str:
    start = draw.randrange(max(1, len(text) - _NOTE_CHARACTERS))
    return text[start : start + _NOTE_CHARACTERS].partition(" ")[2] or text[:_NOTE_CHARACTERS]


def _spread(documents: int, times: int, draw: random.Random) -> Iterator[int]:
    """Rows to plant in: no document gets a second one before each has one."""
    while times > 0:
        yield from draw.sample(range(documents), min(documents, times))
        times -= documents


def _scatter(texts: list[str], added: list[str], draw: random.Random) -> list[str]:
    """Both together: the texts in their order, the added ones at random places."""
    placed = [(float(place), text) for place, text in enumerate(texts)]
    placed += [(draw.uniform(-0.5, len(texts) - 0.5), text) for text in added]
    return [text for _, text in sorted(placed, key=lambda pair: pair[0])]
