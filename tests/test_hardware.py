"""Cores, memory and CPU features read from made-up /proc and /sys trees."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ternary.machine import hardware, systems

UNLIMITED_V1 = "9223372036854771712\n"
GIB = 1 << 30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes files below a fake root; the process may run on 8 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def build(**files):
        for path, text in files.pop("files", files).items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path

    return build


def cores(build, files):
    return hardware.usable_cores(build(files=files))


def test_without_groups_the_affinity_counts(machine):
    assert cores(machine, {}) == (8, "affinity")


@pytest.mark.parametrize(
    "quota, expected",
    [
        ("max 100000\n", (8, "affinity")),
        ("200000 100000\n", (2, "cgroup quota 2")),
        ("350000 100000\n", (3, "cgroup quota 3.5")),
        ("50000 100000\n", (1, "cgroup quota 0.5")),
        ("6400000 100000\n", (8, "affinity")),
        ("", (8, "affinity")),
        ("nonsense", (8, "affinity")),
    ],
)
def test_v2_quota(machine, quota, expected):
    assert cores(machine, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota}) == expected


def test_v2_tightest_of_nested_groups(machine):
    files = {
        "proc/self/cgroup": "0::/user.slice/job.scope\n",
        "sys/fs/cgroup/user.slice/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/user.slice/job.scope/cpu.max": "max 100000\n",
    }
    assert cores(machine, files) == (3, "cgroup quota 3")


def test_v2_container_that_sees_its_group_as_the_top(machine):
    files = {"proc/self/cgroup": "0::/../docker/abc\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}
    assert cores(machine, files) == (4, "cgroup quota 4")


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("quota, expected", [("-1", 8), ("150000", 1), ("500000", 5), ("10000", 1)])
def test_v1_quota(machine, mount, quota, expected):
    files = {
        "proc/self/cgroup": "5:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n",
        f"sys/fs/cgroup/{mount}/box/cpu.cfs_quota_us": quota + "\n",
        f"sys/fs/cgroup/{mount}/box/cpu.cfs_period_us": "100000\n",
    }
    assert cores(machine, files)[0] == expected


def test_affinity_below_the_quota_wins(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3}, raising=False)
    assert cores(machine, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "400000 100000"}) == (
        1,
        "affinity",
    )


MEMINFO = "MemTotal:       67108864 kB\nMemFree: 1 kB\nMemAvailable:   33554432 kB\n"  # 64 and 32 GiB


def test_two_threads_of_a_core_count_once(machine):
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    assert hardware.physical_cores(machine(files={})) is None
    root = machine(files={topology.format(k): f"{k % 4},{k % 4 + 4}\n" for k in range(8)})
    assert hardware.physical_cores(root) == 4


def test_memory_without_groups(machine):
    root = machine(files={"proc/meminfo": MEMINFO})
    assert hardware.total_memory(root) == 64 * GIB
    assert hardware.memory_limit(root) == 32 * GIB


def test_memory_v2_counts_use_but_not_droppable_cache(machine):
    root = machine(
        files={
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/memory.max": f"{8 * GIB}\n",
            "sys/fs/cgroup/a/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/a/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB}\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
        }
    )
    assert hardware.total_memory(root) == 8 * GIB
    assert hardware.memory_limit(root) == 6 * GIB


def test_memory_v1(machine):
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "4:memory:/box\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED_V1,
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": f"{5 * GIB}\n",
        "sys/fs/cgroup/memory/box/memory.usage_in_bytes": f"{GIB}\n",
        "sys/fs/cgroup/memory/box/memory.stat": "cache 5\n",
    }
    root = machine(files=files)
    assert hardware.total_memory(root) == 5 * GIB
    assert hardware.memory_limit(root) == 4 * GIB
    machine(files={"sys/fs/cgroup/memory/box/memory.limit_in_bytes": UNLIMITED_V1})
    assert hardware.total_memory(root) == 64 * GIB
    assert hardware.memory_limit(root) == 32 * GIB


def test_a_full_group_leaves_nothing(machine):
    root = machine(
        files={
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": "1000\n",
            "sys/fs/cgroup/memory.current": "1200\n",
        }
    )
    assert hardware.memory_limit(root) == 0


def test_cpu_name(machine):
    x86 = "processor\t: 0\nmodel name\t: A CPU @ 2GHz\n\nmodel name\t: B\n"
    root = machine(files={"proc/cpuinfo": x86})
    assert hardware.cpu_name(root) == "A CPU @ 2GHz"
    machine(files={"proc/cpuinfo": "processor : 0\nFeatures : fp asimd\n"})
    assert hardware.cpu_name(root)


# --- without /proc: the answers of macOS and Windows, simulated


def test_elsewhere_there_are_memory_and_a_name(tmp_path):
    assert hardware.cpu_name(tmp_path)
    assert hardware.total_memory(tmp_path) > 0 and hardware.memory_limit(tmp_path) > 0


@pytest.mark.parametrize("error", [None, OSError("not permitted")])
def test_without_affinity_all_cores_count(tmp_path, monkeypatch, error):
    def refuse(pid):
        raise error

    if error:
        monkeypatch.setattr(os, "sched_getaffinity", refuse, raising=False)
    else:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert hardware.usable_cores(tmp_path) == (6, "all") and hardware.physical_cores(tmp_path) is None
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert hardware.usable_cores(tmp_path) == (1, "all")


SYSCTL = {"hw.physicalcpu": "4\n", "hw.memsize": str(16 * GIB) + "\n", "machdep.cpu.brand_string": "Apple M9\n"}
VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               65536.
Pages active:                            300000.
Pages inactive:                           65536.
Pages speculative:                            0.
Pages wired down:                         90000.
Pages purgeable:                          65536.
"""


