"""Where the time of a step goes, kernel by kernel."""
import time
from dataclasses import dataclass
from threading import Lock

import numpy as np

from ternary.compiler.backend import run
from ternary.compiler.jit import Kernel
from ternary.compiler.tiles import TILE_N


def causal(size: int, rope_table: np.ndarray, products: int) -> int:
    """Of products over (N, D) that see half of the T tokens; those that only repeat what is known are not counted."""
    return products * size * len(rope_table)


# multiplications and additions of the matrix products in one call, from its arguments
FLOPS = {
    "matmul": lambda x, panels, *_: 2 * x.size * len(panels) * TILE_N,
    "matmul_dw": lambda dy, x, *_: 2 * dy.size * x.shape[1],
    "glu": lambda xg, xu, gate, up, *_: 2 * (xg.size * len(gate) + xu.size * len(up)) * TILE_N,
    "attention": lambda qkv, rope_table, *_: causal(qkv.size // 3, rope_table, 2),
    "attention_bwd": lambda dout, qkv, rope_table, *_: causal(dout.size, rope_table, 4),
    "relu2": lambda x, panels, *_: 2 * x.size * len(panels) * TILE_N,
    "relu2_bwd": lambda dy, panels, *_: 2 * dy.size * len(panels) * TILE_N,
    "cross_entropy": lambda h, table, *_: 6 * len(h) * table.size,
}


@dataclass
class Spent:
    """Sums over the calls of one kernel, of matrix products over those of one shape."""
    seconds: float = 0.0
    calls: int = 0
    flops: int = 0


def described(name: str, args: tuple) -> tuple[str, int]:
    """The label of a call, with the shape of a product, and its FLOPs."""
    flops = FLOPS[name](*args) if name in FLOPS else 0
    if name == "matmul":
        x, panels, _, base, add, _ = args
        sums = (" + base" if len(base) else "") + (" + y" if add else "")
        name = f"matmul {x.shape[1]} -> {len(panels) * TILE_N}{sums}"
    elif name == "matmul_dw":
        name = f"matmul_dw {args[0].shape[1]} x {args[1].shape[1]}"
    return name, flops


class Profile:
    """A backend that runs every kernel call and adds its time to the sums by label."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self.lock = Lock()                # kernels of several workers run at once

    def __call__(self, kernel: Kernel, args: tuple) -> None:
        start = time.perf_counter()
        run(kernel, args)
        seconds = time.perf_counter() - start
        label, flops = described(kernel.name, args)
        with self.lock:
            row = self.spent.setdefault(label, Spent())
            row.seconds, row.calls, row.flops = row.seconds + seconds, row.calls + 1, row.flops + flops


def table(spent: dict[str, Spent], steps: int, seconds: float) -> list[dict]:
    """Rows per step, longest first; what `seconds` of `steps` steps hold besides kernels is the last one.

    With several workers, all seconds are the sums over them.
    """
    rest = Spent(seconds - sum(s.seconds for s in spent.values()))
    entries = [*sorted(spent.items(), key=lambda entry: -entry[1].seconds), ("outside kernels", rest)]
    return [{"kernel": label, "calls": s.calls / steps, "ms": s.seconds / steps * 1e3,
             "share": s.seconds / seconds, "gflops": s.flops / s.seconds / 1e9 if s.flops else None}
            for label, s in entries]
