"""How to run what was exported: a Modelfile for Ollama and one page of plain words."""

import re
from pathlib import Path

from core.record.atomic import write_text

PREFERRED = ("gguf-q8_0", "gguf-f16", "gguf-f32", "gguf-q4_k_m")  # small without a loss that is felt, first


def llama_command(file: str | Path, tokens: int = 64) -> str:
    """The line that runs a GGUF in llama.cpp; -no-cnv because a model grown here continues text, it does not chat."""
    return f'llama-completion -m "{file}" -n {tokens} -no-cnv -p "Return the"'


def write_usage(folder: Path, name: str, context: int, files: dict[str, str]) -> None:
    """Write README.txt, and Modelfile where there is a GGUF.

    Args:
        folder: the export's folder.
        name: the run's name.
        context: the model's context, tokens.
        files: format to file name.
    """
    gguf = next((files[format] for format in PREFERRED if format in files), None)
    lines = [f"{name}: a language model grown with Coldframe. It continues text; it does not follow instructions.", ""]
    tag = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "model"
    if gguf:
        write_text(folder / "Modelfile", modelfile(gguf, context))
        lines += [
            f"llama.cpp:  {llama_command(gguf)}",
            f"Ollama:     ollama create {tag} -f Modelfile && ollama run {tag}",
        ]
    if "onnx" in files:
        lines += [
            f"ONNX:       onnxruntime.InferenceSession('{files['onnx']}').run(['logits'], {{'ids': np.array([[0]])}})",
            "            Token 0 starts every text; the tokenizer is in the file's metadata (coldframe.tokenizer).",
        ]
    lines += ["", "parity.json, where there is one, says how each file's answers differ from the trained model's."]
    write_text(folder / "README.txt", "\n".join(lines) + "\n")


def modelfile(file: str, context: int) -> str:
    """An Ollama Modelfile that hands the prompt over as it is: the model knows no chat."""
    return (
        f'FROM ./{file}\nTEMPLATE """{{{{ .Prompt }}}}"""\nPARAMETER num_ctx {context}\n'
        'PARAMETER stop "<|endoftext|>"\n'
    )
