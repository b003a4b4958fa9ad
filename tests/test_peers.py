"""The scripts that measure PyTorch: the same models as ours, and numbers that mean what they say."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ternary.models import MODELS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
PEERS = Path(__file__).parents[1] / "benchmarks" / "peers"
models = pytest.mark.parametrize("name", ["bolt-small", "bolt-large", "nova", "thunderbolt", "bolt-gdn-small",
                                          "cortex-8"])


@pytest.fixture
def measure():
    import measure_torch
    return measure_torch


def output(script, *args):
    done = subprocess.run([sys.executable, PEERS / script, *args], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@models
def test_a_peer_has_the_parameters_of_our_model(measure, name):
    ours = MODELS.get(name)().parameters().values()
    theirs = measure.build(name).parameters()
    assert sum(p.values.size for p in ours) == sum(p.numel() for p in theirs)


@models
def test_the_head_joined_to_the_loss_is_the_same_loss(measure, name):
    torch.manual_seed(0)
    model = measure.build(name)
    x, y = torch.randint(0, model.embed.num_embeddings, (2, 2, 8))
    losses = [loss_of(x, y) for loss_of in (model.loss, measure.joined_loss(model))]
    apart, joined = (torch.autograd.grad(loss, model.embed.weight)[0] for loss in losses)
    torch.testing.assert_close(losses[0], losses[1])
    assert (apart - joined).norm() < 1e-5 * apart.norm()


def test_every_peer_is_tested(measure):
    assert set(measure.PEERS) == set(models.args[1])


def test_training_speed():
    precisions, compiled, options = output("measure_torch.py", "--list-modes")
    assert (precisions, compiled) == (["fp32", "bf16"], ["compile"]) and {"cpp", "autotune"} <= set(options)
    result = output("measure_torch.py", "--json", *"--mode bf16 --batch 1 --seq-len 16 --seconds 0.01".split())
    assert (result["mode"], result["batch_size"], result["seq_len"], result["threads"]) == ("bf16", 1, 16, 2)
    assert 0 < result["tokens_per_second"] <= result["best_tokens_per_second"]


def test_matrix_products():
    products = json.dumps([["forward", 64, 32], ["dx", 64, 32], ["dw", 64, 32]])
    seconds = output("matmul_torch.py", "--rows", "16", "--precision", "bf16", "--seconds", "0", "--products", products)
    assert len(seconds) == 3 and all(0 < s < 1 for s in seconds)
