"""Differentiable functions: the only place where kernels meet the tape.

Activations are (N, channels) arrays, N = B * T rows, of the tape's type; the residual stream is wide.
Gradients of parameters are added to `grad`, an array of the parameter's shape that the optimizer owns.
"""
from ternary.ops.cross_entropy import cross_entropy, nll
from ternary.ops.embedding import embedding
from ternary.ops.linear import glu, linear, packed_linear, packed_table, relu2_mlp
from ternary.ops.mixers import attention, gated_conv, recurrence, token_shift
from ternary.ops.norm import layer_norm, rms_norm

__all__ = ["attention", "cross_entropy", "embedding", "gated_conv", "glu", "layer_norm", "linear", "nll",
           "packed_linear", "packed_table", "recurrence", "relu2_mlp", "rms_norm", "token_shift"]
