"""The verbs about many runs: sweep, which asks for them at once, and queue, which shows and arranges what waits."""

import argparse
from pathlib import Path

import msgspec

from core.cli.follow import run_to_end
from core.cli.options import FIELD, add_json, add_spec, add_workspace, default_workspace, read_spec
from core.cli.words import amount, size
from core.cli.work import find_job, result_of, tell
from core.errors import LabError
from core.jobs import queue
from core.jobs.launch import launch
from core.record.folder import ROOMS, Workspace
from core.record.lock import is_alive
from core.record.tickets import Ticket, folder_of, place, read_limits, read_tickets
from core.record.view import read_view
from core.spec.sweep import SweepSpec, read_axis

PLACES = {"first": 0, "last": 1 << 30}


def add_verbs(add_verb) -> None:
    """Add sweep and queue."""
    sweep = add_verb("sweep", start_sweep, "queue runs that differ in chosen fields, and see which does best")
    add_workspace(sweep)
    sweep.add_argument("file", nargs="?", metavar="FILE", help="a sweep in a TOML file, the same as --spec FILE")
    sweep.add_argument("--name", help="what to call it; its runs bear this name and a number (default: sweep)")
    sweep.add_argument("--axis", action="append", default=[], metavar="FIELD=VALUES", help=(
        'a field to vary: "model.d_model=64,128", or "learning_rate=1e-4 .. 1e-2 log 5" for five values in equal '
        "ratios; with --kind random, drawn between the ends"))
    sweep.add_argument("--detach", action="store_true", help="start it and leave; it goes on by itself")
    add_spec(sweep, SweepSpec)
    line = add_verb("queue", arrange, "show the jobs that wait for their turn, and arrange them")
    add_workspace(line)
    acts = line.add_subparsers(dest="act", metavar="ACT", title="what to do (default: list)")
    _add_acts(acts)


def _add_acts(acts) -> None:
    acts.add_parser("list", help="what is at work and what waits, in order")
    for act, help in (("add", "queue a job that was stopped, failed or crashed"),
                      ("remove", "take a job out of the queue; it can be queued again"),
                      ("hold", "let a job keep its place without being started"),
                      ("release", "let a job that was held be started")):  # fmt: skip
        acts.add_parser(act, help=help).add_argument("job", metavar="JOB", help="its folder or name")
    move = acts.add_parser("move", help="give a job another place")
    move.add_argument("job", metavar="JOB", help="its folder or name")
    move.add_argument("to", metavar="PLACE", help="first, last, or a number from 1")
    acts.add_parser("pause", help="start nothing more for now; what is at work goes on")
    acts.add_parser("resume", help="go on starting jobs")
    limits = acts.add_parser("limits", help="show or set what the jobs may take together")
    limits.add_argument("--cores", type=int, help="processors; 0 = all")
    limits.add_argument("--memory-gb", type=float, help="gigabytes of memory; 0 = 80 %% of what there is")
    for parser in acts.choices.values():  # so that these may also be given behind what to do
        parser.add_argument("--workspace", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=argparse.SUPPRESS)
        add_json(parser)
        parser.set_defaults(json=argparse.SUPPRESS)


def start_sweep(args: argparse.Namespace, _open_window) -> dict:
    """Create a sweep and follow it; the result, for machines."""
    if args.file:
        if args.spec:
            raise LabError("Two files are named.", args.file, "Give the sweep once.")
        args.spec = args.file
    spec = read_spec(_with_axes(args))
    workspace = Workspace(args.workspace or default_workspace())
    folder = workspace.create("sweep", args.name or workspace.free_name(ROOMS["sweep"], "sweep"), spec)
    if args.detach:
        launch(folder)
        return tell(args, {"kind": "sweep", "name": folder.name, "folder": str(folder.root),
                           "runs": len(spec.choices()) * spec.seeds})  # fmt: skip
    return tell(args, result_of(run_to_end(folder), folder))


