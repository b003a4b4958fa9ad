"""A benchmark in turns with a peer, which is a script of our own."""
import sys

import pytest
from tiny_bolt import FAST, TINY, measure_small_shapes

from ternary.bench import decode as decode_bench
from ternary.bench import peer as peer_bench
from ternary.bench.kernels import bench_kernels
from ternary.bench.peer import TrainingPeer
from ternary.bench.train import ROUNDS, Steps, bench_train, in_turns
from ternary.errors import ResourceError, UsageError

# bf16 at batch 8 is the fastest, bf16-compile and cpp do not work; calls are noted in a file
SCRIPT = """
import json, os, pathlib, sys
args = [a for a in sys.argv[1:] if a != "--json"]
if args[-1] == "--list-modes":
    print(json.dumps([["fp32", "bf16"], ["compile"], ["cpp", "autotune", "lce"]]))
    sys.exit()
given = dict(zip(args[::2], args[1::2]))
mode, batch = given["--mode"], int(given["--batch"])
with open(pathlib.Path(__file__).parent / "calls", "a") as calls:
    print(mode, batch, given["--seconds"], given["--seq-len"], given["--threads"], given["--model"],
          os.environ.get("ATEN_CPU_CAPABILITY"), file=calls)
speeds = {"fp32": {2: 200, 4: 810, 8: 800, 16: 700}, "bf16": {4: 900, 8: 1000, 16: 950},
          "fp32-compile": {4: 850}, "fp32-compile-lce": {4: 860}, "fp32-compile-autotune": {4: 870},
          "fp32-compile-autotune-lce": {4: 865}}
if mode == "bf16-compile" or "cpp" in mode:
    sys.exit("no compiler")
print("a warning of some library")
print(json.dumps({"peer": "torch 0", "mode": mode, "batch_size": batch, "tokens_per_second": speeds[mode][batch]}))
"""
SEARCHED = ["fp32 8", "fp32 16", "fp32 4", "fp32 2", "bf16 8", "bf16 16", "bf16 4",
            "bf16-compile 8", "fp32-compile 4", "fp32-compile-cpp 4", "fp32-compile-autotune 4", "fp32-compile-lce 4",
            "fp32-compile-autotune-lce 4"]
FAILED = ["bf16-compile 8", "fp32-compile-cpp 4"]


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """The package is not in a checkout, nor is the working directory, a new folder."""
    monkeypatch.setattr(peer_bench, "CHECKOUT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def checkout(nowhere, monkeypatch):
    """The working directory is inside a checkout that has a peer, and a torch can be imported."""
    folder = nowhere / "benchmarks" / "peers"
    folder.mkdir(parents=True)
    (folder / "measure_torch.py").write_text(SCRIPT)
    (nowhere / "modules").mkdir()
    (nowhere / "modules" / "torch.py").write_text("")
    (nowhere / "work").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(nowhere / "modules"))
    monkeypatch.delenv("TERNARY_ISA", raising=False)
    monkeypatch.chdir(nowhere / "work")
    return folder


def calls(checkout):
    """Mode and batch size of each call, and the rest of it."""
    lines = [line.split() for line in (checkout / "calls").read_text().splitlines()]
    return [" ".join(line[:2]) for line in lines], [line[2:] for line in lines]


def test_peer_missing(nowhere):
    with pytest.raises(UsageError, match="benchmarks/peers/measure_torch.py"):
        bench_train(**FAST, peer="torch")


def test_torch_missing(checkout):
    (checkout.parents[1] / "modules" / "torch.py").write_text("raise ImportError")
    with pytest.raises(UsageError, match="has no torch.*--peer-python"):
        bench_train(**FAST, peer="torch")
    with pytest.raises(UsageError, match="no_such_python cannot be run"):
        bench_train(**FAST, peer="torch", peer_python="./no_such_python")


def test_peer_takes_turns(checkout):
    r = bench_train(TINY, **FAST | {"seconds": 0.05}, peer="torch")
    peer = r["peer"]
    assert (peer["name"], peer["mode"], peer["batch_size"]) == ("torch 0", "bf16", 8)
    assert peer["tokens_per_second"] == 1000 and peer["rounds"] == [1000] * ROUNDS
    assert r["ratio"] == pytest.approx(r["tokens_per_second"] / 1000)
    assert len(r["rounds"]) == ROUNDS >= 3
    assert min(r["rounds"]) <= r["tokens_per_second"] <= max(r["rounds"])
    what, how = calls(checkout)
    # at fp32 the eager fp32 peer takes part
    assert what == SEARCHED + ["bf16 8", "fp32 4"] * ROUNDS
    assert all(h == ["0.05", "32", str(r["threads"]), TINY, "None"] for h in how)
    assert [f"{run['mode']} {run['batch_size']}" for run in r["search"]] == [s for s in SEARCHED if s not in FAILED]
    assert r["fp32_eager"]["mode"] == "fp32" and r["peer_environment"] == {}
    assert r["ratio_fp32_eager"] == pytest.approx(r["tokens_per_second"] / 810)


def test_a_peer_that_is_fastest_at_eager_fp32_runs_once_a_round(checkout):
    # and bf16 lags too far behind to be compiled
    (checkout / "measure_torch.py").write_text(SCRIPT.replace("16: 700", "16: 2000, 32: 1900").replace("{4:", "{16:"))
    _, r = in_turns(Steps(TINY, 2, 32, "fp32"), TrainingPeer(sys.executable, "torch", TINY, 32, 1), 0.05, "fp32")
    what, _ = calls(checkout)
    assert what[:3] == ["fp32 8", "fp32 16", "fp32 32"] and "bf16-compile 8" not in what
    assert what[-ROUNDS:] == ["fp32 16"] * ROUNDS and r["ratio"] == r["ratio_fp32_eager"]


