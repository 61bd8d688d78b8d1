"""From a prompt template and a question to the text, or the chat, that a model is given."""

from collections.abc import Sequence
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import LabError
from core.spec.base import build
from core.spec.files import preset, preset_names
from core.spec.messages import ChatMessage
from core.spec.prompt import Demonstration, PromptSpec

TEXTS = ("system", "instruction", "input_label", "output_label", "separator", "reasoning_trigger", "answer_trigger")


def prompt_preset(name: str) -> PromptSpec:
    """The values of one preset of presets/prompts.

    Raises:
        LabError: no such preset, or a broken one.
    """
    return build(PromptSpec, preset("prompts", name).values, f"presets/prompts/{name}.toml")


def prompt_preset_names() -> list[str]:
    """Names of the prompt presets, in the order they should be offered."""
    return preset_names("prompts")


def render(
    spec: PromptSpec,
    input: str | None = None,
    demonstrations: Sequence[Demonstration] | None = None,
    turns: Sequence[ChatMessage] = (),
) -> str:
    """The prompt as plain text, for a model that continues text.

    Args:
        input: the question; the spec's own example where None.
        demonstrations: the worked examples; the spec's own where None.
        turns: what was said before in this conversation, oldest first.
    Raises:
        LabError: the layout is not valid Jinja2, or uses a name that does not exist.
    """
    values = {name: getattr(spec, name) for name in TEXTS}
    values["input"] = spec.input if input is None else input
    values["demonstrations"] = list(spec.demonstrations if demonstrations is None else demonstrations)
    values["turns"] = list(turns)
    try:
        return _environment().from_string(spec.layout).render(values)
    except TemplateSyntaxError as error:
        raise LabError(
            "The layout has a mistake in line {line}: {error}.", "layout", "Mend that line.",
            line=error.lineno, error=str(error.message).rstrip("."),
        ) from None  # fmt: skip
    except (TemplateError, TypeError, ArithmeticError, OverflowError) as error:
        raise LabError(
            "The layout cannot be filled in: {error}.", "layout", "It may use: {names}.",
            error=str(error).rstrip("."), names=", ".join(sorted(values)),
        ) from None  # fmt: skip


def render_chat(
    spec: PromptSpec,
    input: str | None = None,
    demonstrations: Sequence[Demonstration] | None = None,
    turns: Sequence[ChatMessage] = (),
) -> list[ChatMessage]:
    """The same request for a model with a chat template of its own.

    The system text and the instruction become the system message, every demonstration a turn of
    the user and one of the assistant, and the question the last turn. A reasoning trigger becomes
    the beginning of the reply, which the model then continues.
    """
    demonstrations = spec.demonstrations if demonstrations is None else demonstrations
    system = "\n".join(filter(None, (spec.system, spec.instruction)))
    chat = [ChatMessage("system", system)] if system else []
    for shown in demonstrations:
        answer = " ".join(filter(None, (shown.reasoning, spec.answer_trigger, shown.output)))
        reply = answer if shown.reasoning else shown.output
        chat += [ChatMessage("user", shown.input), ChatMessage("assistant", reply)]
    chat += turns
    chat.append(ChatMessage("user", spec.input if input is None else input))
    if spec.reasoning_trigger:
        chat.append(ChatMessage("assistant", spec.reasoning_trigger))
    return chat


def parts(spec: PromptSpec) -> frozenset[str]:
    """The names that the layout uses ("system", "instruction", "demonstrations", "turns", ...).

    "reasoning" is among them when the demonstrations show theirs; empty for a broken layout.
    """
    try:
        found = meta.find_undeclared_variables(_environment().parse(spec.layout))
    except TemplateError:
        return frozenset()
    return frozenset(found | ({"reasoning"} if ".reasoning" in spec.layout else set()))


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    """Templates come from files that people exchange: they may read what they are given and nothing else."""
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=False, autoescape=False
    )
