"""Two ranks, one core each, over a network of a given rate: tokens per second and what they send.

    python benchmarks/slow_network.py [--rates none 1000 100] [--steps 60] [--batch 32] -- [options of ternary train]

Needs Linux, root, `tc` (iproute2), and the extra mpi. Ranks talk by TCP through the loopback device, whose rate is
limited by a token bucket: to twice the Mbit/s given, since both directions share it. Its latency stays as it is. Other
traffic on the loopback device is slowed down too. Prints one JSON object per line: one process with one core, then for
each rate gradients in float32, in 8 bits, and local steps.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = {"float32": [], "8 bits": ["--gradient-bits", "8"], "local steps": ["--local-steps", "20"],
        "local steps, 8 bits": ["--local-steps", "20", "--gradient-bits", "8"]}
# ranks meet over the network, not in shared memory
ENVIRONMENT = {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp,self"}


def limit(mbit: str) -> None:
    """Of the loopback device; "none": as it was."""
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], stderr=subprocess.DEVNULL, check=False)
    if mbit != "none":
        subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", f"{2 * int(mbit)}mbit", "burst",
                        "256kb", "latency", "200ms"], check=True)


def sent() -> int:
    """Bytes that went through the loopback device."""
    return int(Path("/sys/class/net/lo/statistics/tx_bytes").read_text())


def trained(command: list[str], folder: Path) -> dict:
    """Mean tokens per second after the first two lines of the log, in which kernels are compiled and caches warm."""
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    speeds = [line["tokens_per_second"] for line in log if line["kind"] == "train"][2:]
    return {"tokens_per_second": len(speeds) / sum(1 / s for s in speeds),
            "val_bpc": [line["val_bpc"] for line in log if line["kind"] == "eval"][-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", nargs="+", default=["none", "1000", "100"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("train", nargs="*", help="options of `ternary train`")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    mpiexec = str(Path(sys.executable).parent / "mpiexec")

    def command(way: str, folder: Path, core: int) -> list[str]:
        return ["taskset", "-c", str(core), sys.executable, "-m", "ternary", "train", "--data", "fables",
                "--steps", str(given.steps), "--batch", str(given.batch), "--seq-len", "256", "--threads", "1",
                "--eval-stories", "20", "--eval-every", str(given.steps), "--save-dir", str(folder), *WAYS[way],
                *given.train]

    with tempfile.TemporaryDirectory() as made:
        alone = trained(command("float32", Path(made, "one"), cores[0]), Path(made, "one"))
        print(json.dumps({"ranks": 1, **alone}), flush=True)
        for rate in given.rates:
            for way in given.ways:
                folder = Path(made, f"{rate} {way}")
                limit(rate)
                before = sent()
                try:
                    ranks = [["-n", "1", *command(way, folder, core)] for core in cores]
                    found = trained([mpiexec, *ranks[0], ":", *ranks[1]], folder)
                finally:
                    limit("none")
                print(json.dumps({"ranks": 2, "mbit_per_second": rate, "way": way, **found,
                                  "mb_per_step_and_rank": (sent() - before) / given.steps / 2e6}), flush=True)


if __name__ == "__main__":
    main()
