"""Thinking aloud: the second question after the reasoning, and finding the answer in the text.

Sources: Wei et al. 2022, arXiv:2201.11903 (demonstrations with reasoning); Kojima et al. 2022,
arXiv:2205.11916 ("Let's think step by step", then an answer trigger in a second pass).
"""

import re
from collections.abc import Sequence

from core.spec.messages import ChatMessage
from core.spec.prompt import AnswerRule, PromptSpec

_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")


def second_prompt(spec: PromptSpec, first_prompt: str, reasoning: str) -> str:
    """What a two-stage prompt asks after the reasoning has come: all so far, then the answer trigger."""
    return f"{first_prompt}{reasoning.rstrip()}\n{spec.answer_trigger}"


def second_chat(spec: PromptSpec, first_chat: Sequence[ChatMessage], reasoning: str) -> list[ChatMessage]:
    """The same for a chat: the assistant's reply so far ends with the answer trigger and is continued."""
    chat, begun = list(first_chat), ""
    if chat and chat[-1].role == "assistant":
        begun = chat.pop().content
    reply = f"{begun}{reasoning.rstrip()}\n{spec.answer_trigger}"
    return [*chat, ChatMessage("assistant", reply)]


def extract_answer(text: str, rule: AnswerRule = "whole", trigger: str = "") -> str | None:
    """The answer in what a model wrote, without spaces around it, or None where there is none.

    ``after_trigger`` takes the words after the last ``trigger`` (any case) up to the end of the
    line, less the closing full stop. ``last_number`` gives digits alone: "1,200 eggs" -> "1200".
    """
    text = text.strip()
    if rule == "after_trigger":
        return _after(text, trigger)
    if rule == "last_number":
        found = _NUMBER.findall(text)
        return found[-1].replace(",", "").replace("−", "-") if found else None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if rule in ("last_line", "first_line"):
        return (lines[-1] if rule == "last_line" else lines[0]) if lines else None
    return text or None


def _after(text: str, trigger: str) -> str | None:
    found = list(re.finditer(re.escape(trigger.strip()), text, re.IGNORECASE)) if trigger.strip() else []
    if not found:
        return None
    rest = text[found[-1].end() :].lstrip(" :\n")
    line = rest.splitlines()[0].strip() if rest else ""
    return re.sub(r"[.。]$", "", line).strip() or None
