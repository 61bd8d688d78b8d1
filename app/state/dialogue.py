"""From what stands in the prompt editor to what the engine is asked, first and second time."""

import msgspec
from msgspec.structs import replace

from core.prompt.chain_of_thought import extract_answer, second_chat, second_prompt
from core.prompt.template import parts, prompt_preset, render, render_chat
from core.spec.base import build
from core.spec.messages import ChatMessage
from core.spec.prompt import Demonstration, PromptSpec
from core.spec.sampling import SamplingSpec

PLAIN, CHAT = "plain", "chat"


class Question(msgspec.Struct):
    """One request to the engine: a text or a chat, settings, and what its answer is for."""

    spec: PromptSpec
    prompt: str
    chat: list[ChatMessage] | None
    settings: SamplingSpec
    stage: int = 1


def editor_values(name: str) -> dict:
    """What the editor shows when a template is chosen: the preset's own example."""
    spec = prompt_preset(name)
    return {"template": name, "system": spec.system, "instruction": spec.instruction, "input": spec.input,
            "demonstrations": msgspec.to_builtins(spec.demonstrations)}  # fmt: skip


def template_uses(name: str) -> frozenset[str]:
    """The parts of the editor that a template needs."""
    return parts(prompt_preset(name)) & {"system", "instruction", "demonstrations", "reasoning"}


def make_question(prompt: dict, settings: dict, turns: list[ChatMessage], has_chat: bool) -> Question:
    """What to ask first; a model with a chat template is spoken to through it, except with the plain template.

    Raises:
        LabError: the template cannot be filled in, or a setting is out of range.
    """
    spec = replace(
        prompt_preset(prompt["template"]), system=prompt["system"], instruction=prompt["instruction"],
        demonstrations=[build(Demonstration, row) for row in prompt["demonstrations"]])  # fmt: skip
    as_chat = has_chat and prompt["template"] != PLAIN
    chat = render_chat(spec, prompt["input"], turns=turns) if as_chat else None
    text = "" if as_chat else render(spec, prompt["input"], turns=turns)
    # A chat model ends its turn by itself; the stop texts are for models that only continue text.
    stop = [] if as_chat else list(spec.stop)
    return Question(spec, text, chat, build(SamplingSpec, {**settings, "stop": stop}))


def follow_up(question: Question, answer: str) -> Question | None:
    """The second question of a template that asks twice; None when the answer stands."""
    if not question.spec.two_stage or question.stage > 1:
        return None
    if question.chat is not None:
        return replace(question, chat=second_chat(question.spec, question.chat, answer), stage=2)
    return replace(question, prompt=second_prompt(question.spec, question.prompt, answer), stage=2)


def found_answer(question: Question, text: str) -> str:
    """The answer in the model's words, by the template's rule; empty when the whole text is the answer."""
    spec = question.spec
    if spec.answer_rule == "whole":
        return ""
    return extract_answer(text, spec.answer_rule, spec.answer_trigger) or ""
