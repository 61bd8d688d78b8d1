"""How much memory this process ever held."""

import os

import psutil


def peak_memory() -> int:
    """Most bytes of memory this process ever held."""
    try:
        import resource

        unit = 1 if os.uname().sysname == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset
