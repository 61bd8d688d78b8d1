"""How soon the cleaning preview answers a change: python tests/benchmarks/time_preview.py [--preset NAME] [SOURCE ...]

Asks the real session process, as the window does, about the built-in corpus: first the sample, then
thresholds changed one after the other at every place in the list of rules, and rules switched off.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402
from msgspec.structs import replace  # noqa: E402

from core.record.channel import read_frame, write_frame  # noqa: E402
from core.spec import messages as m  # noqa: E402
from core.spec.base import build, fields  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset  # noqa: E402


def ask(process, id: int, spec: CorpusSpec, known: str) -> tuple[float, m.CleanPreviewed]:
    """Seconds until the answer was here and read, and the answer."""
    began = time.perf_counter()
    write_frame(process.stdin, m.CleanPreview(id=id, spec=spec, known=known))
    event = msgspec.convert(read_frame(process.stdout), m.Event)
    if isinstance(event, m.Problem):
        raise SystemExit(f"{event.where}: {event.problem} {event.remedy}".format(**event.values))
    return time.perf_counter() - began, event


def changes(spec: CorpusSpec) -> list[CorpusSpec]:
    """The spec with one threshold made stricter or laxer, or one rule switched off, at each place."""
    found = []
    for place, rule in enumerate(spec.rules):
        variants = [replace(rule, on=False)]
        for field in fields(type(rule)):
            if field.measure and field.kind in ("int", "float"):
                value = getattr(rule, field.name)
                for factor in (0.9, 1.1):
                    changed = value * factor if field.kind == "float" else int(value * factor) + 1
                    if field.high is None or changed <= field.high:
                        variants.append(replace(rule, **{field.name: changed}))
        found += [replace(spec, rules=[*spec.rules[:place], variant, *spec.rules[place + 1 :]])
                  for variant in variants]  # fmt: skip
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", default=["builtin:python-docs"])
    parser.add_argument("--preset", default="gentle")
    asked = parser.parse_args()
    spec = build(CorpusSpec, {"sources": asked.sources} | preset("data", asked.preset).values)
    process = subprocess.Popen(
        [sys.executable, "-m", "core.jobs.session", tempfile.mkdtemp()], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)  # fmt: skip
    first_s, answer = ask(process, 0, spec, "")
    print(f"sample: {answer.documents} documents, {answer.n_bytes / 1e6:.2f} MB, {len(answer.steps)} rules, "
          f"first answer {first_s:.2f} s (the process starts, reads the sample, runs every rule)")  # fmt: skip
    taken = [ask(process, id, changed, answer.sample)[0] for id, changed in enumerate(changes(spec), 1)]
    process.stdin.close()
    taken.sort()
    print(f"{len(taken)} changes: median {statistics.median(taken):.3f} s, 90 % within "
          f"{taken[int(0.9 * (len(taken) - 1))]:.3f} s, slowest {taken[-1]:.3f} s")  # fmt: skip


if __name__ == "__main__":
    main()
