"""What the models of the peers share: a stack of blocks whose head is the embedding."""
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import nn


class TorchLM(nn.Module):
    """embed, blocks, norm, head."""

    def __init__(self, vocab_size: int, dim: int, blocks: Iterable[nn.Module], norm: nn.Module):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim, dtype=norm.weight.dtype)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T) ids  ->  what the head reads (B, T, D)"""
        h = self.embed(x)
        for block in self.blocks:
            h = block(h)
        return self.norm(h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T) ids  ->  logits (B, T, V)"""
        return F.linear(self.hidden(x), self.embed.weight)

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats of the targets.    x, y (B, T) ids  ->  ()"""
        return F.cross_entropy(self(x).flatten(0, 1), y.flatten())
