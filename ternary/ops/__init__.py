"""Differentiable functions of tensors: the only place where kernels meet the tape.

Letters: B batch, T time, C channels, F hidden channels, V vocabulary. Activations are tensors (B, T, C) in the tape's
type; the residual stream is in accum_dtype. Gradients of parameters are added to `grad`, which the optimizer owns.
"""
from ternary.kernels.conv import TAPS as CONV_TAPS
from ternary.kernels.gemm.quant import QUANTIZERS, quantized
from ternary.ops.arithmetic import add, mul, scale, sub
from ternary.ops.convert import as_array, as_tensor
from ternary.ops.cross_entropy import cross_entropy, logits, nll
from ternary.ops.embedding import embedding
from ternary.ops.gradients import donate_grad
from ternary.ops.linear import glu, linear, relu2_mlp
from ternary.ops.mixers import attention, drop_time, gated_conv, gated_scan, token_shift, with_past
from ternary.ops.norm import layer_norm, rms_norm
from ternary.ops.numpy_op import numpy_op

__all__ = ["CONV_TAPS", "QUANTIZERS", "add", "as_array", "as_tensor", "attention", "cross_entropy", "donate_grad",
           "drop_time", "embedding", "gated_conv", "gated_scan", "glu", "layer_norm", "linear", "logits", "mul", "nll",
           "numpy_op", "quantized", "relu2_mlp", "rms_norm", "scale", "sub", "token_shift", "with_past"]
