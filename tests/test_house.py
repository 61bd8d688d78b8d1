"""The plan of the house, kept by tests: who may know whom, how long a function may be, what the README promises."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.spec.base import build
from core.spec.files import PRESETS, preset, preset_names

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("app", "widgets", "core")
QT = {"PySide6", "shiboken6", "pyqtgraph", "superqt"}
ENGINES = {"torch", "onnxruntime", "onnx", "llama_cpp", "transformers", "tokenizers", "safetensors", "gguf"}
# What the window may use of the engine: torch-free by design.
OPEN_TO_THE_WINDOW = (
    "core.errors", "core.spec", "core.record", "core.jobs.registry", "core.jobs.launch", "core.jobs.queue",
    "core.jobs.sweep_cost", "core.jobs.sweep_table", "core.model.sizing",
    "core.model.scaling", "core.model.compute_optimal", "core.prompt", "core.data.documents", "core.data.report",
    "core.infer.sources", "core.glass.uncertainty",
    "core.export.usage", "core.data.dedup.lines", "core.data.dedup.pairs", "core.data.shares",
    "core.data.worlds", "core.data.privacy.review", "core.evaluate.table", "core.evaluate.detector_bench",
    "core.glass.answers", "core.glass.answer_lines", "core.glass.inspection", "core.glass.grounding",
    "core.glass.context_match",
    "core.evaluate.fact_law", "core.evaluate.fact_law_table",
    "core.glass.claims", "core.glass.reviews", "core.glass.calibration", "core.glass.comparison",
    "core.train.retention", "core.train.distributed.launch", "core.train.sightings",
)  # fmt: skip
OPEN_TO_WIDGETS = ("core.errors", "core.spec", "core.kernels.spans")
LLAMA_PROCESSES = {"core/infer/llama_child.py", "core/cli/doctor/llama_probe.py"}
LONGEST_FUNCTION = 60
ROOMS_OF_PRESETS = {
    "models": "core.spec.model:ModelSpec", "data": "core.spec.corpus:CorpusSpec", "train": "core.spec.grow:GrowSpec",
    "prompts": "core.spec.prompt:PromptSpec", "worlds": "core.spec.world:WorldSpec",
    "experiments": "core.spec.experiment:ExperimentSpec", "inspections": "core.spec.inspect:InspectSpec",
    "systems": "core.spec.system:SystemSpec",
}  # fmt: skip
TEXT = {"", ".py", ".md", ".toml", ".txt", ".json", ".qss", ".svg", ".h", ".cpp", ".cu"}
ASKED_BESIDE = {"data": {"sources": ["builtin:python-docs"]}}  # what a preset of the room leaves to the person


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    """Text files of the project: what git knows, or in a copy without git, all but what tools left there."""
    try:
        said = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        found = [ROOT / part for part in said.decode().split("\0") if part]
    except (OSError, subprocess.CalledProcessError):
        made = re.compile(r"(^|/)(\.(?!ci/)[^/]*|build|__pycache__|[^/]*\.egg-info)/")
        found = [path for path in ROOT.rglob("*") if not made.search(name(path))]
    return [path for path in found if path.suffix in TEXT and path.is_file()]


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(dotted: str, allowed: tuple[str, ...]) -> bool:
    return any(dotted == room or dotted.startswith(f"{room}.") for room in allowed)


def test_core_knows_no_qt():
    wrong = {name(p): found for p in sources("core") if (found := {i for i in imports(p) if i.split(".")[0] in QT})}
    assert not wrong


@pytest.mark.parametrize("folder", ["app", "widgets", "core/spec", "core/record"])
def test_no_engine_library_is_imported_where_the_window_lives(folder):
    wrong = {name(p): {i for i in imports(p) if i.split(".")[0] in ENGINES} for p in sources(folder)}
    assert wrong and not {path: found for path, found in wrong.items() if found}


@pytest.mark.parametrize(("folder", "allowed"), [("app", OPEN_TO_THE_WINDOW), ("widgets", OPEN_TO_WIDGETS)])
def test_the_window_uses_only_what_is_open_to_it(folder, allowed):
    wrong = {}
    for path in sources(folder):
        # "from core.jobs import launch" gives core.jobs and core.jobs.launch: the longest name is the one meant
        asked = {i for i in imports(path) if i.startswith("core.")}
        asked = {i for i in asked if not within(i, allowed) and not any(within(j, allowed) and j.startswith(f"{i}.")
                                                                        for j in asked)}
        if asked:
            wrong[name(path)] = asked
    assert not wrong


def test_llama_cpp_is_imported_only_by_processes_of_its_own():
    found = {name(p) for p in sources(*LAYERS) if any(i.split(".")[0] == "llama_cpp" for i in imports(p))}
    assert found == LLAMA_PROCESSES


def test_the_window_opens_without_any_engine_library(tmp_path):
    program = """
