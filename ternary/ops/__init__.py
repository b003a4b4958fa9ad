"""Differentiable functions of tensors: the only place where kernels meet the tape.

Letters: B batch, T time, C channels, F hidden channels, V vocabulary. Activations are tensors (B, T, C) in the tape's
type; the residual stream is in accum_dtype. Gradients of parameters are added to `grad`, which the optimizer owns.
"""
from ternary.kernels.gemm.quant import QUANTIZERS, quantized
from ternary.kernels.glu import ACTIVATIONS as FUSED_GLU
from ternary.ops.activation import exp, gelu, relu, relu2, sigmoid, silu, softplus, tanh
from ternary.ops.arithmetic import add, broadcast, expand, mul, scale, sub
from ternary.ops.channels import (
    channels,
    clip,
    concat,
    gather,
    mean,
    scatter,
    slot_reading,
    softmax,
    split,
    sum,
    top_softmax,
)
from ternary.ops.convert import as_array, as_tensor
from ternary.ops.cross_entropy import cross_entropy, logits, nll, ternary_table
from ternary.ops.dropout import dropout
from ternary.ops.embedding import embedding
from ternary.ops.gradients import donate_grad
from ternary.ops.linear import glu, linear, relu2_mlp
from ternary.ops.losses import (
    binary_cross_entropy,
    cosine_distance,
    negative_entropy,
    squared_log_sum_exp,
    target_above_mean,
)
from ternary.ops.mixers import (
    attention,
    causal_conv,
    cumulative_mean,
    dynamic_conv,
    gated_conv,
    gated_scan,
    grouped_conv,
    linear_attention,
    scan,
    shift,
    token_shift,
)
from ternary.ops.norm import l2_norm, layer_norm, rms_norm
from ternary.ops.numpy_op import numpy_op
from ternary.ops.time import drop_time, with_past

__all__ = ["FUSED_GLU", "QUANTIZERS", "add", "as_array", "as_tensor", "attention", "binary_cross_entropy", "broadcast",
           "causal_conv", "channels", "clip", "concat", "cosine_distance", "cross_entropy", "cumulative_mean",
           "donate_grad", "drop_time", "dropout", "dynamic_conv", "embedding", "exp", "expand", "gated_conv",
           "gated_scan", "gather", "gelu", "glu", "grouped_conv", "l2_norm", "layer_norm", "linear", "linear_attention",
           "logits", "mean", "mul", "negative_entropy", "nll", "numpy_op", "quantized", "relu", "relu2", "relu2_mlp",
           "rms_norm", "scale", "scan", "scatter", "shift", "sigmoid", "silu", "slot_reading", "softmax", "softplus",
           "split", "squared_log_sum_exp", "sub", "sum", "tanh", "target_above_mean", "ternary_table", "token_shift",
           "top_softmax", "with_past"]
