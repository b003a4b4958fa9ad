"""Loss and every gradient of models with a gated delta rule against PyTorch, float64 (skipped without torch)."""
import numpy as np
import pytest

from ternary.models.bolt_gdn import BoltGDN, BoltGDNConfig
from ternary.models.cortex8 import Cortex8, Cortex8Config
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
LIMIT = {"fp64": 1e-9, "fp32": 1e-5, "bf16": 3e-2}      # in bf16 weights are rounded too
GDN = BoltGDNConfig(vocab_size=300, dim=64, layers=2, heads=2, hidden=96)
CORTEX = Cortex8Config(vocab_size=300, dim=64, layers=2, heads=2, hidden=96, window=9, memory_dim=8)


def gdn(config):
    from torch_delta import TorchGDN
    return BoltGDN(config), TorchGDN(config.vocab_size, config.dim, config.hidden, config.layers, config.heads,
                                     torch.float64)


def cortex(config):
    from torch_delta import TorchCortex8
    return Cortex8(config), TorchCortex8(config.vocab_size, config.dim, config.hidden, config.layers, config.heads,
                                         config.window, config.memory_dim, torch.float64)


@pytest.mark.parametrize("precision", LIMIT)
@pytest.mark.parametrize("make, config, batch, length", [(gdn, GDN, 3, 40), (gdn, GDN, 1, 150), (cortex, CORTEX, 3, 40),
                                                         (cortex, CORTEX, 1, 150), (cortex, Cortex8Config(), 1, 100)])
def test_loss_and_gradients_are_those_of_pytorch(make, config, batch, length, precision):
    rng = np.random.default_rng(0)
    model, oracle = make(config)
    parameters, theirs = model.parameters(), dict(oracle.named_parameters())
    assert set(parameters) == set(theirs)
    for key, p in parameters.items():
        p.values[...] = p.values + 0.2 * rng.standard_normal(p.shape) if "norm" in key else p.values * 2
        with torch.no_grad():
            theirs[key].copy_(torch.from_numpy(p.values.astype(np.float64)))
    x, y = (rng.integers(0, config.vocab_size, (batch, length)).astype(np.int32) for _ in "xy")
    loss = oracle.loss(torch.from_numpy(x).long(), torch.from_numpy(y).long())
    loss.backward()
    if precision == "fp64":
        for p in parameters.values():
            p.data, p.grad = p.data.astype(np.float64), np.zeros(p.data.shape)
    trainer = Trainer(model, None if precision == "fp64" else AdamW(parameters), precision)
    errors = {"loss": abs(trainer.gradients(x, y) - loss.item()) / abs(loss.item())}
    for key, p in parameters.items():
        g, inside = theirs[key].grad.numpy(), tuple(map(slice, p.shape))
        errors[key] = np.linalg.norm(p.grad[inside] - g) / np.linalg.norm(g)
    worst = max(errors, key=errors.get)
    assert errors[worst] <= LIMIT[precision], (worst, errors[worst])
