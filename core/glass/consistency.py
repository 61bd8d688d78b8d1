"""The same question answered again and again: which answers agree by their words, and what a model says of its own.

No model of entailment is asked: two answers are one cluster where their words are the same. Torch-free.
"""

import math
from collections.abc import Callable, Sequence

from core.glass import detectors
from core.glass.claims import sentences
from core.infer.batch import Ask, Written, read_many, write_many
from core.infer.engine import Engine
from core.prompt.chat import render_with_template
from core.spec.doubt import Cluster, SamplesSeen, TruthSeen
from core.spec.messages import ChatMessage

VOCABULARY = 1  # of self-check: one added for a word that no answer has, as SelfCheckGPT's own unigram counts it
TRUE_ASKED = (
    "Question: {question}\n Possible answer:{answer}\n Is the possible answer:\n (A) True\n (B) False\n"
    " The possible answer is:")  # fmt: skip


def draw_answers(
    engine: Engine, prompt: Sequence[int], samples: int, most_tokens: int, seed: int,
    check: Callable[[], None] = lambda: None,
) -> list[Written]:  # fmt: skip
    """Answers drawn with no filter at temperature 1, each from its own seed."""
    asks = [Ask(tuple(prompt), seed * 1_000_003 + number) for number in range(samples)]
    return write_many(engine, asks, most_tokens, "", lambda _: check())


def compare(answer: str, mean_log_p: float, drawn: Sequence[Written]) -> SamplesSeen:
    """How far drawn answers agree with each other and with the answer itself.

    All are compared up to the end of their first sentence: what follows it is another statement, and answers that were
    cut off by their length would never be equal.

    Args:
        mean_log_p: of the tokens of the answer's first sentence, nats.
    """
    compared, texts = first_sentence(answer), [first_sentence(one.text) for one in drawn]
    scores = {
        "monte_carlo_entropy": detectors.monte_carlo_entropy([sum(one.log_p) for one in drawn]),
        "lexical_entropy": detectors.lexical_entropy(texts),
        "lexical_similarity": detectors.lexical_similarity(texts),
        "degree_matrix": detectors.degree_matrix(texts),
        "eigenvalue_sum": detectors.eigenvalue_sum(texts),
        "eccentricity": detectors.eccentricity(texts),
        "cocoa": detectors.cocoa([mean_log_p], compared, texts),
        "sample_disagreement": sum(_words(text) != _words(compared) for text in texts) / len(texts),
    }
    parts = [answer[start:end] for start, end in sentences(answer)]
    surprise = self_check(parts, [one.text for one in drawn])
    scores["self_check"] = max(surprise, default=0.0)
    return SamplesSeen(texts, clusters(texts, compared), compared, scores, surprise)


def clusters(texts: Sequence[str], answer: str) -> list[Cluster]:
    """Answers with the same words, the most frequent first."""
    counted: dict[tuple, list[str]] = {}
    for text in texts:
        counted.setdefault(_words(text), []).append(text)
    same = _words(answer)
    found = [Cluster(members[0], len(members), key == same) for key, members in counted.items()]
    return sorted(found, key=lambda cluster: -cluster.count)


def self_check(parts: Sequence[str], others: Sequence[str]) -> list[float]:
    """For each sentence of an answer the greatest surprise of a word under the words of all answers, nats.

    Source: Manakul et al. 2023, SelfCheckGPT, arXiv:2303.08896, section 5.3: unigrams, maximum; the answer itself is
    among the texts counted.
    """
    spoken = [detectors.words(text) for text in (*others, " ".join(parts))]
    chances = detectors.unigrams(spoken, len({word for text in spoken for word in text}) + VOCABULARY)
    return [detectors.self_check_ngram([chances[word] for word in detectors.words(part)])
            if detectors.words(part) else 0.0 for part in parts]  # fmt: skip


def ask_whether_true(engine: Engine, question: str, answer: str) -> TruthSeen:
    """The chance that the model goes on with "True", and with "False", when shown its own answer.

    A chat model is asked in its own template.

    Raises:
        LabError: both together are longer than the context.
    Source: Kadavath et al. 2022, arXiv:2207.05221; the wording is LM-Polygraph's.
    """
    asked, space = TRUE_ASKED.format(question=question, answer=answer), " "
    prompt = engine.encode(asked)
    if engine.chat_template:
        chat = [ChatMessage("user", asked)]
        rendered = render_with_template(engine.chat_template, chat, getattr(engine, "end_text", ""))
        prompt, space = engine.encode(rendered, special=True), ""
    true, false = read_many(engine, [(prompt, engine.encode(space + word)) for word in ("True", "False")])
    return TruthSeen(true=math.exp(true), false=math.exp(false), asked=asked)


def first_sentence(text: str) -> str:
    """A text up to the end of its first sentence."""
    found = sentences(text)
    return text[found[0][0] : found[0][1]] if found else text.strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(detectors.words(text))
