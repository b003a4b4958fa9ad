"""What happens to a job of several ranks when one is killed or frozen, or when the network is cut?

    python benchmarks/chaos_ranks.py [--kills 20] [--freezes 10] [--cuts 4]

Starts `ternary launch --restarts 3 -- train` with 2, 3 or 4 ranks, and at a random moment kills a random rank, freezes
it, or takes away the network: for a second, or for good. Each job has to end as it would have without, or go on from
the last checkpoint with the ranks that can be reached, with the losses of the run that nobody disturbed. None may hang,
and no process may be left. For cuts each rank is on a machine of its own (network.py), and `launch --hosts` reaches
them by a stand-in for ssh. Linux; needs the extra mpi, and for cuts root and iproute2. Prints a line for each job, and
a summary as JSON; all goes into benchmarks/results.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chaos import RESULTS, Place
from network import ENVIRONMENT, Network

from ternary.bench.measure import machine
from ternary.machine.heartbeat import say

# four micro-batches, so that four ranks have work; the loss does not depend on how many ranks there are
RUN = ("--steps 60 --lr 0.004 --batch 5 --seq-len 1100 --vocab 512 --eval-every 10 --eval-stories 5 --threads 1 "
       "--save-minutes 0.05 --precision fp32 --set dim=64 --set layers=2 --rank-timeout 6").split()
HANGS = 150                                       # seconds after which a job counts as one that hangs
CLOSE = 1e-2                                      # between losses: sums are rounded in another order


def ranks_of(folder: Path) -> list[int]:
    """The process ids of the ranks of a run."""
    listed = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    mine = [line.split() for line in listed if f" {folder} " in f"{line} " and " train " in line]
    return sorted(int(fields[0]) for fields in mine if "launch" not in fields and "mpiexec" not in fields[1])


def losses(folder: Path) -> dict[int, float]:
    """By step; none if there is no log yet, or only half of a line."""
    with suppress(OSError, ValueError):
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        return {line["step"]: line["loss"] for line in lines if line["kind"] == "train"}
    return {}


@contextmanager
def machines(count: int, folder: Path) -> Iterator[tuple[Network, list[str], dict[str, str]]]:
    """Machines with a network -> it, the options of `launch` for a rank on each, and the environment."""
    with Network(count) as net:
        hosts, shell, is_cut = folder / "hosts", folder / "shell", folder / "cut"
        hosts.write_text("\n".join(net.names), encoding="utf-8")
        # in the place of ssh; a machine that is cut off does not answer
        shell.write_text(f'#!/bin/sh\nwhile [ "${{1#-}}" != "$1" ]; do shift; done\nhost=$1; shift\n'
                         f'[ -e {is_cut} ] && [ $host != {net.names[0]} ] && exit 255\n'
                         'exec ip netns exec $host sh -c "$*"\n', encoding="utf-8")
        shell.chmod(0o755)
        is_cut.unlink(missing_ok=True)
        yield net, ["--hosts", str(hosts)], {**ENVIRONMENT, "HYDRA_LAUNCHER": "ssh", "HYDRA_IFACE": net.devices[0],
                                             "HYDRA_LAUNCHER_EXEC": str(shell)}


def disturb(what: str, folder: Path, pick: random.Random, net: Network | None) -> str:
    """-> what was done, in words"""
    if what in ("kill", "freeze"):
        found = ranks_of(folder)
        if not found:
            return "nothing: the job was over"
        victim = pick.choice(found)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL if what == "kill" else signal.SIGSTOP)
        return f"{what} rank {found.index(victim)} of {len(found)}"
    assert net
    net.is_cut = True
    (folder.parent / "cut").touch()
    if what == "cut for a second":
        time.sleep(1)
        net.is_cut = False
        (folder.parent / "cut").unlink()
    return what


def job(place: Path, text: Path, what: str, number: int, wanted: dict[int, float], pick: random.Random) -> dict:
    """One job that is disturbed once -> what became of it."""
    folder, ranks = place / f"job-{number}", pick.randint(2, 4)
    train = ["--restarts", "3", "--", "train", "--data", str(text), *RUN, "--save-dir", str(folder)]
    launch = [sys.executable, "-m", "ternary", "launch"]
    if what.startswith("cut"):
        with machines(ranks, place) as (net, hosts, env):
            row = watched(net.on(0, [*launch, *hosts, *train]), env, folder, what, pick, net)
    else:
        row = watched([*launch, "-n", str(ranks), *train], {}, folder, what, pick, None)
    said, found = row.pop("said"), losses(folder)
    worst = max((abs(found[step] / loss - 1) for step, loss in wanted.items() if step in found), default=0.0)
    good = (row["exit_code"] == 0 and not row["left_over"] and set(found) == set(wanted) and worst < CLOSE
            and "Traceback" not in said)
    return {"what": what, "ranks": ranks, **row, "largest_difference": worst, "good": good,
            **({} if good else {"said": said[-1500:]})}


def watched(command: list[str], env: dict[str, str], folder: Path, what: str, pick: random.Random,
            net: Network | None) -> dict:
    """Run the job and disturb it at a random step."""
    at, start, said = pick.randint(1, 50), time.monotonic(), folder.with_suffix(".txt")
    with open(said, "w", encoding="utf-8") as target:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=target, stderr=target,
                                   start_new_session=True)
        while process.poll() is None and max(losses(folder), default=0) < at and time.monotonic() - start < HANGS:
            time.sleep(0.02)
        done, moment = disturb(what, folder, pick, net), time.monotonic()
        try:
            code = process.wait(HANGS)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGKILL)
    seconds = time.monotonic() - moment
    time.sleep(1)
    left = ranks_of(folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return {"done": done, "after_step": at, "exit_code": code, "seconds_after": round(seconds, 1),
            "left_over": len(left), "said": said.read_text(encoding="utf-8")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    pick = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as made:
        place = Place(Path(made))
        os.environ["TERNARY_CACHE"] = str(place.cache)
        undisturbed = place.folder / "undisturbed"
        subprocess.run([sys.executable, "-m", "ternary", "train", "--data", str(place.text), *RUN, "--save-dir",
                        str(undisturbed)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = losses(undisturbed)
        plan = ["kill"] * given.kills + ["freeze"] * given.freezes + [
            "cut for a second" if k % 2 else "cut for good" for k in range(given.cuts)]
        found = []
        for number, what in enumerate(plan):
            found.append(job(place.folder, place.text, what, number, wanted, pick))
            say(json.dumps(found[-1]))
    count = Counter((row["what"], "good" if row["good"] else "bad") for row in found)
    result = {"command": f"python benchmarks/chaos_ranks.py {' '.join(sys.argv[1:])}".rstrip(),
              "date": time.strftime("%Y-%m-%d"), **machine(), "jobs": found}
    (RESULTS / f"{result['date']}-chaos-ranks.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({f"{what}, {how}": n for (what, how), n in sorted(count.items())}))
    sys.exit(any(not row["good"] for row in found))


if __name__ == "__main__":
    main()
