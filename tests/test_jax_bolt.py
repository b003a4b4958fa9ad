"""The JAX peer computes the same loss and gradients as our model from the same weights, and AdamW as ours."""
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tiny_bolt import TinyBolt

from ternary.models import MODELS
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.oracle
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "peers" / "measure_jax.py"


@pytest.fixture(scope="module")
def peer():
    import jax_bolt
    return jax_bolt


@pytest.fixture(scope="module")
def measure():
    import measure_jax
    return measure_jax


@pytest.fixture
def ours():
    """A small model, its weights with the peer's names, and a batch."""
    model, rng = TinyBolt(), np.random.default_rng(0)
    for key, p in model.parameters().items():
        if p.data.ndim == 1:
            p.data += 0.2 * rng.standard_normal(p.data.shape, np.float32)
        elif "blocks" in key:     # as published, rounding is amplified by branches much larger than the stream
            p.data *= np.float32((0.2 if key.endswith("conv") else 0.05) / p.data.std())
    weights = {name(key): jax.numpy.array(p.values) for key, p in model.parameters().items()}
    x, y = rng.integers(0, model.config.vocab_size, (2, 3, 40), np.int32)
    return model, weights, x, y


def name(key):
    return key + ".weight" if key.endswith(".conv") else key


def sizes(weights):
    return {key: w.shape for key, w in weights.items()}


def test_published_sizes(measure):
    for model in measure.PEERS:
        theirs = jax.eval_shape(partial(measure.build, model))
        assert sizes(theirs) == {name(key): p.values.shape for key, p in MODELS.get(model)().parameters().items()}


@pytest.mark.parametrize("rows", [0, 24])
@pytest.mark.parametrize("dtype, limit", [("float32", 1e-5), ("bfloat16", 2e-2)])
def test_loss_and_gradients_from_the_same_weights(peer, ours, rows, dtype, limit):
    model, weights, x, y = ours
    loss, grads = jax.jit(jax.value_and_grad(peer.loss), static_argnums=(3, 4))(weights, x, y, dtype, rows)
    assert Trainer(model, AdamW(model.parameters()), "fp32").gradients(x, y) == pytest.approx(float(loss), rel=limit)
    for key, p in model.parameters().items():
        wanted = p.grad[tuple(map(slice, p.values.shape))]
        assert np.linalg.norm(grads[name(key)] - wanted) <= 2 * limit * np.linalg.norm(wanted), key


def test_updates_as_ours(measure, ours):
    model, weights, x, y = ours
    before = {key: p.values.copy() for key, p in model.parameters().items()}
    trainer = Trainer(model, AdamW(model.parameters(), weight_decay=measure.WEIGHT_DECAY), "fp32")
    state = measure.start(weights)
    for _ in range(2):
        nats, _ = trainer.step(x, y, measure.LR)
        state, theirs = measure.update(state, x, y)
        assert nats == pytest.approx(float(theirs), rel=1e-4)
    for key, p in model.parameters().items():
        ours, theirs = p.values - before[key], np.asarray(state[0][name(key)]) - before[key]
        assert np.linalg.norm(ours - theirs) <= 0.05 * np.linalg.norm(ours), key


def test_training_speed():
    def output(*args):
        done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    assert output("--list-modes") == [["fp32", "bf16"], ["chunked"]]
    result = output("--json", *"--mode bf16-chunked --batch 1 --seq-len 16 --seconds 0.01".split())
    assert (result["mode"], result["batch_size"], result["seq_len"]) == ("bf16-chunked", 1, 16)
    assert 0 < result["tokens_per_second"] <= result["best_tokens_per_second"]
