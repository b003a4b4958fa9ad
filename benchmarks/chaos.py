"""What is lost when a run is disturbed? Nothing, or this says what.

    python benchmarks/chaos.py [--kills 100]

Trains, saves and prepares data under `kill -9` at random times, on a full disk, in a folder that cannot be written,
with little memory, without a network, by two processes at once, and prints a table: what was done, how often, what was
lost. Linux; the full disk needs the right to mount a tmpfs, and is left out without it. Writes JSON into results.
"""
import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hostile import hostile_files

from ternary import fables
from ternary.bench.measure import machine
from ternary.checkpoint.find import find
from ternary.machine.heartbeat import say

TERNARY = [sys.executable, "-m", "ternary"]
RESULTS = Path(__file__).parent / "results"
RUN = ("--steps 60 --batch 4 --seq-len 64 --vocab 512 --eval-every 15 --eval-stories 5 --save-minutes 0.02 --threads 1 "
       "--seed 5").split()
SAID = ("train", "eval")                          # lines of a log that have to be the same


class Place:
    """A folder with text, a cache of its own, and runs."""

    def __init__(self, folder: Path):
        self.folder, self.text, self.big = folder, folder / "stories.txt", folder / "big.txt"
        self.text.write_text("\n\n".join(fables.stories(3, 0, 400)), encoding="utf-8")
        jit = Path(os.environ.get("TERNARY_CACHE") or Path.home() / ".cache" / "ternary") / "jit"
        jit.mkdir(parents=True, exist_ok=True)
        self.cache = folder / "cache"
        self.cache.mkdir()
        (self.cache / "jit").symlink_to(jit)      # what is compiled is compiled

    def start(self, *args: object, env: dict | None = None, **options) -> subprocess.Popen:
        env = {**os.environ, "TERNARY_CACHE": str(self.cache), **(env or {})}
        return subprocess.Popen([*TERNARY, *map(str, args)], env=env, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True, **options)

    def call(self, *args: object, **options) -> tuple[int, str]:
        """-> exit code, stderr"""
        process = self.start(*args, **options)
        _, err = process.communicate(timeout=600)
        return process.returncode, err

    def train(self, run: Path) -> list[object]:
        """The command that starts and continues a run."""
        return ["train", "--data", self.text, *RUN, "--save-dir", run, "--resume", "auto"]


def learned(run: Path) -> tuple[list, str]:
    """What the log says of losses, as text, and the sum of the last weights."""
    lines = [json.loads(line, parse_float=str) for line in (run / "log.jsonl").read_text().splitlines()]
    kept = ("kind", "step", "loss", "lr", "grad_norm", "val_loss", "sample")
    said = {(e["kind"], e["step"]): tuple(e.get(key) for key in kept) for e in lines if e["kind"] in SAID}
    return sorted(said.values()), digest(find(run / "last") / "model.safetensors")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def otherwise(place: Place, run: Path, wanted: tuple[list, str]) -> bool:
    """Continue a run to its end -> whether it ended otherwise than wanted; then it says how."""
    code, err = place.call(*place.train(run))
    if code:
        say(f"{run.name}: exit code {code}: {err.strip().splitlines()[-1]}")
        return True
    found = learned(run)
    shutil.rmtree(run)
    if found == wanted:
        return False
    said = sorted(set(found[0]) ^ set(wanted[0]), key=str)[:2]
    say(f"{run.name}: other {'losses' if said else 'weights'}: {said}")
    return True


def killed(process: subprocess.Popen, seconds: float) -> bool:
    """Kill -9 it and its helpers after so long -> whether it was still there."""
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True


