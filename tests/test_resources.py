"""What a run takes before it takes it; locks; the kernels' self-test; the doctor; data on the command line; loggers."""
import errno
import json
import subprocess
import sys
import tracemalloc
import types
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from tiny import TINY, log

from ternary.checkpoint.lock import locked
from ternary.compiler.backend import run, use_backend
from ternary.compiler.isa import PRECISIONS
from ternary.config import TrainConfig
from ternary.errors import ResourceError, UsageError
from ternary.evaluation.protocol import ROWS
from ternary.kernels.norm import rms_norm
from ternary.text.token_store import open_store
from ternary.training import plan, selftest
from ternary.training import thread_count as probe
from ternary.training.callbacks import Callback
from ternary.training.loggers import check_loggers, open_sinks
from ternary.training.loop import train
from ternary.training.memory import check_memory, estimate, evaluation
from ternary.training.micro_batches import micro_batches
from ternary.training.plan import new_model, resolve


def test_memory_is_counted_by_what_needs_it():
    small, large = (resolve(TrainConfig(model=name)) for name in ("bolt-small", "bolt-large"))
    a, b = estimate(new_model(small), small), estimate(new_model(large), large)
    assert a["parameters and gradients"] == 4 * 4_364_736 * (1 + len(micro_batches(small.batch_size, small.seq_len)))
    assert a["optimizer"] == 4 * (2 * 4_364_736 - 6 * 405_504)
    assert all(b[key] > a[key] for key in a if key != "the program")
    adamw = resolve(TrainConfig(optimizer="adamw"))
    assert estimate(new_model(adamw), adamw)["optimizer"] == 2 * 4 * 4_364_736


def test_a_model_has_no_gradients_before_it_is_trained():
    config = resolve(TrainConfig(model="bolt-small"))
    tracemalloc.start()
    try:
        model = new_model(config)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.3 * sum(p.data.nbytes for p in model.parameters().values())


def test_an_evaluation_counts_as_memory_and_is_that_of_a_chunk():
    config = resolve(TrainConfig(batch_size=1, seq_len=32))
    model = new_model(config)
    needs, one_layer = evaluation(model, config), ROWS * model.config.dim * 4
    assert one_layer < needs < 60 * one_layer
    assert estimate(model, config)["activations"] >= needs


def test_activations_of_training_are_given_back_for_a_checkpoint_and_an_evaluation(corpus, tmp_path):
    taken = {}

    class Look(Callback):
        def step(self, run, loss, grad_norm, lr):
            taken.setdefault("step", run.trainer.tapes[0].pool.taken)

        def evaluated(self, run, result):
            taken["evaluation"] = run.trainer.tapes[0].pool.taken
    config = TrainConfig(data=str(corpus), steps=2, batch_size=2, seq_len=32, vocab_size=512, eval_every=1,
                         eval_stories=2, threads=1, save_dir=str(tmp_path / "run"))
    train(config, callbacks=[Look()])
    assert taken["step"] > 0 and taken["evaluation"] == 0


def test_what_cannot_fit_is_refused_with_the_arithmetic():
    config = resolve(TrainConfig())
    model = new_model(config)
    check_memory(model, config, free=4 << 30)
    with pytest.raises(ResourceError) as error:
        check_memory(model, config, free=100 << 20)
    said = str(error.value)
    assert "105 MB are free" in said and all(name in said for name in estimate(model, config)) and "helps most" in said


def test_a_lock_belongs_to_one_process_and_ends_with_it(tmp_path):
    code = ("import sys, time; from pathlib import Path; from ternary.checkpoint.lock import locked\n"
            "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)")
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(ResourceError, match=f"in use by process {other.pid} on "), locked(tmp_path):
        pass
    other.kill()
    other.wait()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")])
def test_a_file_system_without_locks_is_worth_a_warning(tmp_path, monkeypatch, error):
    def refuse(self):
        raise error
    monkeypatch.setattr(FileLock, "acquire", refuse)
    with locked(tmp_path / "run") as warnings:
        assert "has no locks" in warnings[0] and str(tmp_path) in warnings[0]


