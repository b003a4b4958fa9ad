"""Differentiable functions of tensors: the only place where kernels meet the tape.

Letters: B batch, T time, C channels, F hidden channels, V vocabulary. Activations are tensors (B, T, C) in the tape's
type; the residual stream is in accum_dtype. Gradients of parameters are added to `grad`, which the optimizer owns.
"""
from ternary.kernels.conv import TAPS as CONV_TAPS
from ternary.kernels.gemm.quant import QUANTIZERS, quantized
from ternary.ops.activation import exp, gelu, relu, relu2, sigmoid, silu, softplus, tanh
from ternary.ops.arithmetic import add, expand, mul, scale, sub
from ternary.ops.channels import channels, concat, gather, mean, scatter, softmax, split, sum
from ternary.ops.convert import as_array, as_tensor
from ternary.ops.cross_entropy import cross_entropy, logits, nll
from ternary.ops.dropout import dropout
from ternary.ops.embedding import embedding
from ternary.ops.gradients import donate_grad
from ternary.ops.linear import glu, linear, relu2_mlp
from ternary.ops.mixers import (
    attention,
    causal_conv,
    drop_time,
    gated_conv,
    gated_scan,
    linear_attention,
    shift,
    token_shift,
    with_past,
)
from ternary.ops.norm import l2_norm, layer_norm, rms_norm
from ternary.ops.numpy_op import numpy_op

__all__ = ["CONV_TAPS", "QUANTIZERS", "add", "as_array", "as_tensor", "attention", "causal_conv", "channels", "concat",
           "cross_entropy", "donate_grad", "drop_time", "dropout", "embedding", "exp", "expand", "gated_conv",
           "gated_scan", "gather", "gelu", "glu", "l2_norm", "layer_norm", "linear", "linear_attention", "logits",
           "mean", "mul", "nll", "numpy_op", "quantized", "relu", "relu2", "relu2_mlp", "rms_norm", "scale", "scatter",
           "shift", "sigmoid", "silu", "softmax", "softplus", "split", "sub", "sum", "tanh", "token_shift", "with_past"]
