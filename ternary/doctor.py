"""What this machine has, what the engine makes of it, and whether its kernels are right on it."""
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

from ternary.compiler.isa import ISA, PRECISIONS
from ternary.compiler.jit import FOLDER
from ternary.config import TrainConfig
from ternary.errors import TernaryError
from ternary.machine.hardware import cpu_name, memory_limit, total_memory, usable_cores
from ternary.machine.heartbeat import heartbeat, say
from ternary.machine.threads import WITHOUT_OPENMP, threading_layer
from ternary.models import MODELS
from ternary.text.token_store import cache_folder
from ternary.training.plan import new_model, resolve
from ternary.training.selftest import LIMITS, self_test

LIBRARIES = ("numpy", "numba", "llvmlite", "datasets", "safetensors", "torch")


def facts() -> dict[str, str]:
    """Each with where it comes from."""
    cores, why = usable_cores()
    forced = " (TERNARY_ISA)" if os.environ.get("TERNARY_ISA") else " (the best of this CPU)"
    slow = f" ({WITHOUT_OPENMP})" if threading_layer() == "workqueue" else ""
    return {"Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}", "CPU": cpu_name(),
            "cores": f"{cores} usable ({why})", "threads": threading_layer() + slow,
            "memory": f"{memory_limit() / 1e9:.1f} GB free of {total_memory() / 1e9:.1f}",
            "CPU path": ISA + forced, "precision": f"{PRECISIONS[0]} (the fastest of {', '.join(PRECISIONS)})",
            **{name: found for name in LIBRARIES if (found := installed(name))},
            "data cache": folder_state(), "kernel cache": str(FOLDER or "none: kernels compile in every process")}


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def folder_state() -> str:
    try:
        folder = cache_folder()
        return f"{folder}, {shutil.disk_usage(folder).free / 1e9:.1f} GB free"
    except TernaryError as error:
        return str(error)


def checks(models: list[str] | None = None) -> list[dict]:
    """One step of each model in each precision of this CPU, against the references."""
    rows = []
    for model in models or MODELS.names():
        for precision in PRECISIONS:
            say(what := f"checking {model}, {precision}")
            with heartbeat(what):
                config = resolve(TrainConfig(model=model, precision=precision))
                name, error = self_test(new_model(config), config)
            rows.append({"model": model, "precision": precision, "worst": name, "error": error,
                         "limit": LIMITS[precision], "passed": error <= LIMITS[precision]})
    return rows
