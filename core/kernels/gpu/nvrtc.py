"""Compiles the CUDA C++ of this folder when it is needed, with NVIDIA's run-time compiler; no GPU has to be there."""

import ctypes
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from core.errors import LabError

SOURCES = Path(__file__).parent
PACKAGES = ("nvidia.cuda_nvrtc", "nvidia.cu13", "nvidia.cu12")  # wheels that may hold it
NAMES = ("nvrtc64_130_0.dll", "nvrtc64_120_0.dll") if sys.platform == "win32" else ("libnvrtc.so.13", "libnvrtc.so.12")


@cache
def library() -> ctypes.CDLL | None:
    """The compiler, from a wheel of NVIDIA's or from the system; None where there is none."""
    for candidate in [*_in_wheels(), *NAMES]:
        try:
            return ctypes.CDLL(str(candidate))
        except OSError:
            continue
    return None


def _in_wheels() -> list[Path]:
    folders = []
    for package in PACKAGES:
        try:
            spec = find_spec(package)
        except ModuleNotFoundError:
            continue
        folders += spec.submodule_search_locations or () if spec else ()
    files = (Path(folder) / part / name for folder in folders for part in ("lib", "bin") for name in NAMES)
    return [file for file in files if file.is_file()]


@cache
def compile_source(name: str, architecture: str) -> bytes:
    """Machine code (a cubin) of one of the ``.cu`` files here.

    Args:
        name: the file, "decode.cu".
        architecture: "sm_80", "sm_89", "sm_90" ...
    Raises:
        LabError: no compiler here, or it refuses the source; what it says is in the message.
    """
    nvrtc = library()
    if nvrtc is None:
        raise LabError("There is no CUDA compiler here.", name, "Install nvidia-cuda-nvrtc-cu12 with pip.")
    headers = sorted(SOURCES.glob("*.cuh"))
    program = c_void_p()
    failed = nvrtc.nvrtcCreateProgram(
        byref(program), (SOURCES / name).read_bytes(), name.encode(), len(headers),
        _strings(header.read_bytes() for header in headers), _strings(header.name.encode() for header in headers))
    options = ("--std=c++17", f"--gpu-architecture={architecture}", "--extra-device-vectorization")
    try:
        failed = failed or nvrtc.nvrtcCompileProgram(program, len(options), _strings(o.encode() for o in options))
        if failed:
            said = _read(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            raise LabError(
                "The CUDA compiler refuses a kernel ({said}).", name, "Choose another runtime for this model.",
                said=said.rstrip(b"\0").decode(errors="replace").strip()[-800:])
        return _read(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    finally:
        nvrtc.nvrtcDestroyProgram(byref(program))


def architectures() -> list[str]:
    """What the compiler makes code for, the oldest first; empty without one."""
    nvrtc = library()
    if nvrtc is None:
        return []
    count = c_int()
    nvrtc.nvrtcGetNumSupportedArchs(byref(count))
    found = (c_int * count.value)()
    nvrtc.nvrtcGetSupportedArchs(found)
    return [f"sm_{number}" for number in found]


def _strings(parts) -> ctypes.Array:
    parts = list(parts)
    return (c_char_p * len(parts))(*parts)


def _read(get_size, get, program: c_void_p) -> bytes:
    size = c_size_t()
    get_size(program, byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.raw
