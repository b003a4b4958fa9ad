"""What tests of whole runs share: a small corpus, the flags of a tiny run, and what to read in its log."""
import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

from ternary.checkpoint.layout import pointed

SIZES = {"dim": 64, "layers": 2}  # of bolt-small: a checkpoint of 2 MB instead of 35
TINY = ["--steps", "40", "--batch", "2", "--seq-len", "32", "--vocab", "512", "--eval-every", "10",
        "--eval-stories", "5", "--threads", "1", "--set", f"dim={SIZES['dim']}", "--set", f"layers={SIZES['layers']}"]


def stories(count: int = 300, seed: int = 1) -> list[str]:
    """Stories of 2 to 20 sentences over few words: a tiny model soon knows them."""
    pick = random.Random(seed).choice
    words = ("red big small old soft loud", "cat dog bird fox bear frog", "saw met liked helped lost found")
    quality, animal, verb = (w.split() for w in words)
    return [" ".join(f"The {pick(quality)} {pick(animal)} {pick(verb)} a {pick(quality)} {pick(animal)}."
                     for _ in range(pick(range(2, 21)))) for _ in range(count)]


def log(folder: Path, *kinds: str) -> list[dict]:
    """Lines of log.jsonl, numbers as the text that they are."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line, parse_float=str) for line in lines]
    return [e for e in entries if not kinds or e["kind"] in kinds]


def learned(folder: Path) -> list[tuple]:
    """What a run computes, step by step; what it does at which time is not in it."""
    return [(e["kind"], e["step"], e.get("loss"), e.get("lr"), e.get("grad_norm"), e.get("val_bpc"), e.get("sample"))
            for e in log(folder, "train", "save", "eval")]


def pointer(path: Path) -> str:
    """The step that best or last points to, by a link or as a file."""
    return pointed(path).name


def weights(folder: Path) -> str:
    """The hash of those of the last step."""
    return hashlib.sha256((pointed(folder / "last") / "model.safetensors").read_bytes()).hexdigest()


def names(folder: Path) -> list[str]:
    """What is in a folder, but for its lock."""
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out.splitlines()[-1])
