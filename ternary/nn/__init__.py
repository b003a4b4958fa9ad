"""Layers, in one form: `layer(x, state=None)` for whole sequences, chunks and single tokens."""
from ternary.nn.block import Block
from ternary.nn.embedding import Embedding
from ternary.nn.ffn import GLU, MLP
from ternary.nn.linear import Linear
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.mixers.gated_scan import GatedScan
from ternary.nn.mixers.linear_attention import GatedDeltaNet, LinearAttention
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import LayerNorm, RMSNorm
from ternary.nn.state import History, Window
from ternary.nn.token_shift import TokenShift

__all__ = ["GLU", "MLP", "Attention", "Block", "Embedding", "GatedConv", "GatedDeltaNet", "GatedScan", "History",
           "LayerNorm", "Linear", "LinearAttention", "Module", "Parameter", "RMSNorm", "TokenShift", "Window"]
