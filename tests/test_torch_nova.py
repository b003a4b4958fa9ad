"""Nova's loss and every gradient against the same model in PyTorch, float64 (skipped where torch is not installed)."""
import numpy as np
import pytest

from ternary.models.nova import Nova, NovaConfig
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
SMALL = NovaConfig(vocab_size=1000, dim=64, layers=2, heads=2, hidden=160)
LIMIT = {"fp64": 1e-9, "fp32": 1e-5, "bf16": 2e-2}      # weights are rounded too; PyTorch's autocast: 1.9e-2


def torch_nova(config, dtype):
    from torch_nova import TorchNova
    return TorchNova(config.vocab_size, config.dim, config.hidden, config.layers, config.heads, dtype)


def fused(arrays):
    """Gate and up of the gated unit are one matrix in the peer."""
    arrays = dict(arrays)
    for key in [key for key in arrays if key.endswith("ffn.gate.weight")]:
        up = key.replace("gate", "up")
        arrays[up] = np.concatenate([arrays.pop(key), arrays[up]])
    return arrays


def compare(config, batch, length, precision):
    """-> relative error of the loss and, norm-wise, of every gradient. Norms are random, weights N(0, 0.05^2)."""
    rng = np.random.default_rng(0)
    model = Nova(config)
    parameters = model.parameters()
    for key, p in parameters.items():
        noise = rng.standard_normal(p.data.shape, np.float32)
        p.data = p.data + 0.2 * noise if "norm" in key else p.data * np.float32(2.5)
    x, y = (rng.integers(0, config.vocab_size, (batch, length)).astype(np.int32) for _ in "xy")
    oracle = torch_nova(config, torch.float64)
    theirs = dict(oracle.named_parameters())
    weights = fused({key: p.data for key, p in parameters.items()})
    assert set(weights) == set(theirs)
    with torch.no_grad():
        for key, w in weights.items():
            theirs[key].copy_(torch.from_numpy(w.astype(np.float64)))
    loss = oracle.loss(torch.from_numpy(x).long(), torch.from_numpy(y).long())
    loss.backward()
    if precision == "fp64":
        for p in parameters.values():
            p.data = p.data.astype(np.float64)
            p.grad = np.zeros_like(p.data)
    trainer = Trainer(model, None if precision == "fp64" else AdamW(parameters), precision)
    errors = {"loss": abs(trainer.gradients(x, y) - loss.item()) / abs(loss.item())}
    for key, ours in fused({key: p.grad for key, p in parameters.items()}).items():
        g = theirs[key].grad.numpy()
        errors[key] = np.linalg.norm(ours - g) / np.linalg.norm(g)
    return errors


@pytest.mark.parametrize("precision", LIMIT)
@pytest.mark.parametrize("config, batch, length", [(SMALL, 3, 40), (SMALL, 1, 300), (NovaConfig(), 2, 128)])
def test_loss_and_gradients(config, batch, length, precision):
    errors = compare(config, batch, length, precision)
    assert max(errors.values()) <= LIMIT[precision], sorted(errors.items(), key=lambda e: -e[1])[:4]


def test_the_peer_has_the_published_size():
    assert sum(p.numel() for p in torch_nova(NovaConfig(), torch.float32).parameters()) == 4_987_392
