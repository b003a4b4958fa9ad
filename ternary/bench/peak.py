"""How fast the matrix products of a model are when nothing else is done."""
from collections import Counter

import numpy as np

from ternary.autograd.tape import PRECISION
from ternary.bench.measure import activations, best_seconds, right_operand, zeros
from ternary.compiler.tiles import TILE_N
from ternary.kernels.cross_entropy import VOCAB_TILE
from ternary.kernels.gemm import blocks as gemm
from ternary.kernels.gemm.quant import TRITS
from ternary.kernels.gemm.weight_grad import matmul_dw
from ternary.models.lm import LM
from ternary.nn.linear import Linear
from ternary.nn.mixers.attention import Attention
from ternary.rng import generator

PRODUCTS = ("forward", "dx", "dw")


def linear_shapes(model: LM) -> Counter[tuple[int, int]]:
    """(outputs, inputs), in whole lines, of the linear maps -> how many there are, the head left out."""
    return Counter(m.weight.data.shape for m in model.modules() if isinstance(m, Linear))


def flops_per_token(model: LM, seq_len: int) -> int:
    """6 * weights: one multiplication and one addition per weight, forward, for dX and for dW.

    The weights are those of the linear maps and, for the head, the embedding. Attention multiplies each of its
    channels twice (scores and values) with half of the sequence, or what a window leaves of it, forward, and twice that
    back. Nothing else is counted: no norms, convolutions, gates or optimizer, and no rows that pad the vocabulary to a
    multiple of 32.
    """
    weights = sum(m.weight.values.size for m in model.modules() if isinstance(m, Linear))
    attended = 0
    for m in model.modules():
        if isinstance(m, Attention):
            window = min(m.window or seq_len, seq_len)
            attended += m.heads * m.head_dim * window * (2 * seq_len - window) // seq_len
    return 6 * (weights + attended + model.embed.weight.values.size)


def product(kind: str, rows: int, outputs: int, inputs: int, precision: str, seconds: float,
            ternary: bool = True) -> float:
    """Best seconds of one product of a linear map: "forward", "dx" or "dw" (see PRODUCTS)."""
    rng = generator(0, "bench")
    x = activations(rng, rows, inputs, precision)
    if kind == "dw":
        dy, dw = activations(rng, rows, outputs, precision), zeros((outputs, inputs))
        like = np.zeros((1, 1), np.int8) if precision == "int8" else x
        return best_seconds(lambda: matmul_dw(dy, x, like, dw), seconds)
    if kind == "dx":
        inputs, outputs = outputs, inputs
        x = activations(rng, rows, inputs, precision)
    exact = np.dtype(np.uint8) if precision == "int8" else PRECISION[precision]
    p = right_operand(rng, outputs, inputs, TRITS[precision] if ternary else exact)
    y = zeros((rows, outputs), x.dtype)
    return best_seconds(lambda: gemm.matmul(x, p, np.float32(1), y[:0], False, y), seconds)


def peak_gflops(model: LM, rows: int, precision: str, seconds: float) -> float:
    """GFLOP/s of matmul and matmul_dw alone on the model's shapes, each product as often as in a step.

    The head counts as products with slices of the vocabulary as wide as those the fused kernel visits: its
    logits at once would measure the memory. In int8 its gradients are bf16, as all products with float weights.
    rows: tokens per call; seconds: for all measurements together.
    """
    vocab, d = model.embed.weight.data.shape
    piece = min(VOCAB_TILE, -(-vocab // TILE_N) * TILE_N)
    exact = "bf16" if precision == "int8" else precision
    ternary = any(m.quantizer for m in model.modules() if isinstance(m, Linear))
    runs = [(kind, m, k, precision if ternary else exact, ternary, count)
            for (m, k), count in linear_shapes(model).items() for kind in PRODUCTS]
    runs += [(kind, piece, d, precision if kind == "forward" else exact, False, vocab / piece) for kind in PRODUCTS]
    flops = total = 0.0
    for kind, m, k, how, of_trits, count in runs:
        total += count * product(kind, rows, m, k, how, seconds / len(runs), of_trits)
        flops += count * 2 * rows * m * k
    return flops / total / 1e9
