"""The benchmarks say what they mean: counts by hand, sums that add up, and a peer that is a script of our own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_bolt import FAST, TINY, TinyBolt, measure_small_shapes

from ternary.bench import decode
from ternary.bench.decode import bench_decode
from ternary.bench.kernels import bench_kernels
from ternary.bench.measure import git_commit, keep_busy, peak_rss_mb
from ternary.bench.peak import flops_per_token
from ternary.bench.tokenizer import bench_tokenizer
from ternary.bench.train import bench_train
from ternary.errors import DataError, UsageError
from ternary.models import MODELS
from ternary.models.bolt import Bolt

# per layer: up 64 x 32, down 32 x 32, gate, up and down of the GLU 64 x 32 each; then the head
TINY_FLOPS = 6 * (2 * (64 * 32 + 32 * 32 + 3 * 64 * 32) + 500 * 32)
WHERE = {"machine", "isa", "threads"}


# --- train


def test_flops_of_bolt_small():
    weights = 6 * (384 * 192 + 192 * 192 + 2 * 512 * 192 + 192 * 512) + 10000 * 192
    assert flops_per_token(Bolt(), 256) == 6 * weights == 26_118_144


def test_flops_of_nova_count_attention():
    weights = 6 * (768 * 256 + 256 * 256 + 3 * 512 * 256) + 4096 * 256
    attended = 6 * 256 * 128          # two products of each channel with 64 tokens, on average
    assert flops_per_token(MODELS.get("nova")(), 128) == 6 * (weights + attended)


def test_train():
    r = bench_train(TINY, **FAST)
    assert WHERE | {"model", "precision", "batch_size", "seq_len", "steps", "peer", "ratio"} <= set(r)
    assert (r["model"], r["precision"], r["batch_size"], r["seq_len"]) == (TINY, "fp32", 2, 32)
    assert r["flops_per_token"] == TINY_FLOPS
    assert r["gflops"] == pytest.approx(r["tokens_per_second"] * TINY_FLOPS / 1e9)
    assert r["peak_share"] == pytest.approx(r["gflops"] / r["peak_gflops"])
    assert 0 < r["tokens_per_second"] <= r["best_tokens_per_second"]
    assert r["peer"] is None and r["ratio"] is None and "profile" not in r
    assert 0 < r["cpu_share"] < 1.2
    # as many steps as fit in the window, the last one begins within it
    assert (r["steps"] - 1) * 64 / r["best_tokens_per_second"] < 0.2 + 1e-3
    assert r["steps"] * 64 / r["tokens_per_second"] >= 0.2
    json.dumps(r, allow_nan=False)


def test_profile_adds_up():
    rows = bench_train(TINY, **FAST, profile=True)["profile"]
    by_name = {row["kernel"]: row for row in rows}
    assert {"cross_entropy", "adamw", "matmul 32 -> 64", "matmul_dw 64 x 32", "matmul 64 -> 32 + base"} <= set(by_name)
    kernels = [row for row in rows if row["kernel"] != "outside kernels"]
    assert 0 < sum(row["share"] for row in kernels) <= 1
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert all(row["ms"] > 0 and row["calls"] > 0 for row in kernels)
    assert by_name["adamw"]["calls"] == 1 and by_name["matmul_dw 32 x 32"]["calls"] == 2
    # the matrix products seen are exactly those of the formula
    flops = sum(row["gflops"] * row["ms"] * 1e6 for row in kernels if row["gflops"])
    assert flops == pytest.approx(TINY_FLOPS * 64, rel=1e-9)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"model": "nope"}, "no model is called 'nope'"),
        ({"batch_size": 0}, "--batch 0"),
        ({"seq_len": 0}, "--seq-len 0"),
        ({"seconds": 0.0}, "--seconds 0"),
        ({"seconds": float("nan")}, "--seconds nan"),
        ({"precision": "fp8"}, "--precision is 'fp8'"),
        ({"peer": "theano"}, "'theano'; use torch or jax"),
        ({"busy": -1}, "--busy is -1"),
    ],
)
def test_train_refuses(given, said):
    with pytest.raises(UsageError, match=said):
        bench_train(**FAST | given)


def test_the_fastest_batch_size_is_found():
    r = bench_train(TINY, **FAST | {"batch_size": None, "seconds": 0.02})
    speeds = {row["batch_size"]: row["tokens_per_second"] for row in r["batch_search"]}
    assert list(speeds) == [8, 16, 32, 64] and speeds[r["batch_size"]] == max(speeds.values())


def test_beside_busy_processes():
    r = bench_train(TINY, **FAST | {"seconds": 0.02}, busy=1)
    alone, beside = r["beside_busy"]
    assert (alone["busy_processes"], beside["busy_processes"]) == (0, 1)
    assert alone["tokens_per_second"] == r["tokens_per_second"] and alone["share_of_quiet"] == 1
    assert beside["share_of_quiet"] == pytest.approx(beside["tokens_per_second"] / r["tokens_per_second"])
    assert "ratio" not in beside


def test_busy_processes_end_with_the_block():
    with keep_busy(2) as processes:
        assert [process.poll() for process in processes] == [None, None]
    assert None not in [process.poll() for process in processes]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_busy_processes_do_not_outlive_their_parent():
    code = """
