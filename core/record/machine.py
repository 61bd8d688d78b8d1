"""How the machine is at this moment: processor, memory, temperature, power, and the GPU where there is one.

What cannot be read here is None, never a guess. No engine library is imported.
"""

import time
from pathlib import Path

import msgspec
import psutil

METER = Path("/sys/class/powercap/intel-rapl:0")  # microjoules, counted by the processor itself
PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")  # the first that is there

HEALTH = "health.bin"  # in a run's folder: a record every few seconds, in the format of core.record.metrics
HEALTH_COLUMNS = [
    ("t", "s"), ("processor_share", ""), ("own_share", ""), ("memory_bytes", "bytes"), ("own_bytes", "bytes"),
    ("swap_bytes", "bytes"), ("temperature_c", "C"), ("power_w", "W"), ("gpu_share", ""),
    ("gpu_memory_bytes", "bytes"), ("gpu_temperature_c", "C"), ("gpu_power_w", "W"),
]  # fmt: skip


class Reading(msgspec.Struct, frozen=True):
    """One look at the machine; shares are 0..1 of the whole machine."""

    t: float  # Unix time, s
    processor_share: float
    memory_bytes: int  # in use
    memory_total_bytes: int
    swap_bytes: int = 0
    temperature_c: float | None = None  # of the processor
    power_w: float | None = None  # of the processor, mean since the look before
    gpu_share: float | None = None
    gpu_memory_bytes: int | None = None
    gpu_memory_total_bytes: int | None = None
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None


def read_meter(folder: Path = METER) -> int | None:
    """Microjoules on the processor's meter, or None where there is none or it may not be read."""
    try:
        return int((folder / "energy_uj").read_text())
    except (OSError, ValueError):
        return None


class Machine:
    """Reads the machine again and again; power is a mean over the time between two looks."""

    def __init__(self, power_meter: Path = METER) -> None:
        self._meter = power_meter
        self._energy: tuple[float, int] | None = None  # time, microjoules
        self._gpu = _open_gpu()
        psutil.cpu_percent()  # counts from here

    def read(self) -> Reading:
        """Look once."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        return Reading(
            t=time.time(), processor_share=psutil.cpu_percent() / 100, memory_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total, swap_bytes=swap.used, temperature_c=_temperature(),
            power_w=self._power(), **_read_gpu(self._gpu))

    def _power(self) -> float | None:
        used = read_meter(self._meter)
        if used is None:
            return None
        now = time.monotonic(), used
        before, self._energy = self._energy, now
        if before is None or now[0] <= before[0] or now[1] < before[1]:  # the count began anew
            return None
        return (now[1] - before[1]) / 1e6 / (now[0] - before[0])


def _temperature() -> float | None:
    read = getattr(psutil, "sensors_temperatures", None)  # not on Windows and macOS
    try:
        found = read() if read else {}
    except OSError:
        return None
    for name in PROCESSOR_SENSORS:
        values = [sensor.current for sensor in found.get(name, []) if sensor.current]
        if values:
            return max(values)
    return None


def _open_gpu():
    """NVIDIA's management library and its first card, or None."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByIndex(0)
    except Exception:  # no such library, no driver, no card: each has an error of its own
        return None


def _read_gpu(gpu) -> dict:
    if gpu is None:
        return {}
    nvml, card = gpu
    found = {}
    readers = {
        "gpu_share": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu / 100,
        "gpu_memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used,
        "gpu_memory_total_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(card).total,
        "gpu_temperature_c": lambda: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU),
        "gpu_power_w": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
    }
    for name, read in readers.items():
        try:
            found[name] = read()
        except nvml.NVMLError:
            pass  # this card does not tell
    return found
