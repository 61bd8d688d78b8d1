"""Builds the C++ kernels into one library; without a compiler, says so and leaves the torch path to run.

Run by the installation (setup.py), or by hand: ``python -m core.kernels.build``.
This file is loaded by setup.py before anything is installed: it imports the standard library only.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "cpu"
NAMES = {"win32": "coldframe.dll", "darwin": "libcoldframe.dylib"}
LIBRARY = SOURCES / "lib" / NAMES.get(sys.platform, "libcoldframe.so")

# Instruction set -> the flags its unit is compiled with. The generic unit has none: it runs everywhere.
GNU_FLAGS = {
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mf16c"],
}
GNU_FLAGS["avx512vnni"] = [*GNU_FLAGS["avx512"], "-mavx512vnni"]
GNU_FLAGS["amx"] = [*GNU_FLAGS["avx512vnni"], "-mavx512bf16", "-mamx-tile", "-mamx-bf16"]
MSVC_FLAGS = {"avx2": ["/arch:AVX2"], "avx512": ["/arch:AVX512"], "avx512vnni": ["/arch:AVX512"]}


PORTABLE = ("isa_generic.cpp", "team.cpp", "text.cpp", "minhash.cpp", "ngram.cpp", "decode.cpp", "suffix.cpp",
            "spans.cpp")  # fmt: skip


class BuildFailed(Exception):
    """The library could not be built; the message says why in one sentence."""


def build() -> Path:
    """Compile every unit this machine's compiler can, link them, and put the library in its place.

    Returns:
        The library's path.
    Raises:
        BuildFailed: no compiler, or one that cannot build even the portable unit.
    """
    LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LIBRARY.parent) as folder:
        toolchain = _toolchain(Path(folder))
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the compiler runs in processes of its own
            portable = [pool.submit(toolchain.compile, name, [], []) for name in PORTABLE]
            special = {isa: pool.submit(toolchain.compile, f"isa_{isa}.cpp", toolchain.flags[isa], [])
                       for isa in _instruction_sets()}  # fmt: skip
        objects, defines = [job.result() for job in portable], []
        for isa, job in special.items():
            try:
                objects.append(job.result())
                defines.append(f"COLDFRAME_HAS_{isa.upper()}")
            except BuildFailed as problem:  # an old compiler: the levels it knows are enough
                print(f"Kernels for {isa} were left out: {problem}", file=sys.stderr)
        objects.append(toolchain.compile("dispatch.cpp", [], [*defines, f"COLDFRAME_STAMP={stamp()}u"]))
        os.replace(toolchain.link(objects), LIBRARY)
    return LIBRARY


def stamp() -> int:
    """A number that changes with the sources: a library built from others reads other structs, and would crash."""
    number = 0
    for path in sorted([*SOURCES.glob("*.h"), *SOURCES.glob("*.cpp")]):
        number = zlib.crc32(path.read_bytes().replace(b"\r\n", b"\n"), number)
    return number


def _instruction_sets() -> list[str]:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return []
    # Matrix tiles have to be asked for, and only Linux's way of asking is written.
    return [isa for isa in GNU_FLAGS if isa != "amx" or sys.platform == "linux"]


def _toolchain(folder: Path):
    if sys.platform == "win32":
        return _Msvc(folder)
    for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++"):
        if name and shutil.which(name.split()[0]):
            return _Gnu(folder, name.split())
    raise BuildFailed("no C++ compiler was found.")


class _Gnu:
    """g++ or clang++."""

    flags = GNU_FLAGS

    def __init__(self, folder: Path, compiler: list[str]) -> None:
        self.folder, self.compiler = folder, compiler

    def compile(self, source: str, flags: list[str], defines: list[str]) -> Path:
        target = self.folder / f"{source}.o"
        _call([*self.compiler, "-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno",
               "-Wall", *flags, *(f"-D{name}" for name in defines),
               "-c", str(SOURCES / source), "-o", str(target)])
        return target

    def link(self, objects: list[Path]) -> Path:
        target = self.folder / LIBRARY.name
        _call([*self.compiler, "-shared", "-o", str(target), *map(str, objects), "-pthread"])
        return target


class _Msvc:
    """Microsoft's compiler, found through setuptools, which knows where Visual Studio hides it."""

    flags = MSVC_FLAGS

    def __init__(self, folder: Path) -> None:
        from setuptools._distutils.ccompiler import new_compiler

        self.folder, self.compiler = folder, new_compiler(compiler="msvc")
        try:
            self.compiler.initialize()
        except Exception as problem:
            raise BuildFailed(f"Visual Studio's C++ compiler was not found ({problem}).") from problem

    def compile(self, source: str, flags: list[str], defines: list[str]) -> Path:
        target = self.folder / f"{source}.obj"
        _call([self.compiler.cc, "/nologo", "/c", "/std:c++17", "/utf-8", "/O2", "/EHsc", "/MD", *flags,
               *(f"/D{name}" for name in defines), str(SOURCES / source), f"/Fo{target}"])
        return target

    def link(self, objects: list[Path]) -> Path:
        target = self.folder / LIBRARY.name
        _call([self.compiler.linker, "/nologo", "/DLL", f"/OUT:{target}", *map(str, objects)])
        return target


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "error" in line.lower()]
        raise BuildFailed(lines[0] if lines else f"{command[0]} ended with status {done.returncode}.")


def main() -> int:
    try:
        print(f"Built {build()}")
    except (BuildFailed, OSError) as problem:
        print(f"The C++ kernels were not built; training will use PyTorch's own. {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
