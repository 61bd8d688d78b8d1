"""The verb that shows everything once: demo, in the window or in the terminal."""

import argparse
import os
import sys
import time
from pathlib import Path

from core.cli import words
from core.cli.follow import Screen, run_to_end
from core.cli.options import add_workspace, default_workspace

PRESET = "first-model"


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("demo", demo, "grow a first model, from real text to files that llama.cpp and ONNX Runtime load")
    add_workspace(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the workspace to grow it in, the same as --workspace")
    parser.add_argument("--headless", action="store_true", help="in the terminal, even where there is a display")


def demo(args: argparse.Namespace, open_window) -> dict | int:
    """Open the window with the demo under way; without a display, grow the model here."""
    workspace = args.out or args.workspace or default_workspace()
    if not (args.headless or args.json) and has_display():
        return open_window(workspace, start_demo=True)
    return grow(workspace, Screen(), args.json)


def has_display() -> bool:
    """Whether a window can be seen from here."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def grow(path: Path, screen: Screen, quiet: bool) -> dict:
    """Grow the first model in a workspace and report what became of it."""
    from core.jobs.registry import KINDS
    from core.record.folder import ROOMS, Workspace
    from core.spec.base import build
    from core.spec.files import preset

    started = time.monotonic()
    start = preset("train", PRESET)
    spec = build(KINDS["grow"].spec_type(), start.values, f"presets/train/{PRESET}.toml")
    workspace = Workspace(path)
    folder = workspace.create("grow", workspace.free_name(ROOMS["grow"], PRESET), spec)
    screen.line(f"{start.title}: {start.about}")
    screen.line(f"Workspace: {workspace.root}")
    view = run_to_end(folder, screen)
    result = report(view.result, time.monotonic() - started)
    _farewell(screen, view.result, result, workspace.root)
    if not quiet:
        _summary(result)
    return result


def report(grown: dict, elapsed_s: float) -> dict:
    """The demo's result for machines, from the result of the grow job."""
    chosen = {
        "corpus": ("documents_read", "documents_kept", "rejected"),
        "tokenizer": ("vocab_size", "bytes_per_token"),
        "model": ("parameters",),
        "train": ("first_val_bits_per_byte", "last_val_bits_per_byte", "tokens_per_s"),
    }
    result: dict = {part: {key: grown[part][key] for key in keys} for part, keys in chosen.items()}
    columns = ("format", "file", "bytes", "max_logit_difference", "top1_agreement", "perplexity", "verdict")
    result["exports"] = [{key: export.get(key) for key in columns} for export in grown["exports"]]
    result["elapsed_s"] = round(elapsed_s, 1)
    return result


def _summary(result: dict) -> None:
    train, corpus = result["train"], result["corpus"]
    print(f"{corpus['documents_kept']:,} of {corpus['documents_read']:,} documents kept")
    print(f"{result['model']['parameters']:,} parameters, {result['tokenizer']['vocab_size']:,} tokens in the vocabulary")
    print(f"{train['first_val_bits_per_byte']:.3f} bits per byte before training, "
          f"{train['last_val_bits_per_byte']:.3f} after")
    for export in result["exports"]:
        print(f"{export['format']:12} {words.size(export['bytes']):>9}  {export['verdict']}")
    print(f"{result['elapsed_s']:.0f} s")


def _farewell(screen: Screen, grown: dict, result: dict, root: Path) -> None:
    """How to go on: talk to the model here, and in other programs."""
    run = grown.get("train", {}).get("run") or grown.get("run")
    if run:
        screen.line("Talk to it here:")
        screen.line(f'python main.py generate --workspace "{root}" --source run:{run} --prompt "Return the"', 1)
    gguf = next((e["file"] for e in result["exports"] if e["format"] == "gguf-q8_0"), "")
    if gguf:
        screen.line("Or in llama.cpp:")
        screen.line(f'llama-cli -m "{_absolute(gguf, root)}" -no-cnv -p "Return the"', 1)


def _absolute(file: str, root: Path) -> Path:
    path = Path(file)
    if path.is_absolute():
        return path
    found = sorted(root.glob(f"exports/*/{path.name}"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else root / path
