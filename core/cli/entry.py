"""From the words on the command line to an exit status: 0 done, 2 a wrong request, 1 anything else."""

import argparse
import difflib
import json
import sys
from collections.abc import Callable

from core.cli import ask, demo, doctor, judge, measure, queue, work
from core.cli.follow import Detached, JobFailed
from core.errors import LabError

OpenWindow = Callable[..., int]
ROOMS = (demo, work, queue, ask, measure, judge, doctor)  # each adds its verbs


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one sentence, and exits with 2."""

    def format_help(self) -> str:
        """The help, without a usage line that lists every option before the list of options."""
        if self.usage is None and not self._subparsers:
            places = [str(action.metavar or action.dest) for action in self._get_positional_actions()]
            self.usage = " ".join([self.prog, *places, "[options]"])
        return super().format_help()

    def error(self, message: str) -> None:
        near = self._near(message)
        self.exit(2, f"{self.prog}: {message}.{near} See {self.prog} --help.\n")

    def _near(self, message: str) -> str:
        if not message.startswith("unrecognized arguments: "):
            return ""
        known = [flag for action in _actions(self) for flag in action.option_strings]
        flag = message.split(": ", 1)[1].split()[0].split("=")[0]
        if flag in known:
            return f" Other verbs have {flag}, this one does not."
        near = difflib.get_close_matches(flag, known, 1)
        return f" Did you mean {near[0]}?" if near else ""


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [inner for verb in action.choices.values() for inner in verb._actions]
    return found


def parser() -> argparse.ArgumentParser:
    """The whole command line; no engine library is imported for it."""
    top = Parser(prog="python main.py", allow_abbrev=False, description=(
        "Coldframe, a lab for growing small language models. With no verb, the window opens."))
    verbs = top.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def add_verb(name: str, run: Callable, help: str) -> argparse.ArgumentParser:
        """``run(args, open_window)`` returns what to print with --json, or None when it has printed."""
        verb = verbs.add_parser(name, help=help, description=help, allow_abbrev=False)
        verb.set_defaults(run=run)
        return verb

    for room in ROOMS:
        room.add_verbs(add_verb)
    return top


def run(argv: list[str], open_window: OpenWindow) -> int:
    """Carry out one command; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        args = parser().parse_args(argv)
        if args.verb is None:
            return demo.open_workspace(None, open_window)
        return _finish(args, args.run(args, open_window))
    except LabError as error:
        print(error.sentence(), file=sys.stderr)
        return 2
    except JobFailed as failure:
        print(failure, file=sys.stderr)
        return failure.status
    except Detached as left:
        print(left, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def _finish(args: argparse.Namespace, outcome) -> int:
    """Print a result as JSON where that was asked for; an int is already an exit status."""
    if isinstance(outcome, int):
        return outcome
    if outcome is not None and getattr(args, "json", False):
        print(json.dumps(outcome, ensure_ascii=False, allow_nan=False, default=str))
    return 0