from ternary.bench.measure import keep_busy
with keep_busy(1) as (process,):
    print(process.pid, flush=True)
    input()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as parent:
        status = Path(f"/proc/{int(parent.stdout.readline())}/status")
        assert "zombie" not in status.read_text()
        parent.kill()
    deadline = time.monotonic() + 60
    while status.exists() and "zombie" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- the others


def test_decode(monkeypatch):
    monkeypatch.setattr(decode, "STREAMS", 3)
    monkeypatch.setattr(decode, "PROMPT", 40)
    r = bench_decode(model=TINY, tokens=4)
    assert WHERE | {"model", "tokens", "peak_rss_mb"} <= set(r) and r["streams"] == 3 and r["compiled"]
    speeds = [value for name, value in r.items() if name.endswith("tokens_per_second")]
    assert len(speeds) == 6 and min(speeds) > 0
    used = r["greedy_tokens_per_second"] * r["bytes_per_token"]
    assert r["share_of_bandwidth"] * r["bandwidth"] == pytest.approx(used)
    with pytest.raises(UsageError, match="give one of them"):
        bench_decode("somewhere", TINY)
    with pytest.raises(UsageError, match="--tokens is 0"):
        bench_decode(model=TINY, tokens=0)


def test_kernels(monkeypatch):
    measure_small_shapes(monkeypatch)
    rows = bench_kernels(0.0)
    by_name = {row["kernel"]: row for row in rows}
    assert len(by_name) == len(rows)
    products = {f"matmul {k} -> {m}" for k, m in ((32, 64), (64, 32), (32, 32))}
    products |= {"matmul_dw 64 x 32", "matmul_dw 32 x 64", "matmul_dw 32 x 32"}
    products |= {"glu 32 -> 2 x 64", "cross_entropy 32 x 500"}
    passes = {"rms_norm 32", "glu_bwd 64", "gated_conv 32", f"adamw {TinyBolt().parameter_count}"}
    assert set(by_name) == products | passes
    for name, row in by_name.items():
        assert set(row) >= WHERE | {"precision", "ms", "gflops", "numpy_gflops", "ratio", "gb_per_second"}
        if name in products:
            assert row["ratio"] == pytest.approx(row["gflops"] / row["numpy_gflops"])
            assert row["gb_per_second"] is None
        else:
            assert row["gflops"] is None and row["gb_per_second"] > 0
    flops = {"matmul 32 -> 64": 2 * 256 * 32 * 64, "cross_entropy 32 x 500": 6 * 256 * 32 * 500}
    for name, wanted in flops.items():
        assert by_name[name]["gflops"] * by_name[name]["ms"] * 1e6 == pytest.approx(wanted)
    glu = by_name["glu_bwd 64"]
    assert glu["gb_per_second"] * glu["ms"] * 1e6 == pytest.approx(6 * 256 * 64 * 4)


