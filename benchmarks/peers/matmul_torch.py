"""Seconds of the matrix products of linear maps in PyTorch, for `ternary bench kernels --peer torch`.

    python benchmarks/peers/matmul_torch.py --products '[["forward", 384, 192], ["dw", 384, 192]]'

prints one JSON list: the best seconds of each product [kind, outputs, inputs]; kinds are forward, dx and dw.
"""

import argparse
import json
import time

import torch


def best_seconds(kind: str, rows: int, outputs: int, inputs: int, dtype: torch.dtype, seconds: float) -> float:
    """The shortest of the calls that fit in `seconds`, at least three, after one to warm up."""
    x, dy, w = (torch.randn(shape, dtype=dtype) for shape in ((rows, inputs), (rows, outputs), (outputs, inputs)))
    a, b = {"forward": (x, w.T), "dx": (dy, w), "dw": (dy.T, x)}[kind]
    y = a @ b
    times = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        torch.mm(a, b, out=y)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of matrix products in PyTorch.")
    parser.add_argument("--products", type=json.loads, required=True)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--seconds", type=float, default=0.3, help="of one product")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
    print(json.dumps([best_seconds(kind, args.rows, m, k, dtype, args.seconds) for kind, m, k in args.products]))


if __name__ == "__main__":
    main()
