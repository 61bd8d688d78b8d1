"""Mixtures: shares as asked, limits kept, held-out text never trained on, the same bytes again."""

import itertools
import json
from collections import Counter

import pytest

from core.data.documents import Document, Documents, DocumentWriter
from core.data.mixture import run
from core.data.shares import asked_shares, plan_mixture
from core.errors import LabError
from core.record.control import Control, StopRequested, request
from core.record.events import Noted
from core.record.folder import Workspace, inputs_of
from core.record.lineage import write_outputs
from core.spec.corpus import CorpusSpec
from core.spec.mixture import MixtureSpec, Part


def corpus(tmp_path, name, texts, held_out=()):
    """A finished corpus of these texts; those at the places in ``held_out`` are held out."""
    folder = Workspace(tmp_path).create("corpus", name, CorpusSpec(sources=["x"]))
    for which in ("kept", "rejected"):
        writer = DocumentWriter(folder.root, which)
        for place, text in enumerate(texts if which == "kept" else ()):
            writer.add(Document(id=place, text=text, source=f"{name}.txt", line=place + 1,
                                split="held_out" if place in held_out else "train"))  # fmt: skip
        writer.commit()
    write_outputs(folder.root)


def mix(tmp_path, name="m", parts=(), **spec):
    """Run the job; the result, the documents and the events."""
    parts = [Part(corpus=part) if isinstance(part, str) else Part(**part) for part in parts]
    spec = MixtureSpec(parts=parts, **spec)
    folder = Workspace(tmp_path).create("mixture", name, spec)
    events = []
    result = run(spec, folder, events.append, Control(folder.root, events.append))
    return result, Documents(folder.root), events


@pytest.fixture
def three(tmp_path):
    """Short, middling and long documents: 900, 300 and 60 of them, a tenth held out."""
    for name, count, words in (("short", 900, 5), ("middling", 300, 20), ("long", 60, 100)):
        texts = [" ".join([f"{name}{i}"] * words) for i in range(count)]
        corpus(tmp_path, name, texts, held_out=range(0, count, 10))
    return tmp_path


def train_sizes(documents, unit):
    sizes = Counter()
    for document in documents.iter("train"):
        sizes[document.corpus] += 1 if unit == "documents" else len(document.text.encode())
    return sizes


@pytest.mark.parametrize("unit", ["documents", "bytes"])
@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 3, 2), (1, 0, 9)])
def test_shares_are_as_asked_in_the_unit_asked_for(three, unit, weights):
    parts = [{"corpus": name, "weight": w} for name, w in zip(("short", "middling", "long"), weights)]
    size = 100 if unit == "documents" else 30_000
    result, documents, _ = mix(three, parts=parts, unit=unit, size=size)
    got = train_sizes(documents, unit)
    nearest = 0.99 if unit == "documents" else 400  # half of the longest document
    for part, row in zip(parts, result["parts"]):
        assert row["asked"] == pytest.approx(part["weight"] / sum(weights))
        assert abs(got[part["corpus"]] - size * row["asked"]) <= nearest
        assert row[f"share_{unit}"] == pytest.approx(got[part["corpus"]] / sum(got.values()))
        assert row["documents"] == sum(d.corpus == part["corpus"] for d in documents.iter("train"))


@pytest.mark.parametrize(("size", "taken"), [(130, 1), (170, 2), (430, 4), (1270, 13)])
def test_a_part_comes_as_near_its_amount_as_whole_documents_can(tmp_path, size, taken):
    corpus(tmp_path, "hundreds", [f"{i:03d} " + 96 * "x" for i in range(10)])
    result, documents, _ = mix(tmp_path, parts=["hundreds"], size=size)
    assert len(documents) == taken == result["parts"][0]["documents"]


def test_no_document_is_used_more_often_than_allowed_and_the_others_make_up_for_it(three):
    parts = [{"corpus": "short", "weight": 1}, {"corpus": "middling", "weight": 1},
             {"corpus": "long", "weight": 8, "most_epochs": 2.5}]  # fmt: skip
    result, documents, events = mix(three, parts=parts, unit="documents", size=1000)
    uses = Counter(document.text for document in documents.iter("train"))
    times = Counter(uses[text] for text in uses if text.startswith("long"))
    assert times == {2: 27, 3: 27}  # 54 documents, two and a half passes
    short, middling, long = result["parts"]
    assert long["documents"] == 135 and long["epochs"] == 2.5 and long["limited"] and not short["limited"]
    assert abs(short["documents"] - middling["documents"]) <= 1
    assert short["documents"] + middling["documents"] + 135 == 1000
    notes = [event.values for event in events if isinstance(event, Noted)]
    assert notes == [{"corpus": "long", "epochs": "2.5"}]


def test_a_mixture_that_cannot_be_so_large_says_so(three):
    result, documents, events = mix(three, parts=["long"], unit="documents", size=1000, most_epochs=3.0)
    assert result["parts"][0]["documents"] == 3 * 54
    assert {"percent": "16.2"} in [e.values for e in events if isinstance(e, Noted)]


def test_without_a_size_proportional_parts_are_all_there_is_once(three):
    result, documents, _ = mix(three, parts=["short", "middling", "long"], weighting="proportional")
    whole = [d.text for name in ("short", "middling", "long") for d in Documents(three / "corpora" / name)]
    assert sorted(d.text for d in documents) == sorted(whole)
    assert [row["epochs"] for row in result["parts"]] == [1.0, 1.0, 1.0]
    runs = [len(list(run)) for _, run in itertools.groupby(document.corpus for document in documents)]
    assert max(runs) < 60  # shuffled, not one corpus after the other