def test_tokenizer(tmp_path):
    path = tmp_path / "stories.txt"
    # stories 0 and 10 are held out: letters that nothing else has, two bytes each
    path.write_text("\n\n".join("жжжж" if k % 10 == 0 else f"The dog number {k} ran home." for k in range(20)), "utf-8")
    r = bench_tokenizer(str(path), vocab_size=300)
    assert WHERE | {"data", "train_mb_per_second", "encode_mb_per_second"} <= set(r)
    assert r["stories"] == 20 and r["megabytes"] == pytest.approx(path.stat().st_size / 1e6, rel=0.1)
    assert r["chars_per_token"] == 0.5 and r["byte_share"] == 1
    assert r["pieces"] <= 300 - 260 and min(r["train_mb_per_second"], r["encode_mb_per_second"]) > 0
    assert bench_tokenizer(str(path), megabytes=1e-4, vocab_size=300)["stories"] == 5
    with pytest.raises(DataError, match="two are needed"):
        bench_tokenizer(str(path), megabytes=1e-6)
    with pytest.raises(UsageError, match="--megabytes is 0"):
        bench_tokenizer(str(path), megabytes=0)


# --- what they share


def test_commit(tmp_path):
    git, commit = tmp_path / ".git", "0123456789abcdef" * 2 + "01234567"
    assert git_commit(git) is None
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(commit + "\n")
    assert git_commit(git) == commit
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert git_commit(git) is None
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{'f' * 40} refs/heads/x\n{commit} refs/heads/main\n")
    assert git_commit(git) == commit
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n")
    assert git_commit(git) == "a" * 40


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_peak_memory():
    before = peak_rss_mb()
    block = bytearray(200 << 20)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_rss_mb() >= before and peak_rss_mb() > 200
    assert peak_rss_mb(2**30) is None


@pytest.mark.parametrize("args, wanted", [([], {}), (["train", "--seconds", "3"], {"seconds": 3.0}),
                                          (["--batch", "8", "--peer", "torch"], {"batch_size": 8, "peer": "torch"}),
                                          (["--peer", "jax", "--busy", "2"], {"peer": "jax", "busy": 2})])
def test_command_line_trains_unless_told_otherwise(monkeypatch, args, wanted):
    command = pytest.importorskip("ternary.cli.bench").command
    from click.testing import CliRunner

    given = {}
    monkeypatch.setattr("ternary.bench.train.bench_train", lambda **options: given.update(options) or {"gflops": 1.5})
    done = CliRunner().invoke(command, [*args, "--json"])
    assert json.loads(done.stdout) == {"gflops": 1.5}, done.output
    defaults = {"model": "bolt-small", "batch_size": None, "seq_len": 256, "seconds": None, "precision": "auto"}
    defaults |= {"vocab_sampling": 0.03, "optimizer": "adamw", "peer": None, "peer_python": sys.executable,
                 "busy": 0, "profile": False}
    assert given == defaults | wanted


def test_command_line_for_people(monkeypatch):
    command = pytest.importorskip("ternary.cli.bench").command
    from click.testing import CliRunner

    result = {"peer": {"mode": "bf16"}, "rounds": [10.0, 2000.0], "profile": [{"kernel": "adamw", "ms": 1.5}]}
    monkeypatch.setattr("ternary.bench.train.bench_train", lambda **options: result)
    lines = CliRunner().invoke(command, ["train"]).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["peer.mode", "bf16"], ["rounds", "10", "2,000"], [], ["kernel", "ms"], ["adamw", "1.5"]]
