"""The Bolt model in PyTorch: the peer of the speed benchmarks (measure_torch.py) and the oracle of the gradient tests.

Letters: B batch, T time, D width, F hidden width, V vocabulary, k kernel.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch_lm import TorchLM

QUANTIZERS = ("tensor", "row", "block256")
_BLOCK = 256


def ternarize(w: torch.Tensor, quantizer: str) -> torch.Tensor:
    """Trits times alpha = mean |w| of their matrix, row or 256 weights.    w (out, in) -> (out, in)"""
    if quantizer == "row":
        return _absmean(w, dim=1)
    if quantizer == "block256" and w.numel() > _BLOCK:
        # the zeros that fill the last block count in its mean
        blocks = F.pad(w.flatten(), (0, -w.numel() % _BLOCK)).view(-1, _BLOCK)
        return _absmean(blocks, dim=1).flatten()[: w.numel()].view_as(w)
    return _absmean(w, dim=(0, 1))


def _absmean(w, dim):
    alpha = w.abs().mean(dim, keepdim=True)
    return (w / (alpha + 1e-8)).round().clamp(-1, 1) * alpha


class RMSNorm(nn.Module):
    """y = x / sqrt(mean(x^2) + 1e-6) * weight."""

    def __init__(self, dim: int, dtype: torch.dtype):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim, dtype=dtype))

    def forward(self, x):
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class TernaryLinear(nn.Module):
    """y = x @ W_t^T, gradients straight through the quantiser; with `inner_norm`, x is normalised first."""

    def __init__(self, inputs: int, outputs: int, quantizer: str, inner_norm: bool, dtype: torch.dtype):
        super().__init__()
        self.quantizer = quantizer
        self.norm = RMSNorm(inputs, dtype) if inner_norm else nn.Identity()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, dtype=dtype) * math.sqrt(2 / outputs))

    def forward(self, x):
        w = self.weight
        return F.linear(self.norm(x), w + (ternarize(w, self.quantizer) - w).detach())


class CausalConv(nn.Module):
    """y[t, d] = sum_j weight[j, d] * x[t - (k - 1) + j, d], zeros before the start.    x, y (B, T, D)"""

    def __init__(self, dim: int, kernel: int, dtype: torch.dtype):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(kernel, dim, dtype=dtype) * math.sqrt(2 / (dim * kernel)))

    def forward(self, x):
        kernel, dim = self.weight.shape
        taps = self.weight.t().unsqueeze(1)  # (D, 1, k)
        y = F.conv1d(x.transpose(1, 2), taps, padding=kernel - 1, groups=dim)
        return y[:, :, : x.shape[1]].transpose(1, 2)


class GatedConv(nn.Module):
    """down(conv(value) * sigmoid(gate)), where up(x) = [gate, value]."""

    def __init__(self, dim: int, kernel: int, *ternary):
        super().__init__()
        self.up = TernaryLinear(dim, 2 * dim, *ternary)
        self.conv = CausalConv(dim, kernel, ternary[-1])
        self.down = TernaryLinear(dim, dim, *ternary)

    def forward(self, x):
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(self.conv(value) * torch.sigmoid(gate))


class TernaryGLU(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, dim: int, hidden: int, *ternary):
        super().__init__()
        self.gate = TernaryLinear(dim, hidden, *ternary)
        self.up = TernaryLinear(dim, hidden, *ternary)
        self.down = TernaryLinear(hidden, dim, *ternary)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x)); no norms here if the linears have their own."""

    def __init__(self, dim: int, hidden: int, kernel: int, *ternary):
        super().__init__()
        _, inner_norm, dtype = ternary
        self.norm1 = nn.Identity() if inner_norm else RMSNorm(dim, dtype)
        self.mixer = GatedConv(dim, kernel, *ternary)
        self.norm2 = nn.Identity() if inner_norm else RMSNorm(dim, dtype)
        self.ffn = TernaryGLU(dim, hidden, *ternary)

    def forward(self, x):
        x = x + self.mixer(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class TorchBolt(TorchLM):
    """Gated causal convolutions and ternary GLUs; the head is the embedding."""

    def __init__(
        self,
        vocab_size: int = 10000,
        dim: int = 192,
        hidden: int = 512,
        layers: int = 6,
        kernel: int = 8,
        dtype: torch.dtype = torch.float32,
        quantizer: str = "tensor",
        inner_norm: bool = False,
    ):
        if quantizer not in QUANTIZERS:
            raise ValueError(f"quantizer is {quantizer!r}; wanted one of {', '.join(QUANTIZERS)}")
        ternary = quantizer, inner_norm, dtype
        blocks = (Block(dim, hidden, kernel, *ternary) for _ in range(layers))
        super().__init__(vocab_size, dim, blocks, RMSNorm(dim, dtype))