import pkgutil, sys
from pathlib import Path
import app, widgets
for package in (app, widgets):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        __import__(module.name)
from PySide6.QtWidgets import QApplication
from app.bootstrap import make_window
window = make_window(QApplication([]), Path(sys.argv[1]))
window.show()
print("loaded:", sorted({"torch", "onnxruntime", "onnx", "llama_cpp", "transformers", "tokenizers"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "workspace")], cwd=ROOT, capture_output=True, text=True,
        timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout


def test_the_command_line_lists_its_verbs_without_any_engine_library():
    program = """
import sys
from core.cli.entry import parser
assert "doctor" in parser().format_help()
print("loaded:", sorted({"torch", "onnxruntime", "llama_cpp", "transformers", "PySide6"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "loaded: []" in done.stdout, done.stderr


def test_import_contracts_hold():
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_code_passes_the_linter():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format=concise", "."], cwd=ROOT, capture_output=True,
        text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_function_is_longer_than_sixty_lines():
    long = []
    for path in [ROOT / "main.py", *sources(*LAYERS, "tests")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{name(path)}: {node.name} has {lines} lines")
    assert not long


def test_specs_read_their_annotations_at_run_time():
    postponed = [name(p) for p in sources("core/spec") if "__future__" in imports(p)]
    assert not postponed


def test_no_test_folder_shadows_a_package():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_test_files_have_names_of_their_own():
    counts = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [found for found, times in counts.items() if times > 1]


def _presets() -> list[tuple[str, str]]:
    return [(room, found) for room in ROOMS_OF_PRESETS for found in preset_names(room)]


@pytest.mark.parametrize(("room", "found"), _presets())
def test_every_preset_fits_its_spec_and_says_what_it_is(room, found):
    module, _, type_name = ROOMS_OF_PRESETS[room].partition(":")
    chosen = preset(room, found)
    spec_type = getattr(__import__(module, fromlist=[type_name]), type_name)
    build(spec_type, ASKED_BESIDE.get(room, {}) | chosen.values, f"presets/{room}/{found}.toml")
    assert chosen.title and chosen.about


def test_every_folder_of_presets_is_known_here():
    rooms = {path.parent.relative_to(PRESETS).as_posix() for path in PRESETS.rglob("*.toml")}
    assert rooms and rooms <= set(ROOMS_OF_PRESETS)


def _command_after(marker: str) -> str:
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(rf"^<!-- {marker} -->\n```sh\n(.*?)```", readme, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"README.md has one code block after <!-- {marker} -->"
    return blocks[0].strip()


@pytest.mark.parametrize("marker", ["system-libraries", "install-and-demo", "install-and-test"])
def test_the_readme_promises_one_line_each(marker):
    assert "\n" not in _command_after(marker)


def test_the_readme_lines_end_in_the_demo_and_the_tests():
    assert _command_after("install-and-demo").endswith("&& python main.py demo")
    assert _command_after("install-and-test").endswith("&& python -m pytest")


def test_ci_runs_the_readme_line():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert 'test_command="$(command_after install-and-test)"' in script
    assert "pip install" not in script and "pytest" not in script


def test_pip_is_upgraded_before_it_reads_the_requirements():
    for marker in ("install-and-demo", "install-and-test"):
        steps = _command_after(marker).split(" && ")
        upgrade = next(i for i, step in enumerate(steps) if "--upgrade pip" in step)
        assert upgrade < next(i for i, step in enumerate(steps) if "-r requirements" in step)


def test_llama_cpp_is_built_without_native_instructions_and_outside_pyproject():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert asked[0].startswith("llama-cpp-python==") and "-DGGML_NATIVE=OFF" in asked[0]
    assert asked[-1] == "-e ."
    assert "llama" not in (ROOT / "pyproject.toml").read_text("utf-8").split("[tool.", 1)[0].split("dependencies = ")[1]


def test_pictures_in_the_readme_exist():
    shown = re.findall(r"\((assets/[^)]+\.png)\)", (ROOT / "README.md").read_text("utf-8"))
    assert shown and not [picture for picture in shown if not (ROOT / picture).is_file()]


def test_no_file_names_a_place_on_somebodys_machine():
    # Pieces, so that this file passes too.
    places = ["/" + "work/", "/" + "root/", "/home" + "/"]
    hosts = ["pypi" + ".org", "python" + "hosted", "deb." + "debian", "download." + "pytorch"]
    wrong = []
    for path in tracked():
        text = path.read_text("utf-8", "ignore")
        wrong += [f"{name(path)}: {word}" for word in places + hosts if word in text]
    assert not wrong
