"""The PyTorch oracle of Thunderbolt is itself held to the equations, written out in NumPy, token by token."""
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
SIZES = {"vocab_size": 50, "dim": 24, "hidden": 40, "layers": 3, "groups": 3, "dtype": torch.float64}


@pytest.fixture(scope="module")
def peer():
    import torch_thunderbolt
    return torch_thunderbolt


def small(peer):
    torch.manual_seed(1)
    model = peer.TorchThunderbolt(**SIZES)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference_loss(p, x, y):
    """One sequence, x and y (T,)."""
    def linear(name, h):
        w = p[f"{name}.weight"]
        alpha = np.abs(w).mean()
        return h @ (np.clip(np.round(w / (alpha + 1e-8)), -1, 1) * alpha).T

    def norm(name, h, groups=1):
        g = h.reshape(groups, -1)
        g = (g - g.mean(-1, keepdims=True)) / np.sqrt(g.var(-1, keepdims=True) + 1e-5)
        return g.ravel() * p[f"{name}.weight"] + p[f"{name}.bias"]

    def shifted(name, h, before):
        s = sigmoid(p[f"{name}.mix"])
        return h * s + before * (1 - s)

    nats, layers, width = 0, SIZES["layers"], SIZES["dim"]
    state, before1, before2 = ([np.zeros(width)] * layers for _ in range(3))
    for token, target in zip(x, y):
        h = p["embed.weight"][token]
        for i in range(layers):
            b, lb = f"blocks.{i}", 0.9 * i / (layers - 1)
            n = norm(f"{b}.norm1", h)
            z, before1[i] = shifted(f"{b}.shift1", n, before1[i]), n
            f = lb + (1 - lb) * sigmoid(linear(f"{b}.mixer.forget", z) + p[f"{b}.mixer.bias"])
            state[i] = f * state[i] + (1 - f) * linear(f"{b}.mixer.value", z)
            out = norm(f"{b}.mixer.norm", sigmoid(linear(f"{b}.mixer.output", z)) * state[i], SIZES["groups"])
            h = h + linear(f"{b}.mixer.down", out)
            n = norm(f"{b}.norm2", h)
            z, before2[i] = shifted(f"{b}.shift2", n, before2[i]), n
            h = h + linear(f"{b}.ffn.down", np.maximum(linear(f"{b}.ffn.up", z), 0) ** 2)
        logits = p["embed.weight"] @ norm("norm", h)
        nats += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[target]
    return nats / len(x)


def test_loss_follows_the_equations(peer):
    model = small(peer)
    x, y = torch.randint(0, 50, (2, 2, 9))
    p = {name: value.detach().numpy() for name, value in model.named_parameters()}
    expected = np.mean([reference_loss(p, *pair) for pair in zip(x.numpy(), y.numpy())])
    assert model.loss(x, y).item() == pytest.approx(expected, rel=1e-12)


def test_published_parameter_count(peer):
    assert sum(p.numel() for p in peer.TorchThunderbolt().parameters()) == 29_750_784


def test_the_scan_has_the_gradient_of_the_recurrence(peer):
    f, v = torch.rand(2, 5, 4, dtype=torch.float64), torch.randn(2, 5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(peer.scan, (f.requires_grad_(), v.requires_grad_()))


def test_no_token_sees_the_future(peer):
    model = small(peer)
    x = torch.randint(0, 50, (1, 12))
    changed = x.clone()
    changed[0, 7] = (x[0, 7] + 1) % 50
    a, b = model(x), model(changed)
    assert torch.equal(a[:, :7], b[:, :7]) and not torch.equal(a[:, 7:], b[:, 7:])
