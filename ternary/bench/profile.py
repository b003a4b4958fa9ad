"""Where the time of a step goes, kernel by kernel."""
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ternary.kernels.jit import Kernel
from ternary.kernels.tiles import WIDTH


@dataclass
class Spent:
    """Sums over the calls of one kernel, of matrix products over those of one shape."""
    seconds: float = 0.0
    calls: int = 0
    flops: int = 0


def described(name: str, args: tuple) -> tuple[str, int]:
    """The label of a call and the FLOPs of its matrix products, 0 if it has none."""
    if name == "matmul":
        x, panels, _, base, add, _ = args
        (rows, inputs), outputs = x.shape, len(panels) * WIDTH
        extra = ("" if len(base) == 0 else " + base") + (" + y" if add else "")
        return f"matmul {inputs} -> {outputs}{extra}", 2 * rows * inputs * outputs
    if name == "matmul_dw":
        dy, x = args[:2]
        return f"matmul_dw {dy.shape[1]} x {x.shape[1]}", 2 * len(x) * dy.shape[1] * x.shape[1]
    if name in ("cross_entropy", "nll"):
        h, table = args[:2]
        return name, (6 if name == "cross_entropy" else 2) * len(h) * table.size
    return name, 0


@contextmanager
def timed_kernels() -> Iterator[dict[str, Spent]]:
    """While this is open, every kernel call is timed and summed up in the dictionary it gives."""
    spent: dict[str, Spent] = {}
    run = Kernel.__call__

    def timed(kernel, *args):
        start = time.perf_counter()
        run(kernel, *args)
        seconds = time.perf_counter() - start
        label, flops = described(kernel.name, args)
        row = spent.setdefault(label, Spent())
        row.seconds, row.calls, row.flops = row.seconds + seconds, row.calls + 1, row.flops + flops

    Kernel.__call__ = timed
    try:
        yield spent
    finally:
        Kernel.__call__ = run


def table(spent: dict[str, Spent], steps: int, seconds: float) -> list[dict]:
    """Rows per step, longest first; what `seconds` of `steps` steps hold besides kernels is the last one."""
    rows = [{"kernel": label, "calls": s.calls / steps, "ms": s.seconds / steps * 1e3, "share": s.seconds / seconds,
             "gflops": s.flops / s.seconds / 1e9 if s.flops else None}
            for label, s in sorted(spent.items(), key=lambda item: -item[1].seconds)]
    rest = seconds - sum(s.seconds for s in spent.values())
    return [*rows, {"kernel": "outside kernels", "calls": None, "ms": rest / steps * 1e3, "share": rest / seconds,
                    "gflops": None}]