def test_a_folder_that_cannot_be_locked_for_another_reason_is_refused(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(errno.EIO, "Input/output error")
    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(ResourceError, match="Input/output error"), locked(tmp_path / "run"):
        pass


def test_a_run_that_is_trained_elsewhere_is_left_alone(here, corpus, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with locked(folder):
        result = here("train", "--data", corpus, *TINY, "--save-dir", folder, "--json")
    assert result.code == 5 and "in use by process" in result.err and result.json["error"]["code"] == "resource"


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", ["bolt-small", "nova", "thunderbolt"])
def test_kernels_pass_the_self_test(model, precision):
    config = resolve(TrainConfig(model=model, precision=precision))
    name, error = selftest.self_test(new_model(config), config)
    assert 0 < error < selftest.LIMITS[precision], name


def wrong(kernel, args):
    """A backend with a fault in one kernel."""
    run(kernel, args)
    if kernel is rms_norm and args[0].dtype != np.float64:
        y = args[3]
        y[:len(y) // 2] = 0


def test_a_wrong_kernel_refuses_to_train(here, corpus, tmp_path):
    unchecked = ["--vocab", 517]                  # sizes that no other run has, which would have passed
    with use_backend(wrong):
        result = here("train", "--data", corpus, *TINY, *unchecked, "--save-dir", tmp_path / "run")
    assert result.code == 5 and "kernels are wrong on this CPU" in result.err and "TERNARY_ISA=generic" in result.err
    assert not (tmp_path / "run").exists()


def test_doctor(here):
    result = here("doctor", "--model", "bolt-small", "--json")
    assert result.code == 0 and all(row["passed"] for row in result.json["checks"])
    assert {"CPU", "cores", "memory", "CPU path", "precision", "numba"} <= set(result.json)
    assert result.json["threads"].split()[0] in ("omp", "tbb", "workqueue")
    with use_backend(wrong):
        assert here("doctor", "--model", "bolt-small").code == 5


def test_resume_auto_starts_and_goes_on_with_one_command(here, corpus, tmp_path, finished):
    command = ["train", "--data", corpus, *TINY, "--save-dir", tmp_path / "run", "--resume", "auto"]
    assert here(*command, "--steps", 20).code == 0
    assert here(*command).code == 0
    assert log(tmp_path / "run", "train")[-1]["step"] == 40


def test_saves_by_time_change_nothing(here, corpus, tmp_path, finished):
    from tiny import learned
    folder = tmp_path / "run"
    assert here("train", "--data", corpus, *TINY, "--save-dir", folder, "--save-minutes", 1e-6, "--keep", 5).code == 0
    saves = [e["step"] for e in log(folder, "save")]
    assert len(saves) > 30 and len(list(folder.glob("step_*"))) <= 7
    without = lambda run: [e for e in learned(run) if e[0] != "save"]
    assert without(folder) == without(finished[0])


def test_data_on_the_command_line(here, corpus):
    result = here("data", "prepare", corpus, "--vocab", 512, "--json")
    assert result.code == 0 and 250 < result.json["stories"] < 300 and result.json["vocab_size"] == 512
    result = here("data", "prepare", corpus, "--val-data", "fables", "--vocab", 512, "--json")
    assert result.code == 0 and result.json["stories"] == 300
    result = here("data", "inspect", corpus, "--vocab", 512, "--json")
    found = result.json
    assert result.code == 0 and found["stories"] == 300 and found["byte_share"] == 0
    assert found["story_tokens"]["shortest"] <= found["story_tokens"]["median"] <= found["story_tokens"]["longest"]
    assert "The" in found["commonest_words"] and found["distinct_words"] < 30 and found["sample"].startswith("The ")
    assert here("data", "prepare", "absent.txt").code == 3


def test_what_was_prepared_is_used_by_train(here, corpus, tmp_path):
    path = tmp_path / "stories.txt"
    path.write_text(corpus.read_text(encoding="utf-8") + "\n\nAnother story.", encoding="utf-8")
    for more in [], ["--val-data", corpus]:
        store = Path(here("data", "prepare", path, *more, "--vocab", 512, "--json").json["store"])
        before = {p.name for p in store.parent.glob("*.tok*")}
        run = tmp_path / f"run{len(more)}"
        assert here("train", "--data", path, *more, *TINY, "--steps", 2, "--save-dir", run).code == 0
        assert {p.name for p in store.parent.glob("*.tok*")} == before
        [start] = log(run, "start")
        assert start["facts"]["data"] == open_store(store).header["source_hash"]


def test_other_loggers(monkeypatch, tmp_path, here, corpus):
    told = []
    fake = types.SimpleNamespace(init=lambda **given: told.append(given["name"]),
                                 log=lambda numbers, step: told.append((step, numbers)))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    command = ["train", "--data", corpus, *TINY, "--steps", 20, "--log", "wandb", "--save-dir", tmp_path / "run"]
    assert here(*command).code == 0
    assert told[0] == "run" and [step for step, _ in told[1:]] == [10, 10, 20, 20]
    assert "train/loss" in told[1][1] and "eval/val_bpc" in told[2][1]
    monkeypatch.setitem(sys.modules, "trackio", None)
    for names, said in (("trackio", "pip install trackio"), ("nothing", "no logger is called 'nothing'")):
        with pytest.raises(UsageError, match=said):
            check_loggers(names)


def test_a_missing_logger_is_told_before_any_work(monkeypatch, tmp_path, here):
    monkeypatch.setitem(sys.modules, "wandb", None)
    result = here("train", "--data", "absent.txt", *TINY, "--log", "wandb", "--save-dir", tmp_path / "run")
    assert result.code == 2 and "pip install wandb" in result.err and not (tmp_path / "run").exists()


def test_a_logger_that_does_not_start_is_left_out(monkeypatch, tmp_path):
    def fail(**_):
        raise ConnectionError("no network")
    told = []
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=fail))
    assert open_sinks("wandb", tmp_path, {}, told.append) == [] and "no network" in told[0]


def test_a_logger_that_fails_does_not_end_a_run(monkeypatch, tmp_path, here, corpus):
    def fail(numbers, step):
        raise ConnectionError("no network")
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=lambda **_: None, log=fail))
    result = here("train", "--data", corpus, *TINY, "--steps", 20, "--log", "wandb", "--save-dir", tmp_path / "run")
    assert result.code == 0 and result.err.count("a logger failed (no network)") == 1


