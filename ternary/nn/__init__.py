"""Layers, in one form: `layer(x, state=None)` for whole sequences, chunks and single tokens."""
from ternary.nn.block import Block
from ternary.nn.embedding import Embedding
from ternary.nn.ffn import GLU, MLP
from ternary.nn.linear import Linear
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.data_dependent_taps import DataDependentTaps
from ternary.nn.mixers.gated import Gated
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.mixers.gated_scan import GatedScan
from ternary.nn.mixers.gated_state import GatedState
from ternary.nn.mixers.grouped_conv import GroupedConv
from ternary.nn.mixers.linear_attention import GatedDeltaNet, LinearAttention
from ternary.nn.mixers.multi_scale_conv import MultiScaleConv
from ternary.nn.mixers.running_mean import RunningMean
from ternary.nn.mixers.short_conv import ShortConv
from ternary.nn.mixers.slot_memory import SlotMemory, SlotReading, StaticCells
from ternary.nn.mixers.time_mix import TimeMix
from ternary.nn.mixers.two_stream import TwoStream
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import LayerNorm, RMSNorm
from ternary.nn.state import History, Window
from ternary.nn.token_shift import TokenShift

__all__ = [
           "GLU",
           "MLP",
           "Attention",
           "Block",
           "DataDependentTaps",
           "Embedding",
           "Gated",
           "GatedConv",
           "GatedDeltaNet",
           "GatedScan",
           "GatedState",
           "GroupedConv",
           "History",
           "LayerNorm",
           "Linear",
           "LinearAttention",
           "Module",
           "MultiScaleConv",
           "Parameter",
           "RMSNorm",
           "RunningMean",
           "ShortConv",
           "SlotMemory",
           "SlotReading",
           "StaticCells",
           "TimeMix",
           "TokenShift",
           "TwoStream",
           "Window",
]
