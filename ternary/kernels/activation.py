"""Activations: a formula and its derivative, as NumPy and on tiles; forward and backward kernels are made from them.

An activation added to FORMULAS and to `value_and_slope` has an op, gradients and tests. Arrays (N, D), D a multiple of
32.
"""
import math
from collections.abc import Callable

import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import (
    LOG2E,
    TILE_N,
    absolute,
    copysign,
    exp2,
    maximum,
    minimum,
    reciprocal,
    sigmoid,
    sigmoid_ref,
    vec32,
)

erf = np.vectorize(math.erf, otypes=[np.float64])


def silu_ref(x):
    """x * sigmoid(x)"""
    s = sigmoid_ref(x)
    return x * s, s * (1 + x * (1 - s))


def gelu_ref(x):
    """x * Phi(x), Phi the normal CDF (Hendrycks and Gimpel 2016)"""
    cdf = (0.5 + 0.5 * erf(x / 2 ** 0.5)).astype(x.dtype)
    return x * cdf, cdf + x * np.exp(-0.5 * x * x) / (2 * np.pi) ** 0.5


def sigmoid_and_slope_ref(x):
    """1 / (1 + exp(-x))"""
    s = sigmoid_ref(x)
    return s, s * (1 - s)


def tanh_ref(x):
    """tanh(x)"""
    f = np.tanh(x)
    return f, 1 - f * f


def relu_ref(x):
    """max(x, 0)"""
    return np.maximum(x, 0), (x > 0).astype(x.dtype)


def relu2_ref(x):
    """max(x, 0)^2 (So et al. 2021)"""
    f = np.maximum(x, 0)
    return f * f, 2 * f


def exp_ref(x):
    """exp(x)"""
    f = np.exp(x)
    return f, f


def softplus_ref(x):
    """log(1 + exp(x))"""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), sigmoid_ref(x)


# name -> (x -> f(x), df/dx); kernels take the index of the name
FORMULAS: dict[str, Callable] = {"silu": silu_ref, "gelu": gelu_ref, "sigmoid": sigmoid_and_slope_ref, "tanh": tanh_ref,
                                 "relu": relu_ref, "relu2": relu2_ref, "exp": exp_ref, "softplus": softplus_ref}
NAMES = tuple(FORMULAS)
SILU, GELU, SIGMOID, TANH, RELU, RELU2, EXP, SOFTPLUS = range(len(NAMES))


def value_and_slope_ref(x: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """x -> f(x), df/dx of NAMES[kind]"""
    return FORMULAS[NAMES[kind]](x)


@device
def normal(x):
    """-> Phi(x) with error 1e-7 (Abramowitz and Stegun 26.2.17), the density at x"""
    density = exp2(x * x * (-0.5 * LOG2E)) * np.float32(0.39894228)
    t = reciprocal(1.0 + absolute(x) * np.float32(0.2316419))
    p = t * np.float32(1.330274429) - np.float32(1.821255978)
    p = p * t + np.float32(1.781477937)
    p = p * t - np.float32(0.356563782)
    p = p * t + np.float32(0.319381530)
    return 0.5 + copysign(0.5 - density * t * p, x), density


@device
def silu(x):
    s = sigmoid(x)
    return x * s, s * (1.0 + x * (1.0 - s))


@device
def gelu(x):
    cdf, density = normal(x)
    return x * cdf, cdf + x * density


@device
def log1p_of_share(u):
    """log(1 + u) for u in [0, 1], by the series of 2 atanh(u / (2 + u)); relative error 1e-7."""
    s = u * reciprocal(2.0 + u)
    q = s * s
    p = q * np.float32(1 / 13) + np.float32(1 / 11)
    p = p * q + np.float32(1 / 9)
    p = p * q + np.float32(1 / 7)
    p = p * q + np.float32(1 / 5)
    p = p * q + np.float32(1 / 3)
    return (p * q + 1.0) * s * 2.0


@device
def value_and_slope(x, kind):
    """-> f(x), df/dx of NAMES[kind]"""
    if kind == SILU:
        return silu(x)
    if kind == GELU:
        return gelu(x)
    if kind == TANH:
        f = 2.0 * sigmoid(2.0 * x) - 1.0
        return f, 1.0 - f * f
    if kind == RELU:
        f = maximum(x, 0.0)
        return f, minimum(f * np.float32(1e38), 1.0)
    if kind == RELU2:
        f = maximum(x, 0.0)
        return f * f, 2.0 * f
    if kind == EXP:
        f = exp2(x * LOG2E)
        return f, f
    s = sigmoid(x)
    if kind == SOFTPLUS:
        return maximum(x, 0.0) + log1p_of_share(exp2(absolute(x) * -LOG2E)), s
    return s, s * (1.0 - s)


def activation_ref(x, kind):
    """y = f(x), f the activation NAMES[kind].    x (N, D) -> y (N, D)"""
    return value_and_slope_ref(x, kind)[0]


@kernel(ref=activation_ref)
def activation(x, kind, y):
    for i in prange(x.shape[0]):
        for j in range(0, x.shape[1], TILE_N):
            value, _ = value_and_slope(load_like(vec32(), x, i, j), kind)
            store(y, i, j, value)


def activation_bwd_ref(dy, x, kind):
    """dx = dy f'(x)"""
    return dy * value_and_slope_ref(x, kind)[1]


@kernel(ref=activation_bwd_ref)
def activation_bwd(dy, x, kind, add, dx):
    for i in prange(x.shape[0]):
        for j in range(0, x.shape[1], TILE_N):
            _, slope = value_and_slope(load_like(vec32(), x, i, j), kind)
            t = load_like(vec32(), dy, i, j) * slope
            if add:
                t = t + load_like(vec32(), dx, i, j)
            store(dx, i, j, t)
