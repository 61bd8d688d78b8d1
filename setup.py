"""Builds the C++ kernels while Coldframe is installed; everything else is said in pyproject.toml.

An installation never fails for want of a compiler: it says so, and PyTorch's own kernels run instead.
"""

import importlib.util
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithKernels(build_py):
    """setuptools runs this command in every kind of installation, an editable one included."""

    def run(self) -> None:
        super().run()
        try:
            _kernel_builder().main()
        except Exception as problem:  # whatever is wrong with the compiler, the rest of the lab works
            print(f"The C++ kernels were not built; training will use PyTorch's own. {problem}", file=sys.stderr)


def _kernel_builder():
    """core/kernels/build.py by its path: the package itself is not importable yet."""
    path = Path(__file__).parent / "core" / "kernels" / "build.py"
    spec = importlib.util.spec_from_file_location("coldframe_build", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup(cmdclass={"build_py": BuildWithKernels})
