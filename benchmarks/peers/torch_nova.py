"""The Nova model in PyTorch: the peer of the speed benchmarks and the oracle of the gradient tests.

Letters: B batch, T time, D width, F hidden width, V vocabulary, H heads.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch_lm import TorchLM


def linear(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """No bias, weights N(0, 0.02^2)."""
    layer = nn.Linear(inputs, outputs, bias=False, dtype=dtype)
    nn.init.normal_(layer.weight, std=0.02)
    return layer


def rotate(x: torch.Tensor) -> torch.Tensor:
    """Channels j and j + width / 2 turn by t / 10000^(2j / width).    x (B, H, T, width)"""
    length, width = x.shape[-2:]
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    t, j = torch.arange(length, dtype=wide), torch.arange(0, width, 2, dtype=wide)
    angles = t[:, None] * 10000.0 ** (-j / width)
    cos, sin = angles.cos().repeat(1, 2).to(x.dtype), angles.sin().repeat(1, 2).to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


class Attention(nn.Module):
    """Causal softmax attention with rotary positions."""

    def __init__(self, dim: int, heads: int, dtype: torch.dtype):
        super().__init__()
        self.heads = heads
        self.qkv = linear(dim, 3 * dim, dtype)
        self.out = linear(dim, dim, dtype)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(b, t, d))


class GEGLU(nn.Module):
    """down(gelu(g) * u), where up(x) = [g, u]."""

    def __init__(self, dim: int, hidden: int, dtype: torch.dtype):
        super().__init__()
        self.up = linear(dim, 2 * hidden, dtype)
        self.down = linear(hidden, dim, dtype)

    def forward(self, x):
        g, u = self.up(x).chunk(2, dim=-1)
        return self.down(F.gelu(g) * u)


class Block(nn.Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x))."""

    def __init__(self, dim: int, hidden: int, heads: int, dtype: torch.dtype):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, dtype=dtype)
        self.mixer = Attention(dim, heads, dtype)
        self.norm2 = nn.LayerNorm(dim, dtype=dtype)
        self.ffn = GEGLU(dim, hidden, dtype)

    def forward(self, x):
        x = x + self.mixer(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class TorchNova(TorchLM):
    """A transformer of pre-LayerNorm blocks; the head is the embedding. No dropout."""

    def __init__(
        self,
        vocab_size: int = 4096,
        dim: int = 256,
        hidden: int = 512,
        layers: int = 6,
        heads: int = 4,
        dtype: torch.dtype = torch.float32,
    ):
        blocks = (Block(dim, hidden, heads, dtype) for _ in range(layers))
        super().__init__(vocab_size, dim, blocks, nn.LayerNorm(dim, dtype=dtype))
