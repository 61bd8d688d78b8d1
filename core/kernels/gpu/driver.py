"""The CUDA driver by ctypes: memory, kernels, launches. No torch, no CUDA headers.

It works in the device's primary context, which is torch's too, on its default stream.
"""

import ctypes
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint, c_void_p
from functools import cache

import numpy as np

from core.errors import LabError
from core.kernels.gpu import nvrtc

# Numbers of cuda.h.
MULTIPROCESSORS, MOST_SHARED, MAJOR, MINOR, COOPERATIVE = 16, 97, 75, 76, 95
DYNAMIC_SHARED = 8


class Device:
    """A GPU.

    Args:
        driver: libcuda, or what stands in for it.
        number: which GPU.
    Raises:
        LabError: the driver refuses; remedy: use the processor.
    """

    def __init__(self, driver: ctypes.CDLL, number: int = 0) -> None:
        self._driver, self._number = driver, c_int()
        self._call("cuInit", c_uint(0))
        self._call("cuDeviceGet", byref(self._number), c_int(number))
        self._context = c_void_p()
        self._call("cuDevicePrimaryCtxRetain", byref(self._context), self._number)
        self.make_current()
        self.multiprocessors, self.most_shared, major, minor, self.cooperative = (
            self._attribute(which) for which in (MULTIPROCESSORS, MOST_SHARED, MAJOR, MINOR, COOPERATIVE))
        self.architecture = f"sm_{major}{minor}"

    def make_current(self) -> None:
        """Let this thread talk to the device."""
        self._call("cuCtxSetCurrent", self._context)

    def compile(self, source: str) -> bytes:
        """Machine code of a ``.cu`` file here, for this device."""
        return nvrtc.compile_source(source, self.architecture)

    def kernel(self, source: str, name: str) -> "Kernel":
        """A kernel of a ``.cu`` file here, compiled and loaded."""
        module, function = c_void_p(), c_void_p()
        self._call("cuModuleLoadData", byref(module), c_char_p(self.compile(source)))
        self._call("cuModuleGetFunction", byref(function), module, name.encode())
        return Kernel(self, function)

    def zeros(self, n_bytes: int) -> "Memory":
        """Memory of the device, zeros."""
        return Memory(self, n_bytes)

    def upload(self, array: np.ndarray) -> "Memory":
        """A copy of an array in the device's memory."""
        array = np.ascontiguousarray(array)
        memory = Memory(self, array.nbytes)
        self._call("cuMemcpyHtoD_v2", memory.at, c_void_p(array.ctypes.data), c_size_t(array.nbytes))
        return memory

    def download(self, memory: "Memory", array: np.ndarray) -> np.ndarray:
        """Fill a contiguous array; waits until the launches before it are done."""
        assert array.flags.c_contiguous and array.nbytes <= memory.n_bytes, "an array that the memory fills"
        self._call("cuMemcpyDtoH_v2", c_void_p(array.ctypes.data), memory.at, c_size_t(array.nbytes))
        return array

    def _attribute(self, which: int) -> int:
        value = c_int()
        self._call("cuDeviceGetAttribute", byref(value), c_int(which), self._number)
        return value.value

    def _call(self, name: str, *arguments) -> None:
        code = getattr(self._driver, name)(*arguments)
        if code:
            said = c_char_p()
            self._driver.cuGetErrorString(c_int(code), byref(said))
            raise LabError(
                "The GPU refused {call}: {said}.", "", "Use the processor, or look at the driver.", call=name,
                said=(said.value or str(code).encode()).decode())


class Memory:
    """A piece of a device's memory, zeros at first, given back when nothing points to it any more."""

    def __init__(self, device: Device, n_bytes: int) -> None:
        self.device, self.n_bytes, self.at = device, n_bytes, c_void_p()
        device._call("cuMemAlloc_v2", byref(self.at), c_size_t(max(n_bytes, 1)))
        device._call("cuMemsetD8_v2", self.at, ctypes.c_ubyte(0), c_size_t(n_bytes))

    def __del__(self) -> None:
        if self.at:
            self.device._driver.cuMemFree_v2(self.at)


class Kernel:
    """A kernel that takes one struct."""

    def __init__(self, device: Device, function: c_void_p) -> None:
        self.device, self._function = device, function

    def blocks_at_once(self, threads: int, shared_bytes: int) -> int:
        """How many blocks of that size the device runs at the same time; 0 = not even one."""
        if shared_bytes > self.device.most_shared:
            return 0
        each = c_int()
        self.device._call("cuFuncSetAttribute", self._function, c_int(DYNAMIC_SHARED), c_int(shared_bytes))
        self.device._call("cuOccupancyMaxActiveBlocksPerMultiprocessor", byref(each), self._function, c_int(threads),
                          c_size_t(shared_bytes))  # fmt: skip
        return each.value * self.device.multiprocessors

    def launch(self, job: ctypes.Structure, grid: tuple[int, int], threads: int, shared_bytes: int,
               together: bool = False) -> None:  # fmt: skip
        """Start it; ``together``: all blocks run at once, so that they can wait for each other."""
        parameters = (c_void_p * 1)(ctypes.cast(byref(job), c_void_p))
        sizes = [c_uint(n) for n in (*grid, 1, threads, 1, 1, shared_bytes)]
        name, rest = ("cuLaunchCooperativeKernel", ()) if together else ("cuLaunchKernel", (None,))
        self.device._call(name, self._function, *sizes, None, parameters, *rest)


@cache
def first_device() -> Device | None:
    """The first GPU, where there is one with a driver and the run-time compiler knows it; else None."""
    try:
        device = Device(ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"))
    except (OSError, LabError):
        return None
    return device if device.cooperative and device.architecture in nvrtc.architectures() else None
