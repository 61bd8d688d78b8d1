"""The verbs that start a job and follow it: clean, tokenize, the filters, train, index, export, verify, resume."""

import argparse
from pathlib import Path

import msgspec

from core.cli.follow import run_to_end
from core.cli.options import FIELD, add_spec, add_workspace, default_workspace, read_spec
from core.cli.place import claim, finished
from core.errors import LabError
from core.jobs.registry import KINDS
from core.record.folder import ROOMS, UNTIL, JobFolder, Workspace
from core.record.lock import is_alive
from core.record.view import JobView
from core.spec.base import BUILTIN, fields, map_paths
from core.spec.experiment import ExperimentSpec


class Verb(msgspec.Struct, frozen=True):
    """A verb that is one kind of job."""

    kind: str
    help: str
    presets: str = ""  # folder of presets it can start from
    into: str = ""  # the field that a preset fills; empty = the whole spec
    stem: str = ""  # field whose value names the job when nobody does


VERBS = {
    "clean": Verb("corpus", "read files and folders, clean them, and keep the reason for every rejection",
                  presets="data"),
    "world": Verb("world", "make a corpus by rule, with a table of everything that is true in it", presets="worlds",
                  stem="world"),
    "mix": Verb("mixture", "mix corpora in chosen shares", stem="parts"),
    "tokenize": Verb("tokenizer", "train a tokenizer on a corpus", stem="corpus"),
    "reference": Verb("reference", "learn what text you trust is like, and how far other text is from it",
                      stem="corpus"),
    "classifier": Verb("classifier", "learn to tell good text from candidates", stem="good"),
    "train": Verb("train", "grow a model", "models", "model", stem="corpus"),
    "experiment": Verb("experiment", "train twins with and without a rule, a tokenizer or a mixture, and compare them",
                       presets="experiments"),
    "question": Verb("question", "ask a run for the facts of its world, and measure what tells its errors", stem="run"),
    "mitigate": Verb("mitigate", "ask a run's questions again with every mitigation, and compare what is right",
                     stem="questioning"),
    "inspect": Verb("inspect", "the whole way: worlds of known truth, models that learn them, and what tells their "
                    "errors", presets="inspections"),
    "index": Verb("index", "index a run's training text, so that its words can be traced", stem="run"),
    "influence": Verb("influence", "which training documents pushed a run towards an answer", stem="run"),
    "export": Verb("export", "write a run as GGUF and ONNX files and check their answers", stem="run"),
    "replay": Verb("replay", "run the steps after a checkpoint again and compare every bit", stem="run"),
    "verify": Verb("verify", "check the files of an export again", stem="export"),
}


def add_verbs(add_verb) -> None:
    """Add one verb a kind of job, its options read from the spec."""
    for name, verb in VERBS.items():
        parser = add_verb(name, start, verb.help)
        add_workspace(parser)
        parser.add_argument("--name", help="what to call it (default: a free name)")
        parser.add_argument("--detach", action="store_true", help="start it and leave; it goes on by itself")
        parser.add_argument("--queue", action="store_true", help="put it into the queue and leave; it starts by itself")
        parser.set_defaults(job=verb, out=None)
        _add_subject(parser, verb)
        if verb.kind == "corpus":
            parser.add_argument("--input", nargs="+", dest=f"{FIELD}sources", metavar="FILE",
                                default=argparse.SUPPRESS, help="another name for --sources")
        if verb.kind in ("corpus", "experiment"):
            parser.add_argument("--out", type=Path, metavar="DIR", help=(
                f"make DIR itself the {verb.kind}, outside the workspace; the same command again goes on where it was "
                "interrupted"))
        add_spec(parser, KINDS[verb.kind].spec_type(), verb.presets, verb.into)
    parser = add_verb("resume", resume, "go on with a job that was stopped, failed or crashed")
    add_workspace(parser)
    parser.add_argument("job_name", metavar="JOB", help="its folder, or its name if no other room has one of that name")


def _add_subject(parser: argparse.ArgumentParser, verb: Verb) -> None:
    """The first required field may also be given without its flag: ``clean FOLDER``, ``export RUN``."""
    first = fields(KINDS[verb.kind].spec_type())[0]
    if first.required:
        many = "*" if first.kind == "list" else "?"
        parser.add_argument(FIELD + first.name, nargs=many, metavar=first.name.upper(), default=argparse.SUPPRESS,
                            help=first.help)


def start(args: argparse.Namespace, _open_window) -> dict:
    """Create the job and follow it to its end; the result, for machines."""
    verb = args.job
    spec = _absolute(read_spec(args))
    workspace = Workspace(args.workspace or default_workspace())
    if args.out is not None:
        folder = claim(args.out, workspace, verb.kind, spec)
        if view := finished(folder):
            return tell(args, result_of(view, folder))
    else:
        name = args.name or workspace.free_name(ROOMS[verb.kind], _stem(verb, spec, getattr(args, "preset", "") or ""))
        folder = workspace.create(verb.kind, name, spec)
    if args.queue:
        return tell(args, _put_into_queue(workspace, folder, verb.kind))
    if args.detach:
        from core.jobs.launch import launch

        launch(folder)
        return tell(args, {"kind": verb.kind, "name": folder.name, "folder": str(folder.root)})
    return tell(args, result_of(run_to_end(folder), folder))


def _put_into_queue(workspace: Workspace, folder: JobFolder, kind: str) -> dict:
    from core.jobs import queue

    if folder.root.parent.parent != workspace.root:
        raise LabError("Only jobs of a workspace wait in its queue.", str(folder.root), "Leave out --out.")
    ticket = queue.add(workspace, folder)
    queue.ensure_runner(workspace)
    return {"kind": kind, "name": folder.name, "folder": str(folder.root), "cores": ticket.cores,
            "memory_bytes": ticket.memory_bytes}


def resume(args: argparse.Namespace, _open_window) -> dict:
    """Launch a worker on an existing folder and follow it."""
    folder = find_job(args.job_name, Workspace(args.workspace or default_workspace()))
    if is_alive(folder.root):
        raise LabError("This job is still running.", folder.name, "Let it finish, or stop it first.")
    folder.path(UNTIL).unlink(missing_ok=True)
    return tell(args, result_of(run_to_end(folder), folder))


def find_job(name: str, workspace: Workspace) -> JobFolder:
    """A job by its folder's path, by ROOM/NAME, or by its name alone.

    Raises:
        LabError: none is found, or several rooms have one of that name.
    """
    for path in (Path(name), workspace.root / name):
        if (path / "spec.toml").is_file():
            return JobFolder(path)
    found = [job for room in dict.fromkeys(ROOMS.values()) for job in workspace.jobs(room) if job.name == name]
    if not found:
        raise LabError("There is no job called {name}.", str(workspace.root), "Check --workspace.", name=name)
    if len(found) > 1:
        names = ", ".join(f"{job.root.parent.name}/{job.name}" for job in found)
        raise LabError("Several jobs are called {name}.", "", "Choose one of {names}.", name=name, names=names)
    return found[0]


def result_of(view: JobView, folder: JobFolder) -> dict:
    """What a finished job is reported as: what it did first, then where it stands."""
    result = dict(view.result)
    if view.kind == "corpus" and view.funnel:
        funnel = msgspec.structs.asdict(view.funnel)
        result = {**funnel, **{key: value for key, value in result.items() if key not in funnel}}
    result["elapsed_s"] = round(view.updated_t - view.started_t, 3)
    return result | {"kind": view.kind, "name": view.name, "folder": str(folder.root)}


def tell(args: argparse.Namespace, result: dict) -> dict:
    """For people: the few facts of a result as lines; for machines the caller prints it."""
    if not args.json:
        facts = {key: value for key, value in result.items() if isinstance(value, (str, int, float))}
        width = max(map(len, facts))
        for key, value in facts.items():
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
            print(f"{key.replace('_', ' '):{width}}  {shown}")
    return result


def _absolute(spec):
    """Files to read by their full paths: the worker does not stand where the command was typed."""
    if not isinstance(spec, ExperimentSpec):
        return map_paths(spec, _full)
    base = map_paths(spec.base, _full)
    full = dict(zip(spec.base.sources, base.sources, strict=True))
    arms = [msgspec.structs.replace(
        map_paths(arm, _full), shares={full[source]: share for source, share in arm.shares.items()})
        for arm in spec.arms]  # fmt: skip
    return msgspec.structs.replace(spec, base=base, arms=arms)


def _full(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _stem(verb: Verb, spec, preset: str) -> str:
    if verb.kind in ("experiment", "inspect"):
        return preset or verb.kind
    if isinstance(named := getattr(spec, verb.stem, None), (list, msgspec.Struct)):
        return verb.kind if isinstance(named, list) else named.__struct_config__.tag
    if verb.stem:
        return str(getattr(spec, verb.stem)) or verb.kind
    source = str(spec.sources[0]) if spec.sources else "corpus"
    return Path(source.removeprefix(BUILTIN)).stem or "corpus"
