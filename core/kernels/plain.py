"""The C++ library for whoever must not import torch: cleaning workers and the window's neighbours.

:mod:`core.kernels.library` loads the same file for the kernels of training, with torch's threads.
"""

import ctypes
import os
from functools import cache

from core.kernels.build import LIBRARY


@cache
def load() -> ctypes.CDLL | None:
    """The library, or None where it was not built or cannot be loaded: callers fall back on plain Python.

    The environment's COLDFRAME_ISA chooses an instruction set, and ``none`` the plain Python everywhere.
    """
    wanted = os.environ.get("COLDFRAME_ISA", "")
    if wanted == "none" or not LIBRARY.exists():
        return None
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    if wanted:
        library.coldframe_use_isa.argtypes = [ctypes.c_char_p]
        library.coldframe_use_isa(wanted.encode())
    return library
