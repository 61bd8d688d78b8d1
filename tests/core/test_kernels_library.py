"""Building, finding and choosing the C++ library, and what happens without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.errors import LabError
from core.kernels import build, library, ops

ROOT = Path(__file__).resolve().parents[2]
built = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "OMP_NUM_THREADS": "2", **environment})


@pytest.fixture
def nothing_loaded(monkeypatch):
    library.load.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    library.load.cache_clear()


def test_without_the_library_our_path_says_what_to_do(nothing_loaded, tmp_path):
    nothing_loaded.setattr(library, "LIBRARY", tmp_path / "absent.so")
    assert ops.available()["built"] is False
    with pytest.raises(LabError, match="core.kernels.build"):
        ops.linear_cross_entropy(torch.randn(2, 4), torch.randn(3, 4), torch.tensor([0, 1]), path="ours")
    q = torch.randn(1, 1, 2, 4)
    with pytest.raises(LabError, match="core.kernels.build"):
        ops.attention(q, q, q, path="ours")
    assert torch.isfinite(ops.attention(q, q, q, path="torch")).all()


def test_a_file_that_is_no_library_is_an_error_for_people(nothing_loaded, tmp_path):
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    nothing_loaded.setattr(library, "LIBRARY", broken)
    assert ops.available()["built"] is False and "cannot be loaded" in ops.available()["problem"]


def test_without_a_compiler_the_build_says_so_and_fails_softly(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "lib" / "kernels.so")
    monkeypatch.setattr(build, "_toolchain", lambda folder: (_ for _ in ()).throw(build.BuildFailed("no compiler.")))
    assert build.main() == 1
    assert "PyTorch's own" in capsys.readouterr().err
    assert not any((tmp_path / "lib").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="names the compiler the POSIX way")
def test_a_compiler_that_fails_leaves_no_half_library(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "lib" / "kernels.so")
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(build.BuildFailed):
        build.build()
    assert not any((tmp_path / "lib").iterdir())


@built
def test_the_environment_chooses_the_instruction_set():
    done = python("from core.kernels import library; library.load(); print(library.current_instruction_set())",
                  COLDFRAME_ISA="generic")
    assert done.stdout.strip() == "generic", done.stderr


@built
def test_an_instruction_set_that_is_not_here_is_refused_with_the_ones_there_are():
    with pytest.raises(LabError, match="generic"):
        library.use_instruction_set("z80")


@built
def test_our_own_threads_give_the_same_bits_as_the_borrowed_ones():
    code = """
import torch
from core.kernels import library, ops
torch.manual_seed(0)
torch.set_num_threads(3)
q = torch.randn(2, 4, 70, 24)
first = ops.attention(q, q, q, path="ours")
library.load().coldframe_borrow_team(None, None, None)
for _ in range(50):
    assert torch.equal(first, ops.attention(q, q, q, path="ours"))
print("same")
"""
    done = python(code)
    assert done.stdout.strip() == "same", done.stderr


@built
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_can_use_the_kernels_too():
    code = """
import os, torch
from core.kernels import library, ops
library.load().coldframe_borrow_team(None, None, None)  # OpenMP itself does not survive a fork
q = torch.randn(1, 4, 40, 8)
torch.set_num_threads(2)
first = ops.attention(q, q, q, path="ours")
if (child := os.fork()) == 0:
    os._exit(0 if torch.equal(first, ops.attention(q, q, q, path="ours")) else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = python(code)
    assert done.stdout.strip() == "0", done.stderr
