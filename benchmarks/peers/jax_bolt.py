"""The Bolt model in JAX: a peer of the speed benchmarks (measure_jax.py), with the weights' names of torch_bolt.py.

Letters: B batch, T time, D width, F hidden width, V vocabulary, k kernel.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

Weights = dict[str, jax.Array]
BLOCK = ("norm1", "mixer.up", "mixer.conv", "mixer.down", "norm2", "ffn.gate", "ffn.up", "ffn.down")


def init(
    key: jax.Array, vocab_size: int = 10000, dim: int = 192, hidden: int = 512, layers: int = 6, kernel: int = 8
) -> Weights:
    """New weights: ones in norms, else normal as in torch_bolt.py. A linear map is (out, in), taps are (k, D)."""
    shapes = [(dim,), (2 * dim, dim), (kernel, dim), (dim, dim), (dim,), (hidden, dim), (hidden, dim), (dim, hidden)]
    weights = {"embed.weight": 0.02 * jax.random.normal(key, (vocab_size, dim)), "norm.weight": jnp.ones(dim)}
    for i in range(layers):
        for name, shape in zip(BLOCK, shapes):
            key, drawn = jax.random.split(key)
            std = math.sqrt(2 / (math.prod(shape) if name == "mixer.conv" else shape[0]))
            new = jnp.ones(shape) if len(shape) == 1 else std * jax.random.normal(drawn, shape)
            weights[f"blocks.{i}.{name}.weight"] = new
    return weights


def rms_norm(x: jax.Array, weight: jax.Array) -> jax.Array:
    """x / sqrt(mean(x^2) + 1e-6) * weight, the mean in float32 at least."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (wide * lax.rsqrt(jnp.mean(wide * wide, -1, keepdims=True) + 1e-6) * weight).astype(x.dtype)


def ternary_linear(x: jax.Array, w: jax.Array) -> jax.Array:
    """y = x @ W_t^T, where W_t is trits times alpha = mean |w|; gradients pass straight through the quantiser."""
    alpha = jnp.abs(w).mean()
    ternary = w + lax.stop_gradient(jnp.clip(jnp.round(w / (alpha + 1e-8)), -1, 1) * alpha - w)
    # XLA multiplies matrices faster than tensors of three dimensions, on a CPU and in the gradient
    return (x.reshape(-1, x.shape[-1]) @ ternary.astype(x.dtype).T).reshape(*x.shape[:-1], -1)


def causal_conv(x: jax.Array, taps: jax.Array) -> jax.Array:
    """y[t, d] = sum_j taps[j, d] * x[t - (k - 1) + j, d], zeros before the start.    x, y (B, T, D)"""
    # as sums of shifted copies, which XLA fuses; its grouped convolution is several times slower on a CPU
    steps, taps = x.shape[1], taps.astype(x.dtype)
    padded = jnp.pad(x, ((0, 0), (len(taps) - 1, 0), (0, 0)))
    return sum(padded[:, j : j + steps] * taps[j] for j in range(len(taps)))


def cross_entropy(h: jax.Array, embed: jax.Array, y: jax.Array) -> jax.Array:
    """Sum of the nats of the targets.    h (N, D) what the head reads, y (N,) ids  ->  ()"""
    logits = (h @ embed.T).astype(jnp.promote_types(h.dtype, jnp.float32))
    # a masked sum instead of an index, whose gradient would be a scatter: that is twice as slow on a CPU
    target = jnp.where(jnp.arange(len(embed)) == y[:, None], logits, 0).sum(-1)
    return (jax.nn.logsumexp(logits, -1) - target).sum()


def loss(weights: Weights, x: jax.Array, y: jax.Array, dtype: DTypeLike = jnp.float32, rows: int = 0) -> jax.Array:
    """Mean cross-entropy in nats of the targets.    x, y (B, T) ids  ->  ()

    dtype is that of activations and products. rows: the head and the cross-entropy take about so many tokens at once,
    and again for their gradient, so that all logits are never held; 0 for all.
    """
    layers = sum(name.endswith("norm1.weight") for name in weights)
    h = weights["embed.weight"][x].astype(dtype)
    for i in range(layers):
        w = {name: weights[f"blocks.{i}.{name}.weight"] for name in BLOCK}
        z = rms_norm(h, w["norm1"])
        gate, value = jnp.split(ternary_linear(z, w["mixer.up"]), 2, -1)
        h = h + ternary_linear(causal_conv(value, w["mixer.conv"]) * jax.nn.sigmoid(gate), w["mixer.down"])
        z = rms_norm(h, w["norm2"])
        z = jax.nn.silu(ternary_linear(z, w["ffn.gate"])) * ternary_linear(z, w["ffn.up"])
        h = h + ternary_linear(z, w["ffn.down"])
    h, y = rms_norm(h, weights["norm.weight"]).reshape(y.size, -1), y.ravel()
    embed = weights["embed.weight"].astype(dtype)
    if not rows:
        return cross_entropy(h, embed, y) / y.size
    rows = math.gcd(rows, y.size)
    chunk = jax.checkpoint(lambda part: cross_entropy(part[0], embed, part[1]))
    return lax.map(chunk, (h.reshape(-1, rows, h.shape[1]), y.reshape(-1, rows))).sum() / y.size
