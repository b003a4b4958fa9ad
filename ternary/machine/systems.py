"""Cores, memory and processor of systems without /proc: macOS and Windows. None where the system does not tell."""
import ctypes
import platform
import re
import subprocess


def physical_cores() -> int | None:
    return int(cores) if (cores := _output("sysctl", "-n", "hw.physicalcpu")).isdecimal() else None


def cpu_name() -> str:
    return _output("sysctl", "-n", "machdep.cpu.brand_string")


def memory() -> tuple[int | None, int | None]:
    """Bytes of memory: of the machine, and what is free or would be for the asking."""
    if platform.system() == "Windows":
        return _windows_memory()
    total = _output("sysctl", "-n", "hw.memsize")
    return int(total) if total.isdecimal() else None, _macos_available()


def _macos_available() -> int | None:
    """Of the pages that `vm_stat` counts, those that are free or hold what can be read again."""
    text = _output("vm_stat")
    size = re.search(r"page size of (\d+) bytes", text)
    pages = re.findall(r"^Pages (?:free|inactive|speculative|purgeable): +(\d+)", text, re.MULTILINE)
    return int(size[1]) * sum(map(int, pages)) if size and pages else None


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX"""
    _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32),
                *((name, ctypes.c_uint64) for name in ("total", "available", "total_page_file", "available_page_file",
                                                       "total_virtual", "available_virtual", "extended"))]


def _windows_memory() -> tuple[int | None, int | None]:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    try:
        known = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None, None
    return (status.total, status.available) if known else (None, None)


def _output(*command: str) -> str:
    """What a program of macOS prints; "" on other systems and if it fails."""
    if platform.system() != "Darwin":
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
