"""The PyTorch oracle is itself held to the equations, written out in NumPy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def peer():
    import torch_bolt
    return torch_bolt


def small(peer, **options):
    torch.manual_seed(1)
    sizes = {"vocab_size": 50, "dim": 20, "hidden": 28, "layers": 2, "kernel": 4, "dtype": torch.float64}
    return peer.TorchBolt(**sizes | options)


def trits(w, quantizer):
    flat = w.ravel()
    size = {"tensor": flat.size, "row": w.shape[1], "block256": min(flat.size, 256)}[quantizer]
    out = np.empty_like(flat)
    for at in range(0, flat.size, size):
        part = flat[at : at + size]
        alpha = np.abs(part).sum() / size
        out[at : at + size] = np.clip(np.round(part / (alpha + 1e-8)), -1, 1) * alpha
    return out.reshape(w.shape)


def rms(x, w):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * w


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference_loss(p, x, y, layers, quantizer, inner_norm):
    def linear(name, h):
        h = rms(h, p[f"{name}.norm.weight"]) if inner_norm else h
        return h @ trits(p[f"{name}.weight"], quantizer).T

    h = p["embed.weight"][x]
    for i in range(layers):
        b = f"blocks.{i}"
        z = linear(f"{b}.mixer.up", h if inner_norm else rms(h, p[f"{b}.norm1.weight"]))
        gate, value = np.split(z, 2, axis=-1)
        taps, c = p[f"{b}.mixer.conv.weight"], np.zeros_like(value)
        for t in range(value.shape[1]):
            for j in range(len(taps)):
                if (s := t - (len(taps) - 1) + j) >= 0:
                    c[:, t] += taps[j] * value[:, s]
        h = h + linear(f"{b}.mixer.down", c * sigmoid(gate))
        n = h if inner_norm else rms(h, p[f"{b}.norm2.weight"])
        g = linear(f"{b}.ffn.gate", n)
        h = h + linear(f"{b}.ffn.down", g * sigmoid(g) * linear(f"{b}.ffn.up", n))
    logits = rms(h, p["norm.weight"]) @ p["embed.weight"].T
    top = logits.max(-1, keepdims=True)
    log_p = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return -np.take_along_axis(log_p, y[..., None], -1).mean()


@pytest.mark.parametrize("quantizer", ["tensor", "row", "block256"])
@pytest.mark.parametrize("inner_norm", [False, True])
def test_loss_follows_the_equations(peer, quantizer, inner_norm):
    model = small(peer, quantizer=quantizer, inner_norm=inner_norm)
    with torch.no_grad():
        for parameter in model.parameters():  # norm scales too, which start as ones
            parameter += 0.1 * torch.randn_like(parameter)
    x, y = torch.randint(0, 50, (2, 3, 9))
    params = {name: value.detach().numpy() for name, value in model.named_parameters()}
    expected = reference_loss(params, x.numpy(), y.numpy(), 2, quantizer, inner_norm)
    assert model.loss(x, y).item() == pytest.approx(expected, rel=1e-12)


def test_published_parameter_counts(peer):
    assert sum(p.numel() for p in peer.TorchBolt().parameters()) == 4_364_736
    assert sum(p.numel() for p in peer.TorchBolt(inner_norm=True).parameters()) == 4_370_112


def test_names_and_shapes(peer):
    block = {
        "norm1.weight": (20,),
        "mixer.up.weight": (40, 20),
        "mixer.conv.weight": (4, 20),
        "mixer.down.weight": (20, 20),
        "norm2.weight": (20,),
        "ffn.gate.weight": (28, 20),
        "ffn.up.weight": (28, 20),
        "ffn.down.weight": (20, 28),
    }
    expected = {"embed.weight": (50, 20), "norm.weight": (20,)}
    expected |= {f"blocks.{i}.{name}": shape for i in range(2) for name, shape in block.items()}
    assert {n: tuple(p.shape) for n, p in small(peer).named_parameters()} == expected
    inner = {n for n, _ in small(peer, inner_norm=True).named_parameters()}
    assert "blocks.0.mixer.up.norm.weight" in inner and "blocks.0.norm1.weight" not in inner


def test_the_quantiser_passes_gradients_unchanged(peer):
    linear = peer.TernaryLinear(5, 3, "tensor", False, torch.float64)
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    dy = torch.randn(7, 3, dtype=torch.float64)
    linear(x).backward(dy)
    torch.testing.assert_close(linear.weight.grad, dy.T @ x.detach())
    torch.testing.assert_close(x.grad, dy @ peer.ternarize(linear.weight.detach(), "tensor"))


def test_no_token_sees_the_future(peer):
    model = small(peer)
    x = torch.randint(0, 50, (1, 12))
    changed = x.clone()
    changed[0, 7] = (x[0, 7] + 1) % 50
    a, b = model(x), model(changed)
    assert torch.equal(a[:, :7], b[:, :7]) and not torch.equal(a[:, 7:], b[:, 7:])


def test_unknown_quantizer(peer):
    with pytest.raises(ValueError, match="block256"):
        small(peer, quantizer="column")
