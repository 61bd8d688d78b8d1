"""How spec fields and their choices are called in the user's language."""

import re
from html import escape

from PySide6.QtCore import QCoreApplication

from core.spec.base import Field

CHOICES = {
    "layer_norm": "LayerNorm", "rms_norm": "RMSNorm", "learned": "Learned", "sinusoidal": "Sinusoidal",
    "rope": "RoPE", "none": "None", "gelu": "GELU", "gelu_tanh": "GELU (tanh)", "relu": "ReLU", "silu": "SiLU",
    "swiglu": "SwiGLU", "geglu": "GeGLU", "bpe": "Byte-level BPE", "wordpiece": "WordPiece", "unigram": "Unigram",
    "bytes": "Bytes", "characters": "Characters", "auto": "Automatic", "torch": "PyTorch", "ours": "Ours",
    "cpu": "CPU", "cuda": "CUDA", "fp32": "fp32", "bf16": "bf16", "best": "Best", "last": "Last",
    "gguf-f32": "GGUF F32", "gguf-f16": "GGUF F16", "gguf-q8_0": "GGUF Q8_0", "gguf-q4_k_m": "GGUF Q4_K_M",
    "onnx": "ONNX", "pieces": "Pieces of words", "head_and_middle": "Best two thirds", "head": "Best third",
    "number": "Under a number",
    "transformer": "Transformer", "lstm": "LSTM", "window": "Window", "word_vectors": "Word vectors",
    "ngram": "N-grams", "decoder": "Decoder", "prefix": "Prefix decoder", "encoder": "Encoder",
    "encoder_decoder": "Encoder-decoder", "pre": "Before", "post": "After", "sandwich": "Before and after",
    "as_bias": "As the others", "yes": "Yes", "no": "No", "one_norm": "One norm", "two_norms": "Two norms",
    "alibi": "ALiBi", "t5": "T5 buckets", "xl": "Transformer-XL", "deberta": "DeBERTa", "half": "Halves",
    "interleaved": "Neighbours", "linear": "Linear", "ntk": "NTK", "yarn": "YaRN", "relu_squared": "Squared ReLU",
    "tanh": "tanh", "geglu_tanh": "GeGLU (tanh)", "reglu": "ReGLU", "qkv": "Queries, keys, values", "full": "Full",
    "banded": "Banded in turn", "random": "Random", "causal": "Next token", "masked": "Masked tokens",
    "span_corruption": "Span corruption", "infilling": "Text infilling", "denoisers": "Mixture of denoisers",
    "blank_infilling": "Blank infilling", "permutation": "Permutation", "replaced": "Replaced tokens",
    "unilm": "UniLM", "skip_gram": "Skip-gram", "cbow": "CBOW", "token": "Token", "word": "Word", "span": "Span",
    "birth_place": "Birth place", "work_place": "Work place", "birth_date": "Birth date", "employer": "Employer",
    "university": "University", "mentor": "Mentor", "spouse": "Spouse", "sibling": "Sibling",
    "statements": "Statements", "lives": "Lives", "counts": "A list of counts", "zipf": "Zipf's law",
    "monofacts": "A share stated once", "english": "English", "chinese": "Chinese", "add": "Sums",
    "subtract": "Differences", "multiply": "Products", "compare": "Comparisons", "coin_flip": "Coin flips",
    "last_letters": "Last letters", "reverse_list": "Reverse a list", "parity": "Parity",
    "boolean": "Boolean assignment", "object_counting": "Object counting",
    "word_sorting": "Word sorting", "unscramble": "Unscrambling",
    "repeat_copy": "Copying with repetition", "key_value": "Key and value", "weights": "Weights",
    "known": "Known people", "read_stranger": "Notes about strangers", "read_agreeing": "Notes that agree",
    "read_contradicted": "Contradicting notes",
    "adamw": "AdamW", "adafactor": "Adafactor", "muon": "Muon", "lion": "Lion", "sgd": "SGD", "cosine": "Cosine",
    "constant": "Constant", "inverse_sqrt": "Inverse square root", "wsd": "Warm-up, stable, decay",
    "bf16_weights": "bf16 weights", "fp16": "fp16", "on": "On", "off": "Off",
    "proportional": "In proportion", "temperature": "Temperature", "documents": "Documents", "tokens": "Tokens",
}  # fmt: skip
ZERO = r"\b0 = ([^.;,:(。；，：（]+)"  # what help texts say of a zero


def say(text: str) -> str:
    """A label, help text or sentence of a spec, translated."""
    return QCoreApplication.translate("spec", text)


def choice_text(choice: str) -> str:
    """A choice as a person reads it."""
    return say(CHOICES.get(choice, choice))


def rule_title(rule_type: type) -> str:
    """The name of a cleaning rule."""
    return say(rule_type.title)


def number_text(value: float | int | None) -> str:
    """A number as one would type it: 0.001 stays, 0.00003 becomes 3e-05."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.10g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text


def meaning_text(field: Field, value: float) -> str:
    """What stands beside a number: what its zero stands for, a share as per cent, large sizes, or the unit."""
    zero = re.search(ZERO, say(field.help)) if value == 0 else None
    if zero:
        return zero.group(1).strip()
    if field.unit == "bytes" and value >= 1e5:
        return f"{say(field.unit)} ({value / 1e6:,.3g} MB)"
    if field.kind == "float" and not field.unit and field.high in (0.5, 1):
        return f"{100 * value:.3g} %"
    return say(field.unit) if field.unit else ""


def range_text(field: Field) -> str:
    """The allowed range in words; empty when there is none."""
    unit = f" {say(field.unit)}" if field.unit else ""
    low, high = number_text(field.low), number_text(field.high)
    if low and high:
        return QCoreApplication.translate("spec", "From {low} to {high}{unit}.").format(low=low, high=high, unit=unit)
    if low:
        return QCoreApplication.translate("spec", "At least {low}{unit}.").format(low=low, unit=unit)
    if high:
        return QCoreApplication.translate("spec", "At most {high}{unit}.").format(high=high, unit=unit)
    return ""


def tooltip(field: Field) -> str:
    """Help, range, default and source of a field, as rich text."""
    lines = [f"<b>{escape(say(field.label))}</b>", escape(say(field.help)), escape(range_text(field))]
    if isinstance(field.default, int | float) and not isinstance(field.default, bool):
        words = QCoreApplication.translate("spec", "Default: {value}.")
        lines.append(escape(words.format(value=number_text(field.default))))
    if field.source:
        lines.append(f"<i>{escape(field.source)}</i>")
    return "<p>" + "</p><p>".join(line for line in lines if line) + "</p>"
