"""No read or write past a buffer: kernels of training and of cleaning under AddressSanitizer."""

import shutil
import subprocess
from pathlib import Path

import pytest

from core.kernels import build, decode, library

ROOT = Path(__file__).resolve().parents[2]
HERE = library.instruction_sets() if decode.built() else []
compiler = shutil.which("g++") or shutil.which("clang++")
pytestmark = pytest.mark.skipif(compiler is None, reason="no C++ compiler here")


def run_clean(source: str, flags: list[str], program: Path) -> None:
    """Compile a program of tests/ with the sanitizer, and hold it to saying that it is clean."""
    done = subprocess.run(
        [compiler, "-std=c++17", "-O1", "-g1", "-w", "-fsanitize=address", "-fno-sanitize-recover=all", *flags,
         "-I", str(build.SOURCES), "-pthread", str(ROOT / "tests" / source), "-o",
         str(program)],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode and "cannot find" in done.stderr:
        pytest.skip("this compiler brings no sanitizer")
    assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.stdout == "clean\n", done.stderr[-3000:]


# One program an instruction set, for all kernels; "amx" holds the code of the two sets that are left out, too.
@pytest.mark.parametrize("isa", ["generic", "avx2", "amx"])
def test_no_kernel_of_training_touches_what_is_not_its_own(isa, tmp_path):
    if isa not in HERE:
        pytest.skip("this machine does not run it")
    run_clean("kernels_under_sanitizer.cpp", build.GNU_FLAGS.get(isa, []), tmp_path / "kernels")


def test_no_kernel_of_cleaning_touches_what_is_not_its_own(tmp_path):
    run_clean("text_under_sanitizer.cpp", [], tmp_path / "text")
