"""What this machine offers: Python, compiler, processor, GPU, our own kernels, memory and disk."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from core.cli.doctor.check import Answer, Check, probe

GB = 1e9
COMPILERS = ("c++", "g++", "clang++", "cl")
ENGINE_PROBE = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__, "built_for": torch.version.cuda or torch.version.hip or "", "cuda": cuda,
    "device": torch.cuda.get_device_name(0) if cuda else "", "threads": torch.get_num_threads()}), flush=True)
from core.kernels.ops import available
print(json.dumps(available()))
"""


def python() -> Check:
    """The interpreter, and the machine it runs on."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < (3, 11):
        return Check("Python", "problem", found, "Install Python 3.11 or newer and make the environment again.")
    if sys.prefix == sys.base_prefix:
        return Check("Python", "warning", f"{found}, not in a virtual environment",
                     "Use the line in README.md, so that other programs' packages stay apart.")
    return Check("Python", "ok", found)


def compiler() -> Check:
    """What builds llama.cpp and our own kernels."""
    found = next((path for name in (os.environ.get("CXX"), *COMPILERS) if name and (path := shutil.which(name))), None)
    if found is None:
        return Check("C++ compiler", "warning", "none found; our own kernels cannot be built",
                     "Install one (Debian: g++, macOS: xcode-select --install, Windows: Visual Studio Build Tools).")
    return Check("C++ compiler", "ok", found)


def processor() -> Check:
    """Cores, memory and the wide instruction sets."""
    known = [name for name, flag in INSTRUCTION_SETS.items() if flag in features()]
    memory = psutil.virtual_memory().total
    found = f"{psutil.cpu_count()} threads, {memory / GB:.0f} GB memory, {', '.join(known) or 'no wide instructions'}"
    if memory < 4 * GB:
        return Check("processor", "warning", found, "Keep to models of a few million parameters.")
    return Check("processor", "ok", found)


INSTRUCTION_SETS = {
    "AVX2": "avx2", "AVX-512": "avx512f", "AVX-512 VNNI": "avx512_vnni", "AVX-512 bf16": "avx512_bf16",
    "AMX bf16": "amx_bf16", "NEON": "asimd",
}  # fmt: skip


def features() -> set[str]:
    """Flags of the processor as Linux spells them; as far as the system tells."""
    if sys.platform == "darwin":
        answer = subprocess.run(["sysctl", "-a", "hw.optional", "machdep.cpu"], capture_output=True, text=True)
        found = set(answer.stdout.lower().replace("_", "").split())
        return ({"asimd"} if platform.machine() == "arm64" else set()) | ({"avx2"} if "avx2" in found else set())
    if sys.platform == "win32":
        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return {flag for number, flag in ((40, "avx2"), (41, "avx512f"), (19, "asimd")) if present(number)}
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        if line.lower().startswith(("flags", "features")):
            return set(line.partition(":")[2].split())
    return set()


def engine() -> list[Check]:
    """Torch, the GPU it can use, and our own kernels; asked in a process of its own."""
    answer = probe("-c", ENGINE_PROBE)
    if not answer.values:
        return [Check("torch", "problem", answer.last_words, "Run: python -m pip install -r requirements.txt.")]
    return [_gpu(answer.values), _kernels(answer)]


def _gpu(values: dict) -> Check:
    if values["cuda"]:
        return Check("GPU", "ok", f"{values['device']}, torch {values['version']} built for {values['built_for']}")
    if shutil.which("nvidia-smi"):
        return Check("GPU", "warning", f"there seems to be one, but torch {values['version']} does not use it",
                     "Install the CUDA build of torch from PyTorch's own index (README, 'With a GPU').")
    return Check("GPU", "ok", f"none; torch {values['version']} computes on {values['threads']} processor threads")


def _kernels(answer: Answer) -> Check:
    if answer.values.get("built"):
        return Check("own kernels", "ok", f"built, for {', '.join(answer.values['instruction_sets'])}")
    return Check("own kernels", "warning", f"not built: {answer.values.get('problem') or answer.last_words}",
                 "Training works without them; with a C++ compiler run: python -m core.kernels.build.")


def space(workspace: Path) -> list[Check]:
    """Whether the workspace can be written and has room."""
    place = Path(workspace).expanduser().absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{workspace}: {free / GB:.1f} GB free"
    if not os.access(place, os.W_OK):
        return [Check("workspace", "problem", f"{place} cannot be written", "Choose another folder with --workspace.")]
    if free < 1 * GB:
        return [Check("workspace", "problem", found, "Free at least 1 GB, or choose another disk with --workspace.")]
    if free < 10 * GB:
        return [Check("workspace", "warning", found, "Enough for small models; large runs want 10 GB or more.")]
    return [Check("workspace", "ok", found)]
