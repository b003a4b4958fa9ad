"""Two ranks, one core each, over networks of given rates and latencies: tokens per second, and the time that they wait.

    python benchmarks/slow_network.py [--networks none 1000/1 1000/20 100/1 100/20] [--steps 60] [--data FILE]
                                       [-- options of train]

A network is Mbit/s and milliseconds from machine to machine. Needs Linux, root, ip (iproute2), and the extra mpi: each
rank is in a network namespace of its own (network.py). Passing packets on takes a little of the same two cores. Prints
one JSON object per line: one process with one core, then for each network gradients in float32, in 8 bits, and local
steps. waiting: the share of its time in which rank 0 waited for the network or for the other rank.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from network import ENVIRONMENT, Network

WAYS = {"float32": [], "8 bits": ["--gradient-bits", "8"], "local steps": ["--local-steps", "20"],
        "local steps, 8 bits": ["--local-steps", "20", "--gradient-bits", "8"]}


def trained(command: list[str], folder: Path) -> dict:
    """Means after the first two lines of the log, in which kernels are compiled and caches warm."""
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [line for line in log if line["kind"] == "train"][2:]
    return {"tokens_per_second": len(lines) / sum(1 / line["tokens_per_second"] for line in lines),
            "waiting": sum(line["waiting"] for line in lines) / len(lines),
            "val_bpc": [line["val_bpc"] for line in log if line["kind"] == "eval"][-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["none", "1000/1", "1000/20", "100/1", "100/20"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--data", default="fables")
    parser.add_argument("train", nargs="*", help="options of `ternary train`")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    mpiexec = str(Path(sys.executable).parent / "mpiexec")

    def command(way: str, folder: Path, core: int) -> list[str]:
        return ["taskset", "-c", str(core), sys.executable, "-m", "ternary", "train", "--data", given.data,
                "--steps", str(given.steps), "--batch", str(given.batch), "--seq-len", "256", "--threads", "1",
                "--eval-stories", "20", "--eval-every", str(given.steps), "--save-dir", str(folder), *WAYS[way],
                *given.train]

    with tempfile.TemporaryDirectory() as made:
        alone = trained(command("float32", Path(made, "one"), cores[0]), Path(made, "one"))
        print(json.dumps({"ranks": 1, **alone}), flush=True)
        for name in given.networks:
            mbit, ms = (0.0, 0.0) if name == "none" else map(float, name.split("/"))
            for way in given.ways:
                folder = Path(made, f"{name} {way}".replace("/", "-"))
                with Network(2, mbit, ms / 1e3) as net:
                    ranks = [["-n", "1", *net.on(k, command(way, folder, core))] for k, core in enumerate(cores)]
                    found = trained([mpiexec, *ranks[0], ":", *ranks[1]], folder)
                print(json.dumps({"ranks": 2, "network": name, "way": way, **found,
                                  "mb_per_step_and_rank": net.passed / given.steps / 2e6}), flush=True)


if __name__ == "__main__":
    main()
