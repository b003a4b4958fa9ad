"""Loss and every gradient against the same model in PyTorch, float64 (skipped where torch is not installed)."""

import numpy as np
import pytest

from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.thunderbolt import Thunderbolt, ThunderboltConfig
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


def peer(config, dtype):
    """The PyTorch model of a config."""
    from torch_bolt import TorchBolt
    from torch_thunderbolt import TorchThunderbolt
    kind = {BoltConfig: TorchBolt, ThunderboltConfig: TorchThunderbolt}[type(config)]
    return kind(**vars(config), dtype=dtype)


def compare(model, batch, length, precision, published_init=False, autocast=False, seed=0):
    """-> relative error of the loss and, norm-wise, of every gradient. Vectors random, Zipf tokens, a softmax that
    is not flat. The published initialisation makes branches much larger than the stream, which amplifies rounding;
    otherwise matrices are N(0, 0.05^2). autocast: the error of PyTorch's own bf16 instead of ours.
    """
    rng, config = np.random.default_rng(seed), model.config
    parameters = model.parameters()
    for key, p in parameters.items():
        if p.data.ndim == 1:
            p.data += 0.2 * rng.standard_normal(p.data.shape, np.float32)
        elif "blocks" in key and not published_init:
            p.data *= np.float32((0.2 if key.endswith("conv") else 0.05) / p.data.std())
    model.embed.weight.data *= 4
    zipf = 1 / np.arange(1, config.vocab_size + 1)
    x, y = (rng.choice(config.vocab_size, (batch, length), p=zipf / zipf.sum()).astype(np.int32) for _ in "xy")
    oracle = peer(config, torch.float64)
    theirs = dict(oracle.named_parameters())
    name = lambda key: key + ".weight" if key.endswith(".conv") else key
    assert {name(key) for key in parameters} == set(theirs)
    with torch.no_grad():
        for key, p in parameters.items():
            theirs[name(key)].copy_(torch.from_numpy(p.data.astype(np.float64)))
    loss = oracle.loss(torch.from_numpy(x).long(), torch.from_numpy(y).long())
    loss.backward()
    if autocast:
        rounded = peer(config, torch.float32)
        rounded.load_state_dict(oracle.state_dict())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            lossy = rounded.loss(torch.from_numpy(x).long(), torch.from_numpy(y).long())
        lossy.backward()
        return {key: ((p.grad.double() - theirs[key].grad).norm() / theirs[key].grad.norm()).item()
                for key, p in rounded.named_parameters()}
    if precision == "fp64":
        for p in parameters.values():
            p.data = p.data.astype(np.float64)
            p.grad = np.zeros_like(p.data)
        trainer = Trainer(model, None, precision)
    else:
        trainer = Trainer(model, AdamW(parameters), precision)
    ours = trainer.gradients(x, y)
    errors = {"loss": abs(ours - loss.item()) / abs(loss.item())}
    for key, p in parameters.items():
        g = theirs[name(key)].grad.numpy()
        errors[key] = np.linalg.norm(p.grad - g) / np.linalg.norm(g)
    return errors


def recurrence(q, k, v, log_decay, beta, rule, s):
    """linear_attention token by token on tensors (B, T, H, ...), s (B, H, K, V) -> o (B, T, H, V), the last s"""
    out = []
    for t in range(q.shape[1]):
        a = log_decay[:, t].exp()[..., None]
        seen = {"add": 0 * s, "delta": a * s, "delta_before_decay": s}[rule]
        error = v[:, t] - torch.einsum("bhkv,bhk->bhv", seen, k[:, t])
        s = a * s + torch.einsum("bhk,bhv->bhkv", k[:, t], beta[:, t] * error)
        out.append(torch.einsum("bhkv,bhk->bhv", s, q[:, t]))
    return torch.stack(out, 1), s


@pytest.mark.parametrize("seq_len", [1, 33, 70])
@pytest.mark.parametrize("rule", ["add", "delta", "delta_before_decay"])
def test_linear_attention(rule, seq_len):
    from ternary import ops
    from ternary.autograd.tape import Tape
    rng, (batch, heads, key_dim, value_dim) = np.random.default_rng(0), (2, 3, 12, 20)
    arrays = [rng.standard_normal((batch, seq_len, heads, dim)) for dim in (key_dim, key_dim, value_dim, 1, 1)]
    arrays[1] /= np.linalg.norm(arrays[1], axis=-1, keepdims=True)
    arrays[3], arrays[4] = -abs(arrays[3]), 1 / (1 + np.exp(-arrays[4]))
    arrays[3][:, seq_len // 2] = -1e4
    state = rng.standard_normal((batch, heads, key_dim, value_dim))
    weights = rng.standard_normal((batch, seq_len, heads, value_dim))
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    o, last = recurrence(*theirs, rule, torch.tensor(state))
    (o * torch.tensor(weights)).sum().backward()
    with Tape("fp64") as tape:
        ours = [ops.as_tensor(x.reshape(batch, seq_len, -1)) for x in arrays]
        y = ops.linear_attention(*ours, heads, rule, state)
        tape.backward((y, ops.as_tensor(weights.reshape(y.shape)).data))
    pairs = [(ops.as_array(y), o), (state, last)]
    pairs += [(x.grad[:, :x.shape[-1]], t.grad) for x, t in zip(ours, theirs)]
    for got, want in pairs:
        want = want.detach().numpy().reshape(got.shape)
        assert np.linalg.norm(got - want) <= 1e-9 * np.linalg.norm(want) + 1e-12


LIMIT = {"fp64": 1e-9, "fp32": 1e-5, "bf16": 1e-2, "int8": 6e-2}


@pytest.mark.parametrize("precision", LIMIT)
@pytest.mark.parametrize("quantizer, inner_norm", [("tensor", False), ("row", False), ("block256", True)])
def test_small_shapes(precision, quantizer, inner_norm):
    config = BoltConfig(vocab_size=1000, dim=64, layers=2, hidden=160, quantizer=quantizer, inner_norm=inner_norm)
    errors = compare(Bolt(config), 3, 40, precision)
    limit = LIMIT[precision] * (1 + inner_norm)    # which doubles the norms, and what they round
    assert max(errors.values()) <= limit, sorted(errors.items(), key=lambda e: -e[1])[:3]


@pytest.mark.parametrize("precision", LIMIT)
def test_bolt_small_itself(precision):
    errors = compare(Bolt(BoltConfig()), 2, 256, precision)
    assert max(errors.values()) <= LIMIT[precision], sorted(errors.items(), key=lambda e: -e[1])[:3]


@pytest.mark.parametrize("precision", LIMIT)
def test_thunderbolt(precision):
    config = ThunderboltConfig(vocab_size=1000, dim=96, layers=3, groups=2, hidden=160)
    errors = compare(Thunderbolt(config), 3, 40, precision)
    limit = LIMIT[precision] * 1.5                 # gradients of the mixes are sums of differences
    assert max(errors.values()) <= limit, sorted(errors.items(), key=lambda e: -e[1])[:3]


def test_bf16_is_more_exact_than_autocast_from_the_published_start():
    ours = compare(Bolt(BoltConfig()), 2, 256, "bf16", published_init=True)
    theirs = compare(Bolt(BoltConfig()), 2, 256, "bf16", published_init=True, autocast=True)
    assert max(ours.values()) < max(theirs.values())
    assert max(ours.values()) < 2e-2
