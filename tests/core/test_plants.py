"""Planting: the truth told is the truth in the text."""

import pytest

from core.data.plants import plant, secrets
from core.errors import LabError
from core.spec.base import build
from core.spec.plants import CanaryPlant, DuplicatePlant

TEXTS = [f"Document {i} speaks of frost, glass and light.\nIt has a second line numbered {i}." for i in range(200)]


def test_every_secret_occurs_exactly_as_often_as_asked_for():
    texts, truth = plant(TEXTS, [CanaryPlant(repetitions=[1, 3, 250], each=2)], seed=1)
    whole = "\n".join(texts)
    assert len(truth.canaries) == 2 * 3 * 2 and {c.carrier for c in truth.canaries} == {"documents", "lines"}
    for canary in truth.canaries:
        assert whole.count(canary.sentence) == whole.count(canary.secret) == canary.repetitions
    assert len({canary.prefix for canary in truth.canaries}) == len({c.secret for c in truth.canaries}) == 12


def test_a_secret_is_carried_by_equal_documents_or_stands_alone_on_a_line():
    texts, truth = plant(TEXTS, [CanaryPlant(repetitions=[5], each=2)], seed=2)
    for canary in truth.canaries:
        carriers = [text for text in texts if canary.sentence in text]
        if canary.carrier == "documents":
            assert len(carriers) == 5 and len(set(carriers)) == 1
        else:
            assert len(set(carriers)) == 5 and all(canary.sentence in text.split("\n") for text in carriers)


def test_copies_are_as_many_as_asked_for_and_edits_are_small():
    asked = DuplicatePlant(share=0.1, copies=6, edited=0.5, changed_words=0.1)
    texts, truth = plant(TEXTS, [asked], seed=3)
    assert len(truth.copied) == 20 and len(texts) == 200 + 20 * 6
    for copied in truth.copied:
        original = TEXTS[copied.row]
        assert (copied.exact, copied.edited) == (3, 3)
        assert sum(text == original for text in texts) == 1 + 3
        near = [text for text in texts if text != original and _differing(text, original) <= 2]
        assert len(near) >= 3


def test_originals_keep_their_order_and_equal_seeds_plant_equally():
    plants = [DuplicatePlant(copies=2), CanaryPlant(repetitions=[4])]
    texts, truth = plant(TEXTS, plants, seed=4)
    assert (texts, truth) == plant(TEXTS, plants, seed=4)
    assert texts != plant(TEXTS, plants, seed=5)[0]
    untouched = [text for text in TEXTS if texts.count(text) == 1]
    assert len(untouched) > 100 and [text for text in texts if text in set(untouched)] == untouched


def test_nothing_planted_changes_nothing():
    assert plant(TEXTS, [], seed=0)[0] == TEXTS


@pytest.mark.parametrize("kind", ["code", "email"])
def test_candidates_have_the_form_of_the_secret_and_are_none_of_the_planted(kind):
    _, truth = plant(TEXTS, [CanaryPlant(repetitions=[1], each=8, kinds=[kind])], seed=6)
    planted = {canary.secret for canary in truth.canaries}
    others = secrets(kind, 500, seed=7, but_for=planted)
    assert len(set(others)) == 500 and not planted & set(others)
    assert {_form(secret) for secret in planted} <= {_form(secret) for secret in others}
    assert secrets(kind, 3, 9, {secrets(kind, 1, 9)[0]}) == secrets(kind, 4, 9)[1:]


def test_secrets_without_a_carrier_are_refused():
    with pytest.raises(LabError):
        build(CanaryPlant, {"carriers": []})
    with pytest.raises(LabError):
        build(CanaryPlant, {"repetitions": [0, 1]})


def _differing(a: str, b: str) -> int:
    left, right = a.split(), b.split()
    return sum(x != y for x, y in zip(left, right, strict=True)) if len(left) == len(right) else 99


def _form(secret: str) -> str:
    """What kinds of character a secret has, in turn: a9@a.a or 9-9-9."""
    kinds = ["9" if c.isdigit() else "a" if c.isalpha() else c for c in secret]
    return "".join(kind for i, kind in enumerate(kinds) if not i or kind != kinds[i - 1])
