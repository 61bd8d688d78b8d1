"""What one check found, and how it asks another process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

ROOT = Path(__file__).resolve().parents[3]


class Check(msgspec.Struct, frozen=True):
    """One thing looked at: what was found and, unless all is well, what to do in one sentence."""

    name: str
    state: Literal["ok", "warning", "problem"]
    found: str
    remedy: str = ""
    group: str = ""

    def plain(self) -> dict:
        """For machines."""
        return {key: value for key, value in msgspec.structs.asdict(self).items() if value}


class Answer(msgspec.Struct, frozen=True):
    """How a probe ended: its exit status (negative = a signal), its lines of JSON as one, and what it said."""

    status: int
    values: dict
    said: str

    @property
    def last_words(self) -> str:
        """The last line it wrote on standard error."""
        lines = [text for text in self.said.splitlines() if text.strip()]
        return lines[-1].strip()[:300] if lines else f"exit status {self.status}"


def probe(*arguments: str, timeout_s: float = 120.0, **environment: str) -> Answer:
    """Run Python in a process of its own, since what is probed may abort; it prints lines of JSON."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}
    try:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=variables, capture_output=True, encoding="utf-8",
            errors="replace", timeout=timeout_s, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(-1, {}, f"no answer within {timeout_s:.0f} s")
    return Answer(done.returncode, _json_lines(done.stdout), done.stderr)


def _json_lines(text: str) -> dict:
    found = {}
    for line in text.splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue  # a library printed something
        if isinstance(values, dict):
            found |= values
    return found
