"""What this process may use: cores and memory, with container limits respected.

Every function takes the root of the file system, so that other machines can be described by a folder. What Linux has in
/proc and /sys, other systems tell in other ways, see systems.py.
"""

import os
import platform
from collections.abc import Callable
from pathlib import Path

from ternary.machine import systems

_ROOT = Path("/")
_ASSUMED_MEMORY = 4 << 30  # where the system tells nothing: small enough to be safe


def usable_cores(root: Path = _ROOT) -> tuple[int, str]:
    """Cores this process can keep busy (at least 1), and why: "affinity", "all" or "cgroup quota 1.5"."""
    processors = _affinity()
    cores, why = (len(processors), "affinity") if processors else (os.cpu_count() or 1, "all")
    quotas = [q for q in (_v2_quota(f) for f in _groups(root, "")) if q is not None]
    quotas += [q for q in (_v1_quota(f) for f in _groups(root, "cpu")) if q is not None]
    quota = min(quotas, default=float(cores))
    if quota < cores:
        return max(1, int(quota)), f"cgroup quota {quota:g}"
    return cores, why


def physical_cores(root: Path = _ROOT) -> int | None:
    """Cores among those of the affinity when two threads of one count once; None if the system does not tell."""
    processors = _affinity()
    if not processors:
        return systems.physical_cores()
    folder = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    siblings = {_read(root / folder.format(k)).strip() for k in processors}
    return None if "" in siblings else len(siblings)


def total_memory(root: Path = _ROOT) -> int:
    """Bytes of memory the machine or its container has."""
    limits = [limit for limit, _ in _memory_limits(root)]
    total = _meminfo(root, "MemTotal") or systems.memory()[0] or _sysconf("SC_PHYS_PAGES")
    return min([total, *limits])


def memory_limit(root: Path = _ROOT) -> int:
    """Bytes this process may still take: what is free in the machine and in every cgroup with a limit."""
    free = [max(0, limit - used) for limit, used in _memory_limits(root)]
    available = _meminfo(root, "MemAvailable") or systems.memory()[1] or _sysconf("SC_AVPHYS_PAGES")
    return min([available, *free])


def cpu_name(root: Path = _ROOT) -> str:
    """The processor as the system names it."""
    fields = _cpuinfo(root)
    for key in ("model name", "Hardware", "cpu model"):
        if fields.get(key):
            return fields[key]
    return systems.cpu_name() or platform.processor() or platform.machine()


def _affinity() -> set[int] | None:
    """The processors this process may run on; None where the system has no affinity or does not tell."""
    try:
        return os.sched_getaffinity(0)
    except (AttributeError, OSError):
        return None


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of the control groups this process is in, outermost last; `controller` "" means cgroup v2.

    A container often sees its own group as the top of the mount while /proc names the path outside:
    folders that do not exist are left out, and the top always belongs to the list.
    """
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller not in names.split(","):
            continue
        mounts = (controller, names) if controller else ("", "unified")
        inner = Path(*(part for part in path.strip().split("/") if part not in ("", "..")))
        for mount in dict.fromkeys(root / "sys/fs/cgroup" / m for m in mounts):
            folders += [mount / step for step in (inner, *inner.parents)]
    return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def _v2_quota(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    return _ratio(quota, period)


def _v1_quota(folder: Path) -> float | None:
    return _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    """Cores allowed; None if there is no limit ("max", -1, no file)."""
    over, under = _number(quota), _number(period)
    return over / under if over and under else None


def _memory_limits(root: Path) -> list[tuple[int, int]]:
    """(limit, bytes in use that cannot be dropped) of every group with a limit."""
    found = []
    versions: list[tuple[str, str, str, str]] = [
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ]
    for controller, limit_file, usage_file, cache_key in versions:
        for folder in _groups(root, controller):
            # v1 writes "no limit" as a number near 2**63
            if (limit := _number(_read(folder / limit_file))) and limit < 1 << 60:
                cache = _table(_read(folder / "memory.stat"), str.split).get(cache_key, "0")
                used = (_number(_read(folder / usage_file)) or 0) - (_number(cache) or 0)
                found.append((limit, max(0, used)))
    return found


def _meminfo(root: Path, key: str) -> int | None:
    value = _table(_read(root / "proc/meminfo"), _colon).get(key, "").split()
    kib = _number(value[0]) if value else None
    return kib * 1024 if kib else None


def _cpuinfo(root: Path) -> dict[str, str]:
    return _table(_read(root / "proc/cpuinfo"), _colon)


def _sysconf(pages: str) -> int:
    try:
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _ASSUMED_MEMORY


def _table(text: str, split: Callable[[str], list[str]]) -> dict[str, str]:
    """First value of every key."""
    rows: dict[str, str] = {}
    for line in text.splitlines():
        row = split(line)
        if len(row) == 2:
            rows.setdefault(row[0].strip(), row[1].strip())
    return rows


def _colon(line: str) -> list[str]:
    return line.split(":", 1)


def _number(text: str) -> int | None:
    """A positive whole number, else None."""
    text = text.strip()
    return int(text) if text.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
