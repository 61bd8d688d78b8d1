"""How a question is put to a model: the words around it, worked examples, and where the answer stands."""

from typing import Annotated, Literal

import msgspec

from core.spec.base import Spec, about

AnswerRule = Literal["whole", "first_line", "last_line", "last_number", "after_trigger"]


class Demonstration(Spec):
    """One worked example that is shown to the model before the question."""

    input: Annotated[str, about("Input", "What is asked in the example.")]
    output: Annotated[str, about("Output", "The right answer.")]
    reasoning: Annotated[str, about(
        "Reasoning", "The steps that lead to the answer; used by chains of thought.")] = ""


class PromptSpec(Spec):
    """A prompt template and what is filled into it; rendered by core.prompt.template."""

    layout: Annotated[str, about(
        "Layout", "The whole prompt as a Jinja2 template. It may use input, demonstrations (each with input, output "
        "and reasoning), turns (each with role and content), and every text below by its name.", expert=True)] = (
        "{{ input }}")
    system: Annotated[str, about(
        "System", "Who the model is and how it should answer; goes first.")] = ""
    instruction: Annotated[str, about("Instruction", "What to do with the input, in one sentence.")] = ""
    input_label: Annotated[str, about("Input label", "Stands before every input.")] = ""
    output_label: Annotated[str, about(
        "Output label", "Stands before every output; the prompt ends with it, without a space, because "
        "tokens usually begin with theirs.")] = ""
    separator: Annotated[str, about("Separator", "Stands between examples.", expert=True)] = "\n\n"
    reasoning_trigger: Annotated[str, about(
        "Reasoning trigger", "The first words of the answer, which make the model think aloud.",
        source="Kojima et al. 2022, arXiv:2205.11916")] = ""
    answer_trigger: Annotated[str, about(
        "Answer trigger", "The words after which the answer itself stands.",
        source="Kojima et al. 2022, arXiv:2205.11916")] = ""
    two_stage: Annotated[bool, about(
        "Ask twice", "After the reasoning, the model is asked again with the answer trigger added.",
        source="Kojima et al. 2022, arXiv:2205.11916")] = False
    answer_rule: Annotated[AnswerRule, about(
        "Answer is", "Which part of the model's text counts as its answer.", expert=True)] = "whole"
    stop: Annotated[list[str], about(
        "Stop at", "The model's text ends just before any of these.")] = msgspec.field(default_factory=list)
    demonstrations: Annotated[list[Demonstration], about(
        "Demonstrations", "Worked examples shown before the question, in this order.",
        source="Brown et al. 2020, arXiv:2005.14165")] = msgspec.field(default_factory=list)
    input: Annotated[str, about("Input", "The question itself.")] = ""
