"""Losses of single tokens, besides the cross-entropy."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape, grad_buffer, op
from ternary.kernels import softmax
from ternary.ops.convert import as_tensor
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


@op
def squared_log_sum_exp(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> log(sum of exp(logits))^2, (B, T, 1)"""
    log_sum, _ = softmax_sums(logits)

    def backward(dy):
        add_softmax_grad(logits, log_sum, np.zeros_like(log_sum), 2 * column(dy) * log_sum)
    return per_token(logits, log_sum * log_sum), backward


@op
def negative_entropy(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> sum of p log p of the softmax, in nats, (B, T, 1)"""
    log_sum, value = softmax_sums(logits)

    def backward(dy):
        dy = column(dy)
        add_softmax_grad(logits, log_sum, dy, -dy * value)
    return per_token(logits, value), backward


def softmax_sums(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """log(sum of exp(logits)) and sum of p log p of each token, (B * T,)"""
    log_sum, mean_log_p = (np.empty(len(logits.data), current_tape().accum_dtype) for _ in range(2))
    softmax.softmax_sums(logits.data, logits.shape[-1], log_sum, mean_log_p)
    return log_sum, mean_log_p


def add_softmax_grad(logits: Tensor, log_sum: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Add p (a log p + b) to the gradient of the logits -> their gradient, (B * T, V'). a, b (B * T,)"""
    dx, add = grad_buffer(logits)
    softmax.softmax_bwd(logits.data, logits.shape[-1], log_sum, a, b, add, dx)
    return dx


def column(dy: np.ndarray) -> np.ndarray:
    """The gradient (B * T, C') of a tensor (B, T, 1) -> (B * T,)"""
    return np.ascontiguousarray(dy[:, 0])


def per_token(like: Tensor, values: np.ndarray) -> Tensor:
    """values (B * T,) -> (B, T, 1) in accum_dtype, for the tokens of `like`"""
    return as_tensor(values.reshape(*like.shape[:-1], 1), accum=True)


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
