"""The programs in benchmarks/: what they compute from runs, and that the runs are the ones they speak of."""
import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import TINY

from ternary.checkpoint.find import find
from ternary.models import MODELS
from ternary.models.bolt import Bolt, BoltConfig

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def program(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- speedrun


def write_log(folder, *evaluated):
    """A run of 20 steps of 64 tokens, 0.5 s each; evaluations end at these times."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"batch_size": 2, "seq_len": 32}
    lines = [{"time": 100.0, "kind": "start", "step": 0, "settings": settings}]
    lines += [{"time": 0.0, "kind": "train", "step": step, "tokens_per_second": 128.0} for step in (10, 15, 20)]
    lines += [{"time": t, "kind": "eval", "step": 20} for t in evaluated]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_clocks(tmp_path):
    write_log(tmp_path, 106.0, 112.5)
    assert program("speedrun").clocks(tmp_path) == {"wall_seconds": 12.5, "training_seconds": 10.0}


def test_median_of_runs_of_which_some_missed():
    median = program("speedrun").median
    assert median([3.0, 1.0, 2.0]) == 2.0 and median([3.0, None, 2.0]) == 3.0 and median([None, 1.0, None]) is None


@pytest.mark.parametrize("scores, wall", [((0.8, 0.85, 0.7), "30"), ((0.8, 0.9, 0.9), "missed")])
def test_speedrun(monkeypatch, tmp_path, capsys, scores, wall):
    speedrun, calls = program("speedrun"), []

    def train(flags, folder):
        calls.append(flags)
        write_log(folder, 100.0 + 10 * len(calls))
        return {"val_bpc": (1.0, *scores)[len(calls) - 1], "step": 20, "tokens": 1280}

    monkeypatch.setattr(speedrun, "train", train)
    monkeypatch.setattr("sys.argv", ["speedrun.py", "--target", "0.85", "--data", "a b", "--small",
                                     "--out", str(tmp_path / "out.json")])
    speedrun.main()
    result = json.loads((tmp_path / "out.json").read_text())
    assert [run["seed"] for run in result["runs"]] == [42, 43, 44]
    assert [run["reached"] for run in result["runs"]] == [s <= 0.85 for s in scores]
    assert calls[0] == ["--data", "a b", "--small", "--steps", "2"]       # compiles; not timed
    assert calls[1] == ["--data", "a b", "--small", "--seed", "42", "--target-bpc", "0.85"]
    cells = [cell.strip() for cell in capsys.readouterr().out.strip("| \n").split("|")]
    assert "--target 0.85 --seeds 3 --data 'a b' --small" in cells[3] and cells[5] == wall
    section = (BENCHMARKS / "LEADERBOARD.md").read_text().split("## Time to a score")[1]
    head = next(line for line in section.splitlines() if line.startswith("|"))
    assert len(cells) == len(head.strip("|").split("|"))


def test_speedrun_without_a_target_tells_what_the_recipe_reaches(monkeypatch):
    speedrun, scores = program("speedrun"), iter((1.0, 0.8, 0.85, 0.7))

    def train(flags, folder):
        assert "--target-bpc" not in flags
        write_log(folder, 110.0)
        return {"val_bpc": next(scores), "step": 20, "tokens": 1280}

    monkeypatch.setattr(speedrun, "train", train)
    result = speedrun.speedrun(None, ["--small"])
    assert result["target_bpc"] == 0.8 and all(run["reached"] for run in result["runs"])
    assert result["command"] == "python benchmarks/speedrun.py --seeds 3 --small" and result["wall_seconds"] == 10


@pytest.mark.slow
def test_speedrun_trains(corpus, environment, monkeypatch):
    monkeypatch.setenv("TERNARY_CACHE", environment["TERNARY_CACHE"])
    result = program("speedrun").speedrun(0.9, ["--data", str(corpus), *TINY], seeds=1)
    run = result["runs"][0]
    assert run["reached"] and run["val_bpc"] <= 0.9 and run["step"] % 10 == 0
    assert 0 < run["training_seconds"] < run["wall_seconds"] == result["wall_seconds"]


# --- loss_curve


@pytest.fixture
def loss_curve():
    pytest.importorskip("torch")
    return program("loss_curve")


@pytest.mark.oracle
def test_the_same_weights_and_batches_give_the_same_losses(loss_curve, monkeypatch):
    config = BoltConfig(vocab_size=500, dim=32, layers=2, hidden=64)
    monkeypatch.setitem(MODELS._entries, "bolt-small", lambda seed: Bolt(config, seed))
    losses = loss_curve.curves(1, np.arange(5000) * 7 % 500, batch=2, seq_len=32, steps=5)
    assert set(losses) >= {loss_curve.PEER, loss_curve.CHAOS, "ternary fp32"}
    peer = np.array(losses[loss_curve.PEER])
    assert peer[-1] < peer[0]
    np.testing.assert_allclose(losses["ternary fp32"], peer, rtol=1e-4)
    chaos = abs(np.array(losses[loss_curve.CHAOS]) / peer - 1)
    assert 0 < chaos.max() < 1e-4


@pytest.mark.oracle
def test_differences_are_percent_of_smoothed_losses(loss_curve):
    flat = [2.0] * 200
    jump = [2.0] * 100 + [2.2] * 100
    rows = loss_curve.differences([{loss_curve.PEER: flat, "x": jump}, {loss_curve.PEER: flat, "x": flat}])
    assert [row["system"] for row in rows] == ["x"]
    assert rows[0]["worst_percent"] == pytest.approx(10)
    # 151 means: 101 - 50 - 1 before the jump, then 1/50 to 50/50 of it, then all of it
    wanted = 10 * (sum(i / 50 for i in range(1, 51)) + 50) / 151 / 2
    assert rows[0]["mean_percent"] == pytest.approx(wanted) == pytest.approx(rows[0]["signed_mean_percent"])
    rows = loss_curve.differences([{loss_curve.PEER: jump, "x": flat}])
    assert rows[0]["signed_mean_percent"] == -rows[0]["mean_percent"]


@pytest.mark.oracle
def test_warm_up_and_cosine(loss_curve):
    rates = loss_curve.rates(1000)
    assert rates[0] == pytest.approx(4e-5) and max(rates) == pytest.approx(4e-3, rel=0.03)
    assert math.isclose(rates[-1], 1e-5, rel_tol=0.01) and 98 <= rates.index(max(rates)) <= 100


@pytest.mark.oracle
def test_plot(loss_curve, tmp_path):
    pytest.importorskip("matplotlib")
    loss_curve.plot([{loss_curve.PEER: [2.0] * 60, "x": [2.1] * 60}], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# --- hostile


def test_hostile_counts_what_is_read_after_all(tmp_path):
    (tmp_path / "a.txt").write_text("a story\n\nanother\n")
    cost = program("hostile").cost_of("text", tmp_path / "a.txt")
    assert cost["said"] == "" and cost["seconds"] > 0 and cost["mb"] >= 0


@pytest.mark.slow
def test_hostile_files_are_refused_soon(finished):
    rows = program("hostile").hostile_files(find(finished[0] / "last"))
    assert len(rows) == 17 and not [row for row in rows if row["lost"]]


# --- family


SPEEDS = {"bolt-small": 200.0, "nova": 100.0}


@pytest.mark.parametrize("budget, tokens", [(["--tokens", "3000"], [3000, 3000]), (["--minutes", "1"], [12000, 6000])])
def test_family_trains_every_model_then_the_best_again_and_resumes(monkeypatch, tmp_path, capsys, budget, tokens):
    family, calls = program("family"), []

    def ternary(*arguments):
        if arguments[0] == "eval":
            return {"bpc": 0.8 if "nova" in arguments[2] else 0.9, "nats_per_token": 2.0, "stories": 5, "seen": 0}
        given = dict(zip(arguments[1::2], arguments[2::2]))
        calls.append(given)
        if len(calls) == 5:
            sys.exit("interrupted")
        folder = Path(given["--save-dir"])
        (folder / "last").mkdir(parents=True)
        records = [{"kind": "start", "parameters": 12345}, {"kind": "train", "tokens_per_second": 50.0},
                   {"kind": "train", "tokens_per_second": SPEEDS[given["--model"]]}]
        (folder / "log.jsonl").write_text("\n".join(map(json.dumps, records)))
        return {}

    name = {"--tokens": "3000-tokens", "--minutes": "1-minutes"}[budget[0]]
    monkeypatch.setattr(family, "ternary", ternary)
    monkeypatch.setattr(family, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(family, "PAGE", tmp_path / "family.md")
    family.PAGE.write_text(f"# Family\n<!-- {name} -->\nold table\n<!-- end of {name} -->\nVerdicts.\n")
    (tmp_path / "results").mkdir()
    monkeypatch.setattr("sys.argv", ["family.py", "--data", "a", "--val-data", "b", *budget, "--seeds", "2", "--best",
                                     "1", "--models", "bolt-small", "nova", "--folder", str(tmp_path), "--page"])
    with pytest.raises(SystemExit, match="interrupted"):
        family.main()
    family.main()
    speeds = [c["--model"] for c in calls if "--steps" in c]
    trained = [(c["--model"], c["--seed"], int(c["--tokens"])) for c in calls if "--tokens" in c]
    first, second = tokens
    assert speeds == ["bolt-small", "nova"]
    assert trained == [("bolt-small", "42", first), ("nova", "42", second), *[("nova", "43", second)] * 2]
    out = capsys.readouterr().out.splitlines()
    assert out[2] == f"| nova | 12,345 | 0.800 (spread 0.000) | 2 | {second / 1e6:.2f} M | 100 | {second / 6000:.1f} |"
    assert "| bolt-small |" in out[3]
    page = family.PAGE.read_text()
    assert "old table" not in page and out[2] in page and page.endswith(f"<!-- end of {name} -->\nVerdicts.\n")
    assert json.loads(next((tmp_path / "results").glob("*.json")).read_text())["runs"][0]["bpc"] == 0.9