def kills_in_training(place: Place, kills: int) -> dict:
    """At any time: while it reads, compiles, trains, saves or evaluates."""
    first = place.folder / "undisturbed"
    code, err = place.call(*place.train(first))   # compiles
    assert code == 0, err
    start, wanted, rng = time.monotonic(), learned(first), random.Random(1)
    assert not otherwise(place, place.folder / "again", wanted)
    whole = time.monotonic() - start
    done = wrong = runs = 0
    while done < kills:
        run, runs = place.folder / f"killed-{runs}", runs + 1
        for _ in range(8):
            if done < kills:
                done += killed(place.start(*place.train(run)), rng.uniform(0.2, 0.8) * whole)
        wrong += otherwise(place, run, wanted)
        say(f"{done} kills in {runs} runs, {wrong} of them ended otherwise")
    return {"what": "kill -9 in training, then --resume auto", "times": done, "runs": runs, "lost": wrong}


def kills_in_saving(place: Place, kills: int) -> dict:
    """Exactly while a checkpoint is written: when its temporary folder is there."""
    wanted, done, wrong, runs = learned(place.folder / "undisturbed"), 0, 0, 0
    rng = random.Random(2)
    while done < kills:
        run, runs = place.folder / f"saving-{runs}", runs + 1
        for _ in range(5):
            process, folder = place.start(*place.train(run)), run
            until = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < until:
                if any(folder.glob("step_*.tmp")):
                    time.sleep(rng.uniform(0, 0.02))
                    break
                time.sleep(0.0005)
            done += killed(process, 0)
        wrong += otherwise(place, run, wanted)
    return {"what": "kill -9 while a checkpoint is written", "times": done, "runs": runs, "lost": wrong}


def kills_in_preparation(place: Place, kills: int) -> dict:
    """Counting and tokenizing 100 MB in several processes."""
    with open(place.big, "w", encoding="utf-8") as f:
        size = 0
        for story in fables.stories(4, 0, 10 ** 9):
            size += f.write(story + "\n\n")
            if size > 100e6:
                break
    command = ["data", "prepare", place.big, "--processes", 2]
    start = time.monotonic()
    assert place.call(*command)[0] == 0
    whole, stores = time.monotonic() - start, {digest(p) for p in place.cache.glob("*.tok")}
    done, rng, wrong = 0, random.Random(3), 0
    while done < kills:
        for p in place.cache.iterdir():
            if p.is_file():
                p.unlink()
        for _ in range(5):
            done += killed(place.start(*command), rng.uniform(0.1, 0.9) * whole)
        code, _ = place.call(*command)
        wrong += code != 0 or not {digest(p) for p in place.cache.glob("*.tok")} <= stores
    return {"what": "kill -9 in `data prepare`, 100 MB", "times": done, "lost": wrong}


def signals(place: Place) -> dict:
    """SIGINT and SIGTERM in the middle: the step is finished and saved."""
    wanted, wrong = learned(place.folder / "undisturbed"), 0
    for k, (number, wish) in enumerate(((signal.SIGINT, 130), (signal.SIGTERM, 143)) * 5):
        run = place.folder / f"signal-{k}"
        process = place.start(*place.train(run))
        while not (run / "log.jsonl").exists() or '"train"' not in (run / "log.jsonl").read_text():
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate()
        wrong += process.returncode != wish or "--resume" not in err
        code, _ = place.call(*place.train(run))
        wrong += code != 0 or learned(run)[1] != wanted[1]
    return {"what": "SIGINT, SIGTERM", "times": 10, "lost": wrong}


@contextmanager
def disk(place: Place, options: str) -> Iterator[Path | None]:
    """A tmpfs of its own, or None without the right to mount."""
    folder = Path(tempfile.mkdtemp(prefix="disk ", dir=place.folder))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=False)


def full_disk(place: Place) -> list[dict]:
    """It holds one checkpoint of three."""
    with disk(place, "size=40m") as folder:
        if not folder:
            return []
        code, err = place.call(*place.train(folder / "run"))
        sound = code == 5 and "Traceback" not in err and len(err.strip().splitlines()[-1]) > 20
        steps = sorted(p for p in (folder / "run").glob("step_*") if p.suffix != ".tmp")
        readable = bool(steps) and place.call("generate", "a", "--checkpoint", steps[-1], "--max-tokens", 3)[0] == 0
        return [{"what": "disk full during a save", "times": 1, "lost": int(not (sound and readable)),
                 "said": err.strip().splitlines()[-1]}]


