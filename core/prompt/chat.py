"""A conversation written out as a model expects it, by the chat template that came with the model."""

import datetime
from collections.abc import Sequence

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import LabError
from core.spec.messages import ChatMessage


def render_with_template(template: str, chat: Sequence[ChatMessage], end_text: str = "") -> str:
    """The text of ``chat`` under a model's own Jinja2 template, ready for the assistant's next words.

    The start token is left out: the engine adds it. When the last message is the assistant's, it
    is left open, so that the model continues it.

    Args:
        template: as GGUF's ``tokenizer.chat_template`` or Hugging Face's ``chat_template`` store it.
        end_text: what the template knows as ``eos_token``.
    Raises:
        LabError: the template is broken or refuses this conversation.
    """
    begun = chat[-1].content if chat and chat[-1].role == "assistant" else ""
    turns = chat[:-1] if begun else chat
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    try:
        text = _environment().from_string(template).render(
            messages=messages, add_generation_prompt=True, bos_token="", eos_token=end_text, tools=None
        )
    except (TemplateError, TypeError, ArithmeticError) as error:
        raise LabError(
            "This model's chat template does not accept the conversation: {error}.", "",
            "Use a plain prompt, or leave out the system message.", error=str(error).rstrip("."),
        ) from None  # fmt: skip
    return text + begun


def _environment() -> ImmutableSandboxedEnvironment:
    """The settings and extra functions that Hugging Face's templates rely on."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda pattern: datetime.datetime.now().strftime(pattern)
    return environment


def _refuse(message: str) -> None:
    raise TemplateError(message)
