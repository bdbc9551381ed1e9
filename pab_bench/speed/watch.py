"""What can be seen of the machine while calls are timed."""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CPU_INFORMATION = Path("/proc/cpuinfo")
_CPU_TIMES = Path("/proc/stat")
_MHZ = re.compile(r"^cpu MHz\s*:\s*([\d.]+)", re.MULTILINE)


class Watch:
    """Readings between one look and the next; a reading that a machine does not give is left out.

    Args:
        device: where the transformer computes.
    """

    def __init__(self, device: str) -> None:
        self._gpu = _gpu_reader(device)
        self._before = self._now()

    def look(self) -> dict[str, float]:
        """What was seen since the last look.

        Returns:
            `load`, processes that want to run, mean over a minute; `own`, processors that this
            process had; `others`, processors that all other processes had; `mhz`, mean clock
            frequency of the processors; of a GPU `gpu_mhz`, `gpu_celsius`, `gpu_throttled` (1 =
            something slows it down) and `gpu_others` (how many other processes compute on it).
        """
        wall, own, busy = self._now()
        past_wall, past_own, past_busy = self._before
        self._before = wall, own, busy
        passed = wall - past_wall
        seen: dict[str, float] = {}
        if passed > 0:
            seen["own"] = (own - past_own) / passed
            if busy is not None and past_busy is not None:
                seen["others"] = max(0.0, (busy - past_busy) / passed - seen["own"])
        if hasattr(os, "getloadavg"):
            seen["load"] = os.getloadavg()[0]
        frequencies = [float(value) for value in _MHZ.findall(_text(_CPU_INFORMATION))]
        if frequencies:
            seen["mhz"] = sum(frequencies) / len(frequencies)
        if self._gpu is not None:
            seen |= self._gpu()
        return {name: round(value, 3) for name, value in seen.items()}

    @staticmethod
    def _now() -> tuple[float, float, float | None]:
        return time.perf_counter(), time.process_time(), _busy()


def _busy() -> float | None:
    """Seconds that all processors together were not idle since the machine was started."""
    first = _text(_CPU_TIMES).partition("\n")[0].split()
    if not first or first[0] != "cpu":
        return None
    ticks = list(map(int, first[1:9]))  # user nice system idle iowait irq softirq steal
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # Another operating system.
        return ""


def _gpu_reader(device: str) -> Callable[[], dict[str, float]] | None:
    """Reads a GPU by NVIDIA's library, where it is installed."""
    if not device.startswith("cuda"):
        return None
    try:
        library = importlib.import_module("pynvml")
        library.nvmlInit()
        handle = library.nvmlDeviceGetHandleByIndex(_index(device))
    except Exception:  # Whatever it is that the library lacks: the clocks do not need it.
        return None
    return lambda: _of_gpu(library, handle)


def _index(device: str) -> int:
    """A GPU's number among all of the machine, of which a process may see a part.

    Raises:
        ValueError: if those that it sees are named in another way.
    """
    import torch

    number = torch.device(device).index or 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return int(visible.split(",")[number]) if visible else number


def _of_gpu(library: Any, handle: Any) -> dict[str, float]:
    own = os.getpid()
    slowed = (
        library.nvmlClocksThrottleReasonSwPowerCap
        | library.nvmlClocksThrottleReasonHwSlowdown
        | library.nvmlClocksThrottleReasonSwThermalSlowdown
        | library.nvmlClocksThrottleReasonHwThermalSlowdown
        | library.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
    )
    readings: dict[str, Callable[[], float]] = {
        "gpu_mhz": lambda: library.nvmlDeviceGetClockInfo(handle, library.NVML_CLOCK_SM),
        "gpu_celsius": lambda: library.nvmlDeviceGetTemperature(
            handle, library.NVML_TEMPERATURE_GPU
        ),
        "gpu_throttled": lambda: bool(
            library.nvmlDeviceGetCurrentClocksThrottleReasons(handle) & slowed
        ),
        "gpu_others": lambda: sum(
            process.pid != own for process in library.nvmlDeviceGetComputeRunningProcesses(handle)
        ),
    }
    seen = {}
    for name, read in readings.items():
        try:
            seen[name] = float(read())
        except library.NVMLError:  # Not every GPU gives everything.
            continue
    return seen
