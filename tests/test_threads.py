"""How many threads kernels get, what runs them, and kernels that are called by several threads."""
import json
import os
import subprocess
import sys
from threading import Thread

import numba
import numpy as np
import pytest

from ternary.compiler import backend
from ternary.compiler.jit import KERNELS
from ternary.config import TrainConfig
from ternary.doctor import facts
from ternary.errors import ResourceError
from ternary.kernels import adamw
from ternary.machine import threads
from ternary.machine.threads import kernel_call, threading_layer
from ternary.training.plan import reasons, resolve

# what set_threads leaves, before Numba is imported
SET = ("import sys, os, json; from ternary.machine import threads; threads.usable_cores = lambda: (4, 'all'); "
       "made = threads.set_threads(json.loads(sys.argv[1])); print(made, os.environ['NUMBA_NUM_THREADS'])")


def set_threads(wanted, given=None):
    """-> the numbers that set_threads returns and gives to Numba, on four cores."""
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    env |= {"NUMBA_NUM_THREADS": given} if given is not None else {}
    done = subprocess.run([sys.executable, "-c", SET, json.dumps(wanted)], env=env, capture_output=True, text=True)
    return done.stdout.split() or done.stderr.splitlines()[-1]


@pytest.mark.parametrize("wanted, given, made", [(None, None, "4"), (2, None, "2"), (8, None, "4"), (None, "1", "1"),
                                                 (2, "8", "2"), (None, "8", "4"), (2, " 1 ", "1")])
def test_never_more_threads_than_cores_or_than_were_asked_for(wanted, given, made):
    assert set_threads(wanted, given) == [made, made]


@pytest.mark.parametrize("given, used", [(None, "1"), ("3", "3")])
def test_numpy_multiplies_on_one_thread_unless_the_user_says_otherwise(given, used):
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    env |= {"OPENBLAS_NUM_THREADS": given} if given else {}
    code = ("import os; from ternary.machine.threads import set_threads; set_threads(); "
            "print(os.environ['OPENBLAS_NUM_THREADS'])")
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.split() == [used]


@pytest.mark.parametrize("given", ["0", "-1", "two", "", "1.5"])
def test_numbers_of_threads_that_are_none(given):
    assert f"NUMBA_NUM_THREADS is {given!r}; wanted a whole number above 0; unset it" in set_threads(None, given)


def test_the_threading_layer_is_named(monkeypatch):
    assert threading_layer() in ("omp", "tbb", "workqueue")

    def none():
        raise ValueError("No threading layer could be loaded.\nHINT:\nIntel TBB is required")

    monkeypatch.setattr(numba, "get_num_threads", none)
    with pytest.raises(ResourceError, match="No threading layer could be loaded. HINT.*unset NUMBA_THREADING_LAYER"):
        threading_layer.__wrapped__()


def test_workqueue_runs_one_kernel_at_a_time(monkeypatch):
    monkeypatch.setattr(threads, "threading_layer", lambda: "workqueue")
    with kernel_call():
        assert not kernel_call().acquire(blocking=False)
    monkeypatch.setattr(threads, "threading_layer", lambda: "omp")
    with kernel_call(), kernel_call():
        pass


def test_a_kernel_that_fails_lets_the_next_one_run(monkeypatch):
    monkeypatch.setattr(threads, "threading_layer", lambda: "workqueue")
    kernel = KERNELS["squared_norm"]
    with pytest.raises(TypeError):
        backend.run(kernel, (np.zeros(64, np.float32),))
    parts = np.zeros(1, np.float32)
    adamw.squared_norm(np.ones(64, np.float32), parts)
    assert parts[0] == 64


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_two_threads_call_kernels_at_once(layer):
    """In a process of its own: without care workqueue ends it."""
    code = ("import numpy as np; from threading import Thread; from ternary.machine.threads import set_threads, "
            "threading_layer\nset_threads(2)\nfrom ternary.kernels.adamw import squared_norm\n"
            "def work(sums):\n    for _ in range(3000): squared_norm(g, sums)\n"
            "g, sums = np.ones(8192 * 40, np.float32), [np.zeros(40, np.float32) for _ in range(4)]\n"
            "squared_norm(g, sums[0])\n"
            "workers = [Thread(target=work, args=(s,)) for s in sums]\n"
            "[w.start() for w in workers]; [w.join() for w in workers]\n"
            "print(threading_layer(), {float(s.min()) for s in sums} | {float(s.max()) for s in sums})")
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], env={**env, "NUMBA_THREADING_LAYER": layer},
                          capture_output=True, text=True)
    if layer == "omp" and "Numba cannot start threads" in done.stderr:
        pytest.skip("no OpenMP here")
    assert done.returncode == 0 and done.stdout == f"{layer} {{8192.0}}\n", done.stderr


def test_a_run_and_the_doctor_say_what_is_missing_without_openmp(monkeypatch):
    open_settings = TrainConfig(model="bolt-small", threads=2)
    for layer, said in (("workqueue", True), ("omp", False)):
        for module in ("ternary.training.plan", "ternary.doctor"):
            monkeypatch.setattr(f"{module}.threading_layer", lambda layer=layer: layer)
        assert any("install libgomp" in reason for reason in reasons(open_settings, resolve(open_settings))) == said
        assert ("install libgomp" in facts()["threads"]) == said


def test_references_need_no_threads(monkeypatch):
    monkeypatch.setattr(threads, "threading_layer", lambda: pytest.fail("asked"))
    parts = np.zeros(1)
    worker = Thread(target=adamw.squared_norm, args=(np.ones(64), parts))
    worker.start()
    worker.join()
    assert parts[0] == 64
