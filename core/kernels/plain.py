"""The C++ library for whoever must not import torch: cleaning workers and the window's neighbours.

:mod:`core.kernels.library` loads the same file for the kernels of training, with torch's threads.
"""

import ctypes
import os
from functools import cache

from core.kernels.build import LIBRARY, stamp


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
    if not is_current(library):
        return None
    if wanted:
        library.coldframe_use_isa.argtypes = [ctypes.c_char_p]
        library.coldframe_use_isa(wanted.encode())
    return library


def is_current(library: ctypes.CDLL) -> bool:
    """Whether the library was built from the sources as they are: an older one reads other structs."""
    try:
        library.coldframe_stamp.restype = ctypes.c_uint32
        return library.coldframe_stamp() == stamp()
    except AttributeError:
        return False