def test_only_the_fastest_peer_takes_turns_with_bf16(checkout):
    steps = Steps(TINY, 2, 32, "fp32")
    times, r = in_turns(steps, TrainingPeer(sys.executable, "torch", TINY, 32, 1), 0.05, "bf16")
    assert calls(checkout)[0] == SEARCHED + ["bf16 8"] * ROUNDS and not {"fp32_eager", "ratio_fp32_eager"} & set(r)
    assert r["ratio"] == pytest.approx(64 * len(times) / sum(times) / 1000)


def test_a_forced_path_holds_for_the_peer(checkout, monkeypatch):
    monkeypatch.setenv("TERNARY_ISA", "avx2")
    _, r = in_turns(Steps(TINY, 2, 32, "fp32"), TrainingPeer(sys.executable, "torch", TINY, 32, 1), 0.05, "bf16")
    assert r["peer_environment"]["ATEN_CPU_CAPABILITY"] == "avx2"
    assert {h[-1] for h in calls(checkout)[1]} == {"avx2"}
    monkeypatch.setenv("TERNARY_ISA", "avx512")
    assert peer_bench.limits() == {}


def test_a_peer_that_always_fails(checkout):
    script = checkout / "measure_torch.py"
    script.write_text(SCRIPT.replace("given =", "sys.exit('some.Error: out of luck\\n\\nSet VERBOSE=1 for more.') #"))
    with pytest.raises(ResourceError, match="--mode fp32 --batch 8.*out of luck"):
        TrainingPeer(sys.executable, "torch", TINY, 32, 1).search(0.1)
    script.write_text("raise SystemExit('invalid choice: tiny')")
    with pytest.raises(ResourceError, match="invalid choice: tiny"):
        TrainingPeer(sys.executable, "torch", TINY, 32, 1)


def test_a_mode_that_takes_too_long_is_skipped(checkout, monkeypatch, capsys):
    monkeypatch.setattr(peer_bench, "WARM_UP", 0.1)
    slow = "if mode == 'bf16':\n    import time\n    time.sleep(60)\nif mode == 'bf16-compile'"
    (checkout / "measure_torch.py").write_text(SCRIPT.replace('if mode == "bf16-compile"', slow))
    found = TrainingPeer(sys.executable, "torch", TINY, 32, 1).search(0.5)
    assert not any(run["mode"] == "bf16" for run in found) and any(run["mode"] == "fp32" for run in found)
    assert "bf16 is skipped: the peer was stopped after 1 s" in capsys.readouterr().err


def test_jax_beside_a_busy_process(checkout):
    (checkout / "measure_jax.py").write_text(SCRIPT)
    (checkout.parents[1] / "modules" / "jax.py").write_text("raise ImportError")
    with pytest.raises(UsageError, match="has no jax"):
        bench_train(**FAST, peer="jax")
    (checkout.parents[1] / "modules" / "jax.py").write_text("")
    r = bench_train(TINY, **FAST | {"seconds": 0.05, "precision": "bf16"}, peer="jax", busy=2)
    assert calls(checkout)[0] == SEARCHED + ["bf16 8"] * 2 * ROUNDS
    assert [row["busy_processes"] for row in r["beside_busy"]] == [0, 2]
    for row in r["beside_busy"]:
        assert (row["peer_tokens_per_second"], row["peer_share_of_quiet"]) == (1000, 1)
        assert row["ratio"] == pytest.approx(row["tokens_per_second"] / 1000)


def test_kernels_beside_a_peer(checkout, monkeypatch):
    measure_small_shapes(monkeypatch)
    # a product takes as many ms as it has outputs
    (checkout / "matmul_torch.py").write_text("""
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print(json.dumps([m / 1e3 for kind, m, k in json.loads(given["--products"])]))
""")
    rows = {row["kernel"]: row for row in bench_kernels(0.0, "torch")}
    assert rows["matmul 32 -> 64"]["torch_gflops"] * 1e9 == pytest.approx(2 * 256 * 32 * 64 / 0.064)
    assert rows["cross_entropy 32 x 500"]["torch_gflops"] * 1e9 == pytest.approx(6 * 256 * 32 * 500 / 1.5)
    assert rows["matmul 32 -> 64"]["torch_ratio"] == pytest.approx(64 / rows["matmul 32 -> 64"]["ms"])
    assert rows["rms_norm 32"]["torch_gflops"] is None
    assert len({tuple(row) for row in rows.values()}) == 1             # one table


LLAMA = """
import json, sys
given = dict(zip(sys.argv[1:-1:2], sys.argv[2:-1:2]))
speed = {"1": 50, "2": 60}.get(given["--threads"], 55)
print(json.dumps({"peer": "llama 0", "tokens_per_second": speed, "prompt_tokens_per_second": 2 * speed}))
"""


def test_llama_takes_turns(checkout, monkeypatch):
    (checkout / "decode_llama.py").write_text(LLAMA)
    monkeypatch.setattr(decode_bench, "PROMPT", 40)
    with pytest.raises(UsageError, match="has no llama_cpp"):
        decode_bench.bench_decode(model=TINY, tokens=4, peer_model="a.gguf")
    (checkout.parents[1] / "modules" / "llama_cpp.py").write_text("")
    r = decode_bench.bench_decode(model=TINY, tokens=4, peer_model="a.gguf")
    assert r["peer"] == "llama 0" and r["peer_tokens_per_second"] in (50, 55, 60)
    assert r["ratio"] == pytest.approx(r["our_mean_tokens_per_second"] / r["peer_tokens_per_second"])
    assert r["prompt_ratio"] > 0