def refusals(place: Place) -> list[dict]:
    """What cannot work says so, and leaves nothing."""
    rows = []

    def row(what: str, code: int, *args: object, may_work: bool = False, **options) -> None:
        """It ends with this code and one line."""
        got, err = place.call(*args, **options)
        last = (err.strip().splitlines() or [""])[-1]
        refused = got == code and last.startswith("Error: ") and "Traceback" not in err
        lost = not (refused or (may_work and got == 0))
        rows.append({"what": what, "times": 1, "lost": int(lost), "said": last[:200]})

    locked = place.folder / "locked"
    locked.mkdir(mode=0o555)
    if os.getuid():
        row("folder that cannot be written", 5, *place.train(locked / "run"))
    with disk(place, "ro,size=1m") as folder:
        if folder:
            row("read-only disk", 5, *place.train(folder / "run"))
    row("a file in place of the folder", 5, *place.train(place.text))
    for limit in (800 << 20, 2 << 30):
        row(f"{limit >> 20} MB of address space", 5, *place.train(place.folder / f"poor-{limit}"), may_work=True,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    row("no network", 7, "train", "--data", "owner/absent", "--steps", 1, "--save-dir", place.folder / "net",
        env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    return rows


def oddities(place: Place) -> list[dict]:
    """What has to work all the same."""
    wanted, rows = learned(place.folder / "undisturbed"), []

    def row(what: str, good: bool) -> None:
        rows.append({"what": what, "times": 1, "lost": int(not good)})

    odd = place.folder / "ein Ördner mit 空白 'n\"quotes"
    odd.mkdir()
    code, _ = place.call(*place.train(odd / "run"))
    row("path with spaces, quotes, Unicode", code == 0 and learned(odd / "run") == wanted)
    run, plain = place.folder / "ascii", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    code, _ = place.call(*place.train(run), env=plain)
    row("locale C, ASCII", code == 0 and learned(run) == wanted)
    run = place.folder / "two"
    first = place.start(*place.train(run))
    while not (run / ".lock").exists():
        time.sleep(0.02)
    code, err = place.call(*place.train(run))
    first.communicate()
    row("two processes, one folder", code == 5 and "in use by process" in err and first.returncode == 0
        and learned(run) == wanted)
    pipe = place.start("generate", "a", "--checkpoint", run, "--max-tokens", 2000)
    pipe.stdout.close()
    err = pipe.stderr.read()
    row("broken pipe", pipe.wait() == 141 and not err)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--out", type=Path, help="JSON file [default: results/DATE-chaos.json]")
    args = parser.parse_args()
    rows: list[dict] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)     # a shell's background jobs, and theirs, ignore it
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        tests: list[Callable[[], dict | list[dict]]] = [
            lambda: kills_in_training(place, args.kills), lambda: kills_in_saving(place, max(1, args.kills // 4)),
            lambda: kills_in_preparation(place, max(1, args.kills // 5)), lambda: signals(place),
            lambda: full_disk(place), lambda: hostile_files(find(place.folder / "undisturbed" / "last")),
            lambda: refusals(place), lambda: oddities(place)]
        for test in tests:
            found = test()
            found = found if isinstance(found, list) else [found]
            rows += found
            say(json.dumps(found))
    result = {"date": time.strftime("%Y-%m-%d"), **machine(), "rows": rows}
    out = args.out or RESULTS / f"{result['date']}-chaos.json"
    out.write_text(json.dumps(result).replace(str(place.folder), "FOLDER") + "\n")
    print("| what | times | lost | said |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['what']} | {row['times']} | {row['lost'] or 'nothing'} | {row.get('said', '')} |")
    sys.exit(any(row["lost"] for row in rows))


if __name__ == "__main__":
    main()
