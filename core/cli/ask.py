"""The verb that lets a model speak: generate."""

import argparse
import sys
import time

from core.cli.options import add_spec, add_workspace, default_workspace, read_spec
from core.errors import LabError
from core.spec.messages import ChatMessage
from core.spec.sampling import SamplingSpec


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("generate", generate, "continue a prompt with a model, token by token")
    add_workspace(parser)
    parser.add_argument("--source", required=True, metavar="MODEL",
                        help="run:NAME, run:NAME@best, a .gguf or .onnx file, or smollm2")
    parser.add_argument("--prompt", required=True, help="the text to continue; - reads it from standard input")
    parser.add_argument("--cache", choices=("f32", "bf16", "int8"), default="f32",
                        help="how keys and values are kept where our own decoder computes a GGUF: bf16 takes half of "
                             "f32's memory, int8 little more than a quarter (default f32)")
    parser.add_argument("--chat", action="store_true", help="ask it as a question, in the model's own chat template")
    add_spec(parser, SamplingSpec)


def generate(args: argparse.Namespace, _open_window) -> dict:
    """Stream an answer to standard output; with --json, one object with every token's probability."""
    settings = read_spec(args)
    prompt = sys.stdin.read() if args.prompt == "-" else args.prompt
    from core.infer.generate import Utf8Stream
    from core.infer.generate import generate as produce
    from core.infer.open import open_engine
    from core.record.folder import Workspace

    engine = open_engine(args.source, Workspace(args.workspace or default_workspace()), args.cache)
    try:
        started = time.monotonic()
        records, stream, text = [], Utf8Stream(), ""
        answer = produce(engine, _prompt_ids(engine, prompt, args.chat), settings)
        for record in answer:
            records.append(record)
            text += _say(stream.feed(record.bytes), args.json)
        text += _say(stream.finish(), args.json)
        elapsed_s = time.monotonic() - started
    finally:
        engine.close()
    if not args.json:
        print()
    return {
        "source": args.source, "prompt": prompt, "text": text, "reason": answer.reason,
        "tokens": [_token(record) for record in records], "elapsed_s": round(elapsed_s, 3),
        "tokens_per_s": round(len(records) / max(elapsed_s, 1e-9), 1)}


def _prompt_ids(engine, prompt: str, chat: bool) -> list[int]:
    if not chat:
        return engine.encode(prompt)
    if not engine.chat_template:
        raise LabError("This model has no chat template.", engine.name, "Leave out --chat.")
    from core.prompt.chat import render_with_template

    text = render_with_template(engine.chat_template, [ChatMessage("user", prompt)])
    return engine.encode(text, special=True)


def _say(text: str, quiet: bool) -> str:
    if not quiet:
        sys.stdout.write(text)
        sys.stdout.flush()
    return text


def _token(record) -> dict:
    return {
        "id": record.id, "text": record.bytes.decode("utf-8", "replace"), "probability": record.probability,
        "rank": record.rank, "entropy": record.entropy}
