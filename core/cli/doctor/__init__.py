"""The verb that checks an installation and says how to mend what is wrong: doctor."""

import argparse
import json

from core.cli.doctor import llama, machine, packages, window
from core.cli.doctor.check import Check
from core.cli.options import add_workspace, default_workspace

STATES = ("ok", "warning", "problem")


def add_verbs(add_verb) -> None:
    """Add the verb."""
    add_workspace(add_verb("doctor", doctor, "check the installation and say how to mend what is wrong"))


def doctor(args: argparse.Namespace, _open_window) -> int:
    """Print one line a check; 0 unless something is a problem."""
    found = []
    for check in examine(args.workspace or default_workspace()):
        found.append(check)
        if not args.json and not (check.group == "package" and check.state == "ok"):
            print(line(check), flush=True)
    worst = max((check.state for check in found), key=STATES.index)
    if args.json:
        print(json.dumps({"state": worst, "checks": [check.plain() for check in found]}, ensure_ascii=False))
    else:
        print(_verdict(found))
    return 1 if worst == "problem" else 0


def examine(workspace):
    """All checks, one after the other; each is told as soon as it is known."""
    yield machine.python()
    yield from packages.packages()
    yield machine.compiler()
    yield machine.processor()
    yield from machine.engine()
    yield from llama.llama()
    yield from window.window()
    yield from machine.space(workspace)


def line(check: Check) -> str:
    """One check as a line of text, its remedy below it."""
    text = f"{check.state:8} {check.name:18} {check.found}"
    return f"{text}\n{'':27} → {check.remedy}" if check.remedy else text


def _verdict(found: list[Check]) -> str:
    problems = sum(check.state == "problem" for check in found)
    warnings = sum(check.state == "warning" for check in found)
    if problems:
        return f"{problems} to mend, {warnings} to know about."
    return f"All is well; {warnings} to know about." if warnings else "All is well."
