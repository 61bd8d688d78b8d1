"""No read or write past a buffer: the decoder under AddressSanitizer and UndefinedBehaviorSanitizer."""

import shutil
import subprocess
from pathlib import Path

import pytest

from core.kernels import build, decode, library

ROOT = Path(__file__).resolve().parents[2]
HERE = library.instruction_sets() if decode.built() else []
compiler = shutil.which("g++") or shutil.which("clang++")


@pytest.mark.skipif(compiler is None, reason="no C++ compiler here")
@pytest.mark.parametrize("isa", ["generic", "avx2", "avx512", "avx512vnni"])
def test_no_step_touches_what_is_not_its_own(isa, tmp_path):
    if isa not in HERE:
        pytest.skip("this machine does not run it")
    program = tmp_path / "decode"
    vnni = ["-DCOLDFRAME_VNNI"] if isa == "avx512vnni" else []
    done = subprocess.run(
        [compiler, "-std=c++17", "-O1", "-g1", "-w", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         *build.GNU_FLAGS.get(isa, []), *vnni, "-I", str(build.SOURCES), "-pthread",
         str(ROOT / "tests" / "decode_under_sanitizer.cpp"), "-o", str(program)],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode and "cannot find" in done.stderr:
        pytest.skip("this compiler brings no sanitizer")
    assert done.returncode == 0, done.stderr[-2000:]
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.stdout == "clean\n", done.stderr[-3000:]