def _with_axes(args: argparse.Namespace) -> argparse.Namespace:
    """The options with --axis as the field of the spec that it fills."""
    found = []
    for text in args.axis:
        field, equals, values = text.partition("=")
        if not equals:
            raise LabError("{text} is not FIELD=VALUES.", "--axis", "Write for example --axis learning_rate=1e-4,1e-3.",
                           text=text)  # fmt: skip
        found.append(msgspec.to_builtins(read_axis(field.strip().replace("-", "_"), values)))
    if found:
        setattr(args, f"{FIELD}axes", found)
    return args


def arrange(args: argparse.Namespace, _open_window) -> dict:
    """Do what was asked, see that a runner is there if it is needed, and tell how the queue stands."""
    workspace = Workspace(args.workspace or default_workspace())
    _act(workspace, args)
    queue.ensure_runner(workspace)
    standing = standing_of(workspace)
    if not args.json:
        _print(standing)
    return standing


def _act(workspace: Workspace, args: argparse.Namespace) -> None:
    act = args.act or "list"
    if act in ("pause", "resume"):
        queue.set_limits(workspace, paused=act == "pause")
    elif act == "limits":
        changed = {"cores": args.cores, "memory_bytes": args.memory_gb and int(args.memory_gb * queue.GB)}
        changed = {key: value for key, value in changed.items() if value is not None}
        if any(value < 0 for value in changed.values()):
            raise LabError("A limit is 0 or more.", "limits", "Give 0 for the usual one.")
        if changed:
            queue.set_limits(workspace, **changed)
    elif act != "list":
        _act_on_job(workspace, act, args)


def _act_on_job(workspace: Workspace, act: str, args: argparse.Namespace) -> None:
    folder = find_job(args.job, workspace)
    if act == "add":
        queue.add(workspace, folder)
        return
    name = folder_of(folder.root)
    if name not in [ticket.folder for ticket in read_tickets(workspace.root)]:
        raise LabError("{folder} is not in the queue.", "", "See what is with 'python main.py queue'.", folder=name)
    if act == "remove":
        queue.remove(workspace, name)
    elif act == "move":
        queue.move(workspace, name, _place(args.to))
    else:
        queue.hold(workspace, name, act == "hold")


def _place(text: str) -> int:
    if text in PLACES:
        return PLACES[text]
    if not text.isdecimal() or not int(text):
        raise LabError("{text} is no place in the queue.", "move", "Give first, last, or a number from 1.", text=text)
    return int(text) - 1


def standing_of(workspace: Workspace) -> dict:
    """How the queue stands, as plain data: limits in force, the runner, and every job in order."""
    limits = read_limits(workspace.root)
    cores, memory = queue.in_force(limits)
    jobs = [_entry(workspace, ticket) for ticket in read_tickets(workspace.root)]
    return {"paused": limits.paused, "cores": cores, "memory_bytes": memory,
            "runner": is_alive(place(workspace.root)), "jobs": jobs}  # fmt: skip


def _entry(workspace: Workspace, ticket: Ticket) -> dict:
    try:
        view = read_view(workspace.root / ticket.folder)
    except LabError:
        return {"folder": ticket.folder, "state": "gone"}
    return {"folder": ticket.folder, "kind": view.kind, "state": "held" if ticket.held else view.state,
            "cores": ticket.cores, "memory_bytes": ticket.memory_bytes, "done": view.done, "total": view.total}


def _print(standing: dict) -> None:
    state = "paused" if standing["paused"] else "at work" if standing["runner"] else "nothing to do"
    print(f"{state}; at most {standing['cores']} cores and {size(standing['memory_bytes'])} together")
    width = max((len(job["folder"]) for job in standing["jobs"]), default=0)
    for number, job in enumerate(standing["jobs"], 1):
        needs = f"{job['cores']} cores, {size(job['memory_bytes'])}" if "cores" in job else ""
        done = f"  {amount(job['done'])} of {amount(job['total'])}" if job.get("total") else ""
        print(f"{number:3}  {job['folder']:{width}}  {job['state']:8} {needs}{done}".rstrip())
