"""Models with a gated delta rule in PyTorch: bolt-gdn-small and cortex-8. Peers of the speed benchmarks, and oracles.

Letters: B batch, T time, D width, H heads, K, C key and value channels of a head, N chunks.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch_bolt import RMSNorm, TernaryGLU, TernaryLinear
from torch_lm import TorchLM
from torch_nova import linear

CHUNK = 64


def delta_rule(q, k, v, log_decay, beta, before_decay: bool = False):
    """S[t] = a S[t-1] + k u^T, u = beta (v - S[t-1]^T k), with the memory in u decayed too unless before_decay.

    In chunks (Yang et al. 2024): what is within a chunk is a triangular system, all chunks at once; the memory goes
    from chunk to chunk.    q, k (B, H, T, K), v (B, H, T, C), log_decay, beta (B, H, T)  ->  S^T q (B, H, T, C)
    """
    length, chunk = q.shape[2], min(CHUNK, q.shape[2])
    rest = -length % chunk
    q, k, v = (F.pad(x, (0, 0, 0, rest)).unflatten(2, (-1, chunk)) for x in (q, k, v))  # (B, H, N, chunk, ...)
    log_decay, beta = (F.pad(x, (0, rest)).unflatten(2, (-1, chunk)) for x in (log_decay, beta))
    g = log_decay.cumsum(-1)
    before = g - log_decay if before_decay else g
    lower = torch.ones(chunk, chunk, dtype=torch.bool).tril()
    decay = (g[..., :, None] - g[..., None, :]).masked_fill(~lower, -torch.inf).exp()
    strict = lower.tril(-1)
    predicted = (before[..., :, None] - g[..., None, :]).masked_fill(~strict, -torch.inf).exp()
    system = beta[..., None] * predicted * (k @ k.transpose(-1, -2))
    system = system + torch.eye(chunk, dtype=system.dtype)
    sides = torch.cat([beta[..., None] * v, (beta * before.exp())[..., None] * k], -1)
    solved = torch.linalg.solve_triangular(system, sides, upper=False, unitriangular=True)
    written, read = solved.split([v.shape[-1], k.shape[-1]], -1)
    scores, queries = decay * (q @ k.transpose(-1, -2)), g.exp()[..., None] * q
    last = g[..., -1:]
    keys = (last - g).exp()[..., None] * k
    s, out = q.new_zeros(*q.shape[:2], k.shape[-1], v.shape[-1]), []
    for n in range(q.shape[2]):
        u = written[:, :, n] - read[:, :, n] @ s
        out.append(queries[:, :, n] @ s + scores[:, :, n] @ u)
        s = last[:, :, n].exp()[..., None] * s + keys[:, :, n].transpose(-1, -2) @ u
    return torch.cat(out, 2)[:, :, :length]


def heads_of(x, heads: int):
    """(B, T, H * K)  ->  (B, H, T, K), in at least float32: a solver has no bf16"""
    x = x.unflatten(-1, (heads, -1)).transpose(1, 2)
    return x if x.dtype == torch.float64 else x.float()


def unit(x):
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-6)


class GatedDeltaNet(nn.Module):
    """out(sigmoid(gate(x)) * delta rule of silu(conv(map(x)))); the memory predicts before its decay."""

    def __init__(self, dim: int, heads: int, *ternary):
        super().__init__()
        self.heads, dtype = heads, ternary[-1]
        widths = dim * 3 // 4, dim * 3 // 4, dim * 3 // 2
        self.maps = nn.ModuleList(TernaryLinear(dim, width, *ternary) for width in widths)
        self.convs = nn.ParameterList(torch.randn(4, width, dtype=dtype) * 0.02 for width in widths)
        self.beta, self.decay = (TernaryLinear(dim, heads, *ternary) for _ in range(2))
        self.gate = TernaryLinear(dim, widths[2], *ternary)
        self.out = TernaryLinear(widths[2], dim, *ternary)

    def forward(self, x):
        mixed = []
        for f, taps in zip(self.maps, self.convs):
            y = F.conv1d(f(x).transpose(1, 2), taps.t().unsqueeze(1).to(x.dtype), padding=3, groups=taps.shape[1])
            mixed.append(heads_of(F.silu(y[:, :, : x.shape[1]].transpose(1, 2)), self.heads))
        q, k, v = mixed
        log_decay = F.logsigmoid(heads_of(self.decay(x), self.heads)[..., 0]) / 16
        beta = torch.sigmoid(heads_of(self.beta(x), self.heads)[..., 0])
        y = delta_rule(unit(q), unit(k), v, log_decay, beta, before_decay=True)
        return self.out(torch.sigmoid(self.gate(x)) * y.transpose(1, 2).flatten(2).to(x.dtype))


class GDNBlock(nn.Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x))."""

    def __init__(self, dim: int, hidden: int, heads: int, *ternary):
        super().__init__()
        self.norm1, self.norm2 = (RMSNorm(dim, ternary[-1]) for _ in range(2))
        self.mixer = GatedDeltaNet(dim, heads, *ternary)
        self.ffn = TernaryGLU(dim, hidden, *ternary)

    def forward(self, x):
        x = x + self.mixer(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class TorchGDN(TorchLM):
    """Bolt with a gated delta rule instead of the convolution."""

    def __init__(
        self,
        vocab_size: int = 10000,
        dim: int = 192,
        hidden: int = 512,
        layers: int = 6,
        heads: int = 4,
        dtype: torch.dtype = torch.float32,
    ):
        blocks = (GDNBlock(dim, hidden, heads, "tensor", False, dtype) for _ in range(layers))
        super().__init__(vocab_size, dim, blocks, RMSNorm(dim, dtype))


class WindowAttention(nn.Module):
    """Softmax attention to the last `window` tokens, without positions."""

    def __init__(self, dim: int, heads: int, window: int, dtype: torch.dtype):
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv, self.out = linear(dim, 3 * dim, dtype), linear(dim, dim, dtype)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = torch.ones(t, t, dtype=torch.bool).tril().triu(1 - self.window)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(y.transpose(1, 2).reshape(b, t, d))


class DeltaMemory(nn.Module):
    """out(gated delta rule of q(x), k(x), v(x)), decay 1 - beta."""

    def __init__(self, dim: int, heads: int, memory_dim: int, dtype: torch.dtype):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (linear(dim, heads * memory_dim, dtype) for _ in range(3))
        self.beta, self.out = linear(dim, heads, dtype), linear(heads * memory_dim, dim, dtype)

    def forward(self, x):
        q, k, v = (heads_of(f(x), self.heads) for f in (self.q, self.k, self.v))
        write = heads_of(self.beta(x), self.heads)[..., 0]
        y = delta_rule(unit(q), unit(k), v, F.logsigmoid(-write), torch.sigmoid(write))
        return self.out(y.transpose(1, 2).flatten(2).to(x.dtype))


class TwoStream(nn.Module):
    """out(g * local(norm1(x)) + (1 - g) * memory(norm2(x))), g = sigmoid(gate(norm1(x)))."""

    def __init__(self, dim: int, heads: int, window: int, memory_dim: int, dtype: torch.dtype):
        super().__init__()
        self.norm1, self.norm2 = (RMSNorm(dim, dtype) for _ in range(2))
        self.local = WindowAttention(dim, heads, window, dtype)
        self.memory = DeltaMemory(dim, heads, memory_dim, dtype)
        self.gate, self.out = linear(dim, dim, dtype), linear(dim, dim, dtype)

    def forward(self, x):
        h = self.norm1(x)
        return self.out(torch.lerp(self.memory(self.norm2(x)), self.local(h), torch.sigmoid(self.gate(h))))


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, dim: int, hidden: int, dtype: torch.dtype):
        super().__init__()
        self.gate, self.up = (linear(dim, hidden, dtype) for _ in range(2))
        self.down = linear(hidden, dim, dtype)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class CortexBlock(nn.Module):
    """x + mixer(x), which normalises its own input, then x + ffn(norm2(x))."""

    def __init__(self, dim: int, hidden: int, *sizes):
        super().__init__()
        self.mixer, self.norm2 = TwoStream(dim, *sizes), RMSNorm(dim, sizes[-1])
        self.ffn = SwiGLU(dim, hidden, sizes[-1])

    def forward(self, x):
        x = x + self.mixer(x)
        return x + self.ffn(self.norm2(x))


class TorchCortex8(TorchLM):
    """Attention over a window and a memory with the gated delta rule."""

    def __init__(
        self,
        vocab_size: int = 4096,
        dim: int = 256,
        hidden: int = 512,
        layers: int = 6,
        heads: int = 4,
        window: int = 64,
        memory_dim: int = 32,
        dtype: torch.dtype = torch.float32,
    ):
        blocks = (CortexBlock(dim, hidden, heads, window, memory_dim, dtype) for _ in range(layers))
        super().__init__(vocab_size, dim, blocks, RMSNorm(dim, dtype))
        self.norm_in = RMSNorm(dim, dtype)

    def hidden(self, x):
        h = self.norm_in(self.embed(x))
        for block in self.blocks:
            h = block(h)
        return self.norm(h)
