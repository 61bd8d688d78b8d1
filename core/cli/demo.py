"""The verbs that open the window: open, and demo, which without a display runs in the terminal."""

import argparse
import os
import sys
import time
from pathlib import Path

from core.cli import words
from core.cli.follow import Screen, run_to_end
from core.cli.options import add_workspace, default_workspace
from core.errors import LabError, say
from core.export.usage import llama_command
from core.jobs.registry import KINDS
from core.record.events import Verified
from core.record.folder import ROOMS, Workspace
from core.record.view import read_view
from core.spec.base import build
from core.spec.files import preset

PRESET = "first-model"


def add_verbs(add_verb) -> None:
    """Add the verbs."""
    parser = add_verb("open", open_workspace, "open the window on a workspace")
    parser.add_argument("path", nargs="?", type=Path, metavar="DIR", help="default: the one opened last")
    parser = add_verb("demo", demo, "grow a first model, from real text to files that llama.cpp and ONNX Runtime load")
    add_workspace(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the workspace to grow it in, the same as --workspace")
    parser.add_argument("--headless", action="store_true", help="in the terminal, even where there is a display")


def open_workspace(args: argparse.Namespace | None, open_window) -> int:
    """Open the window, or say why it cannot be opened."""
    if not has_display() and "QT_QPA_PLATFORM" not in os.environ:
        raise LabError("There is no display here to open the window on.", "",
                       "Run: python main.py demo for the whole way in the terminal, or --help for every verb.")
    return open_window(args.path if args else None)


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
    started = time.monotonic()
    start = preset("train", PRESET)
    spec = build(KINDS["grow"].spec_type(), start.values, f"presets/train/{PRESET}.toml")
    workspace = Workspace(path)
    folder = workspace.create("grow", workspace.free_name(ROOMS["grow"], PRESET), spec)
    screen.line(f"{start.title}: {start.about}")
    screen.line(f"Workspace: {workspace.root}")
    view = run_to_end(folder, screen)
    result = report(workspace, folder.name, view.result, time.monotonic() - started)
    _farewell(screen, result, workspace.root, folder.name)
    if not quiet:
        _summary(result)
    return result


def report(workspace: Workspace, name: str, grown: dict, elapsed_s: float) -> dict:
    """The demo's result for machines.

    Args:
        name: what all stages are called.
        grown: the result of the grow job: the result of each stage, by kind.
        elapsed_s: from the command to here.
    """
    funnel = read_view(workspace.path("corpora", name)).funnel
    verified = read_view(workspace.path("exports", name)).verified
    tokenizer, train = grown["tokenizer"], grown["train"]
    measured = ("first_val_bits_per_byte", "last_val_bits_per_byte", "tokens_per_s")
    return {
        "corpus": {key: getattr(funnel, key) for key in ("documents_read", "documents_kept", "rejected")},
        "tokenizer": {key: tokenizer[key] for key in ("vocab_size", "bytes_per_token")},
        "model": {"parameters": train["parameters"]},
        "train": {key: train[key] for key in measured},
        "exports": [_export(event, workspace.path("exports", name)) for event in verified],
        "elapsed_s": round(elapsed_s, 1),
    }


def _export(event: Verified, folder: Path) -> dict:
    columns = ("format", "bytes", "max_logit_difference", "top1_agreement", "perplexity")
    facts = {column: getattr(event, column) for column in columns}
    return facts | {"file": str(folder / event.file), "verdict": say(event.verdict, "", "", event.values)}


def _summary(result: dict) -> None:
    train, corpus = result["train"], result["corpus"]
    print(f"{corpus['documents_kept']:,} of {corpus['documents_read']:,} documents kept")
    print(f"{result['model']['parameters']:,} parameters, {result['tokenizer']['vocab_size']:,} different tokens")
    print(f"{train['first_val_bits_per_byte']:.3f} bits per byte before training, "
          f"{train['last_val_bits_per_byte']:.3f} after")
    for export in result["exports"]:
        print(f"{export['format']:12} {words.size(export['bytes']):>9}  {export['verdict']}")
    print(f"{result['elapsed_s']:.0f} s")


def _farewell(screen: Screen, result: dict, root: Path, name: str) -> None:
    """How to go on: talk to the model here, and in other programs."""
    screen.line("Talk to it here:")
    screen.line(f'python main.py generate --workspace "{root}" --source run:{name} --prompt "Return the"', 1)
    file = next((export["file"] for export in result["exports"] if export["format"] == "gguf-q8_0"), "")
    if file:
        screen.line("Or in llama.cpp:")
        screen.line(llama_command(file), 1)
