"""Doctor: it finds what is wrong on this very machine, and names what mends it."""

import json
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from core.cli import doctor
from core.cli.doctor import llama, machine, packages, window
from core.cli.doctor.check import Answer, Check, probe
from core.cli.doctor.llama_probe import write_model

ROOT = Path(__file__).resolve().parents[2]


def ended(said="", status=1, **values) -> Answer:
    return Answer(status, values, said)


def test_doctor_reports_every_check_as_one_json_object(tmp_path):
    done = subprocess.run(
        [sys.executable, "main.py", "doctor", "--json", "--workspace", str(tmp_path)], cwd=ROOT, capture_output=True,
        text=True, timeout=180)  # fmt: skip
    report = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in report["checks"]}
    expected = {"Python", "packages", "torch", "processor", "GPU", "own kernels", "llama.cpp", "window", "workspace"}
    assert expected <= set(states)
    assert done.returncode == (1 if "problem" in states.values() else 0)
    assert all(check.get("remedy") for check in report["checks"] if check["state"] != "ok")


def test_llama_cpp_survives_a_tiny_quantized_model_here():
    assert [check.state for check in llama.llama()][0] == "ok"


def test_the_tiny_model_is_really_quantized(tmp_path):
    import gguf

    write_model(tmp_path / "tiny.gguf")
    kinds = {tensor.name: tensor.tensor_type for tensor in gguf.GGUFReader(tmp_path / "tiny.gguf").tensors}
    assert kinds["blk.0.attn_q.weight"] == gguf.GGMLQuantizationType.Q8_0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_illegal_instruction_is_met_with_the_command_that_mends_it(monkeypatch):
    died = probe("-c", f"import os; os.kill(os.getpid(), {int(signal.SIGILL)})")
    monkeypatch.setattr(llama, "probe", lambda *_a, **_k: died)
    (check,) = llama.llama()
    assert check.state == "problem"
    for part in ("--no-cache-dir", "--force-reinstall", "llama-cpp-python==", "-DGGML_NATIVE=OFF"):
        assert part in check.remedy


def test_a_missing_package_is_a_problem_and_another_version_a_warning(monkeypatch):
    versions = {"torch": None, "numpy": "1.0", "msgspec": f"{packages.pins()['msgspec']}+local"}
    monkeypatch.setattr(packages, "installed", lambda name: versions.get(name, packages.pins().get(name)))
    states = {check.name: check.state for check in packages.packages()}
    assert (states["torch"], states["numpy"], states["msgspec"]) == ("problem", "warning", "ok")


def test_every_pinned_package_is_the_one_installed_here():
    for name, version in packages.pins().items():
        assert metadata.version(name).partition("+")[0] == version, name


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-"))]
        assert len(lines) == len(packages.pins(name)), name


def test_a_library_that_qt_lacks_is_named_with_its_package(monkeypatch):
    said = "ImportError: libEGL.so.1: cannot open shared object file: No such file or directory"
    monkeypatch.setattr(window, "probe", lambda *_a, **_k: ended(said))
    monkeypatch.setattr(window, "_absent_libraries", lambda: ["libxcb-cursor.so.0"])
    (check,) = window.window()
    assert check.state == "problem"
    assert "libEGL.so.1" in check.remedy and "libegl1" in check.remedy and "libxcb-cursor0" in check.remedy


def test_a_gpu_that_torch_does_not_use_is_told(monkeypatch):
    monkeypatch.setattr(machine.shutil, "which", lambda name: "/usr/bin/" + name)
    values = {"cuda": False, "version": "2.13.0+cpu", "threads": 2, "device": "", "built_for": ""}
    monkeypatch.setattr(machine, "probe", lambda *_a, **_k: ended(status=0, **values))
    gpu = machine.engine()[0]
    assert gpu.state == "warning" and "CUDA" in gpu.remedy


def test_a_full_disk_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 5e8}))
    (check,) = machine.space(tmp_path / "not" / "there" / "yet")
    assert check.state == "problem" and "0.5 GB" in check.found


def test_a_probe_that_hangs_ends_in_words():
    answer = probe("-c", "import time; time.sleep(60)", timeout_s=0.5)
    assert answer.values == {} and "no answer" in answer.last_words


def test_a_remedy_stands_below_its_line():
    told = doctor.line(Check("window", "warning", "no font", "Install one."))
    assert told.splitlines()[0].startswith("warning  window") and told.splitlines()[1].strip() == "→ Install one."
