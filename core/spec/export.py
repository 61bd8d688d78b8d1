"""What to ship, in which formats, and how to check it; and what to index."""

from typing import Annotated, Literal

import msgspec

from core.spec.base import Spec, about

Format = Literal["gguf-f32", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "onnx"]
FORMATS: tuple[Format, ...] = ("gguf-f32", "gguf-f16", "gguf-q8_0", "gguf-q4_k_m", "onnx")


class ExportSpec(Spec):
    """Files to write from a trained run, each checked in its own runtime."""

    run: Annotated[str, about("Run", "The trained model to ship.", picks="runs")]
    checkpoint: Annotated[Literal["best", "last"], about(
        "Checkpoint", "The best by validation loss, or the last.")] = "best"
    formats: Annotated[list[Format], about("Formats", "Which files to write.")] = msgspec.field(
        default_factory=lambda: list(FORMATS))
    verify: Annotated[bool, about(
        "Verify", "Load every file in its own runtime and compare its answers with the trained model's.")] = True
    verify_tokens: Annotated[int, about(
        "Verify on", "Tokens of held-out text to compare on.", low=32, high=1 << 24, unit="tokens",
        expert=True)] = 4096


class VerifySpec(Spec):
    """Check the files of an earlier export again."""

    export: Annotated[str, about("Export", "The export to check.", picks="exports")]
    verify_tokens: Annotated[int, about(
        "Verify on", "Tokens of held-out text to compare on.", low=32, high=1 << 24, unit="tokens",
        expert=True)] = 4096


class IndexSpec(Spec):
    """An index over a run's own training tokens, so that its words can be traced to their text."""

    run: Annotated[str, about("Run", "Whose training text to index.", picks="runs")]
    memory_mb: Annotated[int, about(
        "Memory", "What sorting may take at once. A longer text is sorted in parts, which are then merged on disk.",
        low=16, high=1 << 20, unit="MB", expert=True)] = 4096