def on_macos(monkeypatch, answers):
    monkeypatch.setattr(systems.platform, "system", lambda: "Darwin")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(systems.subprocess, "run", lambda command, **_: SimpleNamespace(stdout=answers(command)))


def test_macos(tmp_path, monkeypatch):
    on_macos(monkeypatch, lambda command: VM_STAT if command[0] == "vm_stat" else SYSCTL[command[-1]])
    assert hardware.usable_cores(tmp_path) == (8, "all") and hardware.physical_cores(tmp_path) == 4
    assert hardware.total_memory(tmp_path) == 16 * GIB and hardware.memory_limit(tmp_path) == 3 * GIB
    assert hardware.cpu_name(tmp_path) == "Apple M9"


@pytest.mark.parametrize("answer", ["", "unknown oid 'hw.x'", FileNotFoundError(), subprocess.TimeoutExpired("x", 1)])
def test_macos_without_answers(tmp_path, monkeypatch, answer):
    def answers(command):
        if isinstance(answer, str):
            return answer
        raise answer

    on_macos(monkeypatch, answers)
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert hardware.physical_cores(tmp_path) is None and hardware.cpu_name(tmp_path)
    assert hardware.total_memory(tmp_path) == hardware.memory_limit(tmp_path) == 4 * GIB


@pytest.mark.parametrize("known", [1, 0])
def test_windows(tmp_path, monkeypatch, known):
    def status(reference):
        memory = reference._obj
        assert memory.length == 64                            # the size of MEMORYSTATUSEX
        memory.total, memory.available = 8 * GIB, 2 * GIB
        return known

    kernel32 = SimpleNamespace(GlobalMemoryStatusEx=status)
    monkeypatch.setattr(systems.platform, "system", lambda: "Windows")
    monkeypatch.setattr(systems.ctypes, "windll", SimpleNamespace(kernel32=kernel32), raising=False)
    for name in ("sched_getaffinity", "sysconf"):
        monkeypatch.delattr(os, name, raising=False)
    total, free = (8 * GIB, 2 * GIB) if known else (4 * GIB, 4 * GIB)
    assert hardware.total_memory(tmp_path) == total and hardware.memory_limit(tmp_path) == free
    assert hardware.usable_cores(tmp_path)[1] == "all" and hardware.physical_cores(tmp_path) is None
    assert hardware.cpu_name(tmp_path)


def test_this_machine():
    count, source = hardware.usable_cores()
    assert 1 <= count <= os.cpu_count() and source
    assert 0 < hardware.memory_limit() <= hardware.total_memory()


def test_imports_only_the_standard_library():
    code = (
        "import sys, ternary.machine.hardware; sys.exit(any(m in sys.modules for m in ('numpy', 'numba', 'click')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
