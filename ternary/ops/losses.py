"""Losses of single tokens, besides the cross-entropy: plain NumPy."""
import numpy as np

from ternary.autograd.tape import Tensor
from ternary.ops.numpy_op import numpy_op

SHORTEST = 1e-6                   # a vector that is shorter has no direction


@numpy_op
def target_above_mean(logits: Tensor, targets: np.ndarray) -> Tensor:
    """logits (B, T, V), targets (B, T) -> logit of the target minus the mean of the logits, (B, T, 1)"""
    index, vocab_size = targets[..., None], logits.shape[-1]

    def backward(dy):
        dx = np.repeat(-dy / vocab_size, vocab_size, -1)
        np.put_along_axis(dx, index, dy * (1 - 1 / vocab_size), -1)
        return dx
    return np.take_along_axis(logits, index, -1) - logits.mean(-1, keepdims=True), backward


@numpy_op
def squared_log_sum_exp(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> log(sum of exp(logits))^2, (B, T, 1)"""
    top = logits.max(-1, keepdims=True)
    e = np.exp(logits - top)
    z = e.sum(-1, keepdims=True)
    log_sum = top + np.log(z)

    def backward(dy):
        return e * (2 * dy * log_sum / z)
    return log_sum * log_sum, backward


@numpy_op
def negative_entropy(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> sum of p log p of the softmax, in nats, (B, T, 1)"""
    log_p = logits - logits.max(-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    p = np.exp(log_p)
    total = (p * log_p).sum(-1, keepdims=True)

    def backward(dy):
        return p * (log_p - total) * dy
    return total, backward


@numpy_op
def cosine_distance(x: Tensor, target: np.ndarray) -> Tensor:
    """x, target (B, T, C) -> 1 - cosine of x and the constant target, (B, T, 1)"""
    size = np.maximum(np.sqrt((x * x).sum(-1, keepdims=True)), SHORTEST)
    goal = target / np.maximum(np.sqrt((target * target).sum(-1, keepdims=True)), SHORTEST)
    cosine = (x * goal).sum(-1, keepdims=True) / size

    def backward(dy):
        return -dy / size * (goal - cosine * x / size)
    return 1 - cosine, backward


@numpy_op
def binary_cross_entropy(logit: Tensor, target: np.ndarray) -> Tensor:
    """logit, target (B, T, 1), target of bool -> -log sigmoid(logit) where it is true, else -log(1 - sigmoid(logit))"""
    def backward(dy):
        return dy * (0.5 + 0.5 * np.tanh(logit / 2) - target)         # the sigmoid, without overflow
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-abs(logit))), backward
