"""The Thunderbolt model in PyTorch: the peer of the speed benchmarks and the oracle of the gradient tests.

Letters: B batch, T time, D width, F hidden width, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch_bolt import QUANTIZERS, TernaryLinear
from torch_lm import TorchLM


@torch.library.custom_op("ternary_peer::scan", mutates_args=())
def scan(f: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """s[t] = f[t] * s[t-1] + (1 - f[t]) * v[t], s[-1] = 0.    f, v (B, T, D) of one type  ->  s (B, T, D)

    One `lerp` per token, opaque to torch.compile: several times as fast on a CPU as log2(T) passes over all tokens
    (Hillis and Steele 1986), whose tensors do not fit in the caches.
    """
    s = torch.empty_like(v)
    now = torch.zeros_like(v[:, 0])
    for out, f_t, v_t in zip(s.unbind(1), f.unbind(1), v.unbind(1)):
        now = torch.lerp(v_t, now, f_t, out=out)
    return s


@torch.library.custom_op("ternary_peer::scan_back", mutates_args=())
def scan_back(ds: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """total[t] = ds[t] + f[t+1] * total[t+1]: what reaches s[t] from all later tokens too."""
    total = torch.empty_like(ds)
    now = total[:, -1].copy_(ds[:, -1])
    for t in range(ds.shape[1] - 2, -1, -1):
        now = torch.addcmul(ds[:, t], f[:, t + 1], now, out=total[:, t])
    return total


@scan.register_fake
def _(f, v):
    return torch.empty_like(v)


@scan_back.register_fake
def _(ds, f):
    return torch.empty_like(ds)


def _keep(ctx, inputs, output):
    ctx.save_for_backward(*inputs, output)


def _backward(ctx, ds):
    f, v, s = ctx.saved_tensors
    total = scan_back(ds, f)
    return total * (F.pad(s[:, :-1], (0, 0, 1, 0)) - v), total * (1 - f)


scan.register_autograd(_backward, setup_context=_keep)


class TokenShift(nn.Module):
    """y[t] = s * x[t] + (1 - s) * x[t-1], s = sigmoid(mix)."""

    def __init__(self, dim: int, dtype: torch.dtype):
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(dim, dtype=dtype))

    def forward(self, x):
        return torch.lerp(F.pad(x[:, :-1], (0, 0, 1, 0)), x, torch.sigmoid(self.mix).to(x.dtype))


class Recurrence(nn.Module):
    """down(group_norm(sigmoid(output) * scan(forget, value)))."""

    def __init__(self, dim: int, groups: int, floor: float, *ternary):
        super().__init__()
        self.forget, self.value, self.output, self.down = (TernaryLinear(dim, dim, *ternary) for _ in range(4))
        self.bias = nn.Parameter(torch.zeros(dim, dtype=ternary[-1]))
        self.norm = nn.GroupNorm(groups, dim, dtype=ternary[-1])
        self.floor = floor

    def forward(self, x):
        f = self.floor + (1 - self.floor) * torch.sigmoid(self.forget(x) + self.bias)
        y = torch.sigmoid(self.output(x)) * scan(f, self.value(x).to(f.dtype))
        return self.down(self.norm(y.flatten(0, 1)).view_as(y))       # every token by itself


class MLP(nn.Module):
    """down(relu(up(x))^2)."""

    def __init__(self, dim: int, hidden: int, *ternary):
        super().__init__()
        self.up = TernaryLinear(dim, hidden, *ternary)
        self.down = TernaryLinear(hidden, dim, *ternary)

    def forward(self, x):
        return self.down(F.relu(self.up(x)).square())


class Block(nn.Module):
    """x + mixer(shift1(norm1(x))), then x + ffn(shift2(norm2(x)))."""

    def __init__(self, dim: int, hidden: int, groups: int, floor: float, *ternary):
        super().__init__()
        dtype = ternary[-1]
        self.norm1, self.shift1 = nn.LayerNorm(dim, dtype=dtype), TokenShift(dim, dtype)
        self.mixer = Recurrence(dim, groups, floor, *ternary)
        self.norm2, self.shift2 = nn.LayerNorm(dim, dtype=dtype), TokenShift(dim, dtype)
        self.ffn = MLP(dim, hidden, *ternary)

    def forward(self, x):
        x = x + self.mixer(self.shift1(self.norm1(x)))
        return x + self.ffn(self.shift2(self.norm2(x)))


class TorchThunderbolt(TorchLM):
    """Gated linear recurrences and squared ReLU over shifted tokens; the head is the embedding."""

    def __init__(
        self,
        vocab_size: int = 8192,
        dim: int = 384,
        hidden: int = 1152,
        layers: int = 18,
        groups: int = 8,
        dtype: torch.dtype = torch.float32,
        quantizer: str = "tensor",
    ):
        if quantizer not in QUANTIZERS:
            raise ValueError(f"quantizer is {quantizer!r}; wanted one of {', '.join(QUANTIZERS)}")
        floors = [0.9 * layer / max(1, layers - 1) for layer in range(layers)]
        blocks = (Block(dim, hidden, groups, f, quantizer, False, dtype) for f in floors)
        super().__init__(vocab_size, dim, blocks, nn.LayerNorm(dim, dtype=dtype))