def test_numbers_of_a_json_line_are_plain(here, corpus):
    out = here("data", "inspect", corpus, "--vocab", 512, "--json").out
    assert json.loads(out.splitlines()[-1]) and not np.isnan(json.loads(out.splitlines()[-1])["chars_per_token"])


def test_threads_are_measured_where_a_core_has_two(monkeypatch):
    monkeypatch.setattr(probe.numba.config, "NUMBA_NUM_THREADS", 8)

    def best(cores, physical, times=None):
        monkeypatch.setattr(probe, "usable_cores", lambda: (cores, "affinity"))
        monkeypatch.setattr(probe, "physical_cores", lambda: physical)
        monkeypatch.setattr(probe, "seconds", (times or {}).__getitem__)
        return probe.best_threads.__wrapped__()

    assert best(2, None) == best(2, 2) == (2, "usable cores: affinity")       # never more than there are cores
    for times, wanted in (({1: 1.0, 2: 2.0}, 1), ({1: 2.0, 2: 1.0}, 2), ({1: 1.01, 2: 1.0}, 1)):
        threads, why = best(2, 1, times)
        assert threads == wanted and "1 threads" in why and "2 threads" in why


def test_choices_are_told_with_their_reasons(monkeypatch):
    asked = TrainConfig(model=None, seq_len=128)
    for cores, memory, model in ((2, 64 << 30, "bolt-small"), (8, 16 << 30, "bolt-small"), (8, 32 << 30, "bolt-large")):
        monkeypatch.setattr(plan, "usable_cores", lambda n=cores: (n, "affinity"))
        monkeypatch.setattr(plan, "total_memory", lambda n=memory: n)
        config = resolve(asked)
        told = "\n".join(plan.reasons(asked, config))
        assert config.model == model
        assert f"{model} ({cores} cores, {memory >> 30} GB; bolt-large is for 8 and 32)" in told
        assert f"threads {config.threads} (" in told and f"{config.precision} (the fastest" in told
        assert f"lr {config.lr:g} (that of {model})" in told and "tokens a sequence" not in told
    assert plan.reasons(config, config) == []