def test_temperature_evens_out_the_shares():
    parts = [Part(corpus="a"), Part(corpus="b"), Part(corpus="c", weight=0)]
    shares = {t: asked_shares(MixtureSpec(parts=parts, weighting="temperature", temperature=t), [900, 100, 50])
              for t in (1.0, 2.0, 1000.0)}  # fmt: skip
    assert shares[1.0] == pytest.approx([0.9, 0.1, 0]) and shares[2.0] == pytest.approx([0.75, 0.25, 0])
    assert shares[1000.0] == pytest.approx([0.5, 0.5, 0], abs=1e-3)


def test_the_plan_says_what_the_job_then_does(three):
    parts = [{"corpus": "short", "weight": 2}, {"corpus": "long", "weight": 7}]
    result, _, _ = mix(three, parts=parts, size=100_000, most_epochs=2.0)
    spec = MixtureSpec(parts=[Part(**part) for part in parts], size=100_000, most_epochs=2.0)
    planned = plan_mixture(spec, [row["bytes_there"] for row in result["parts"]])
    assert [plan.limited for plan in planned] == [row["limited"] for row in result["parts"]] == [False, True]
    for plan, row in zip(planned, result["parts"]):
        assert plan.amount == pytest.approx(row["bytes"], abs=400) and plan.epochs == pytest.approx(row["epochs"], 0.01)


def test_documents_keep_their_source_and_split_and_say_their_corpus(three):
    _, documents, _ = mix(three, parts=["short", "long"], unit="documents", size=700)
    assert [d.id for d in documents] == list(range(len(documents)))
    for document in documents:
        original = Documents(three / "corpora" / document.corpus)[document.line - 1]
        assert (original.text, original.source, original.split) == (document.text, document.source, document.split)


def test_held_out_text_is_held_out_once_and_never_trained_on(tmp_path):
    corpus(tmp_path, "one", [f"text {i} of many" for i in range(100)], held_out=range(20))
    corpus(tmp_path, "two", [f"Text {i}  of many" for i in range(50, 150)] + ["TEXT 3 OF MANY"], held_out=range(10))
    result, documents, events = mix(tmp_path, parts=["one", "two"], weighting="proportional", size=9000)
    def folded(split):
        return [" ".join(document.text.casefold().split()) for document in documents.iter(split)]
    held_out, trained = folded("held_out"), folded("train")
    assert len(held_out) == 30 == len(set(held_out)) and not set(held_out) & set(trained)
    assert result["left_out"] == 11  # ten of "one" held out in "two", and one the other way
    assert max(Counter(trained).values()) > 1
    assert {"count": 11} in [e.values for e in events if isinstance(e, Noted)]


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_order(three):
    names = [mix(three, name, ["short", "long"], size=9000, seed=seed) and name for name, seed in
             (("a", 0), ("b", 0), ("c", 1))]  # fmt: skip
    def data(name, file):
        return (three / "corpora" / name / file).read_bytes()
    for file in ("kept.jsonl", "kept.idx", "rejected.jsonl", "report.json"):
        assert data(names[0], file) == data(names[1], file)
    assert data("a", "kept.jsonl") != data("c", "kept.jsonl")


def test_tokens_are_counted_with_the_tokenizer_named(three):
    from core.spec.tokenizer import TokenizerSpec
    from core.tokens.job import run as learn
    from core.tokens.tokenizer import Tokenizer

    spec = TokenizerSpec(corpus="middling", vocab_size=300)
    folder = Workspace(three).create("tokenizer", "t", spec)
    learn(spec, folder, lambda _: None, Control(folder.root, lambda _: None))
    write_outputs(folder.root)
    parts = [{"corpus": "short", "weight": 1}, {"corpus": "long", "weight": 3}]
    result, documents, _ = mix(three, parts=parts, unit="tokens", size=8000, tokenizer="t")
    tokenizer, counts = Tokenizer.load(folder.root), Counter()
    for document in documents.iter("train"):
        counts[document.corpus] += len(tokenizer.encode(document.text))
    assert [row["tokens"] for row in result["parts"]] == [counts["short"], counts["long"]]
    assert result["tokens"] == counts.total() == pytest.approx(8000, abs=600)
    assert result["parts"][0]["share_tokens"] == pytest.approx(0.25, abs=0.02)


def test_every_part_is_recorded_as_an_input(three):
    mix(three, "m", ["short", "long"])
    asked = json.dumps(Workspace(three).folder("corpora", "m").request["inputs"])
    assert "corpora/short" in asked and "corpora/long" in asked
    spec = MixtureSpec(parts=[Part(corpus="a")], unit="tokens", tokenizer="t")
    assert {("corpora", "a"), ("tokenizers", "t")} == set(inputs_of("mixture", spec).values())


def test_a_stopped_mixture_leaves_no_half_file(three):
    spec = MixtureSpec(parts=[Part(corpus="short")])
    folder = Workspace(three).create("mixture", "m", spec)
    request(folder.root, "stop")
    with pytest.raises(StopRequested):
        run(spec, folder, lambda _: None, Control(folder.root, lambda _: None))
    assert {path.name for path in folder.root.iterdir()} == {"spec.toml", "control"}


def test_mixtures_that_cannot_be_are_refused_in_words(tmp_path):
    for wrong in ({"parts": []}, {"parts": [Part(corpus="a", weight=0)]}, {"parts": [Part(corpus="a")] * 2},
                  {"parts": [Part(corpus="a")], "unit": "tokens"}):  # fmt: skip
        with pytest.raises(LabError):
            MixtureSpec(**wrong)
    corpus(tmp_path, "held", ["only held out"], held_out=[0])
    with pytest.raises(LabError, match="nothing to train on"):
        mix(tmp_path, parts=["held"])
    with pytest.raises(LabError, match="no nowhere"):
        mix(tmp_path, parts=["nowhere"])
