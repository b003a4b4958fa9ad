"""Weights as the operands of matrix products: quantised and packed once per step, and used by all micro-batches."""
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial, wraps

import numpy as np

from ternary.autograd.tape import PackedWeights, Tensor, current_tape, scratch
from ternary.compiler.layout import TILE_N, padded
from ternary.kernels.gemm import pack, quant
from ternary.kernels.gemm.lookup import CODE_DTYPES, CODES_PER_TILE


@dataclass
class Packed:
    """A weight (M, K) in panels, or codes for look-up, for x @ w.T and for dy @ w, and the scale of the product."""
    weight: Tensor
    w_forward: np.ndarray
    w_backward: np.ndarray
    alpha: np.floating


@dataclass
class PackedTable:
    """An embedding (V, C) as the operands of kernels.cross_entropy: rows padded to (V', C), and its transpose."""
    table: Tensor
    vocab_rows: np.ndarray
    factors: np.ndarray
    channels: np.ndarray


def cached_on_tape(f: Callable) -> Callable:
    """Keep what f returns for a weight until `repack_tasks`."""
    @wraps(f)
    def get(weight: Tensor, *args):
        tape = current_tape()
        if tape.packed is None:
            return f(weight, *args)
        key = f.__name__, id(weight), *args
        if (found := tape.packed.get(key)) is None:
            pool, tape.pool = tape.pool, tape.packed.pool
            try:                          # the weight is kept too: its id must not be given to another one
                found = tape.packed[key] = weight, f(weight, *args), partial(get, weight, *args)
            finally:
                tape.pool = pool
        return found[1]
    return get


def repack_tasks(packed: PackedWeights, weights: Container[Tensor]) -> list[Callable[[], object]]:
    """Empty a tape's `packed`, after a change of the weights -> tasks that fill it again, to be run on tapes that share
    it; other tensors than `weights` are forgotten."""
    tasks = [pack for weight, _, pack in packed.values() if weight in weights]
    packed.clear()
    return tasks


@cached_on_tape
def packed_weight(weight: Tensor, quantizer: str | None) -> Packed:
    """weight (M, K), as it is, or ternary, one scale per "tensor", "tensor_fp16", "row" or "block256" weights.

    alpha = mean |w|, q = clip(round(w / alpha), -1, 1), effective weight alpha q. Straight-through estimator: the
    gradient of the weight is that of the effective weight.
    """
    w, (rows, columns), tape = weight.data, weight.shape, current_tape()
    block = quant.block_size(weight.shape, quantizer) if quantizer else 1
    alpha = np.empty(-(-rows * columns // block) if quantizer else 0, w.dtype)
    if quantizer:
        quant.mean_abs(w, rows, columns, block, alpha)
        alpha = quant.rounded(alpha, quantizer)
    m, k = w.shape
    kind = quant.TRITS[tape.precision] if len(alpha) == 1 else tape.dtype
    each = CODES_PER_TILE if kind in CODE_DTYPES else TILE_N
    w_forward, w_backward = (tape.pool.empty(shape, kind) for shape in ((m // TILE_N, k * each),
                                                                       (k // TILE_N, m * each)))
    if kind in CODE_DTYPES:
        quant.encode_weight(w, alpha, w_forward, w_backward)
    else:
        quant.pack_weight(w, columns, alpha, block, w_forward, w_backward)
    return Packed(weight, w_forward, w_backward, alpha[0] if len(alpha) == 1 else w.dtype.type(1))


@cached_on_tape
def packed_table(table: Tensor) -> PackedTable:
    """table (V, C), with V of any size."""
    v, d = table.data.shape
    channels = scratch((d, padded(v)))
    if current_tape().precision != "int8":
        rows = scratch((padded(v), d))
        pack.pack_table(table.data, rows, channels)
        return PackedTable(table, rows, scratch((2, 0), accum=True), channels)
    q, factors = np.empty((padded(v), d), np.int8), scratch((2, padded(v)), accum=True)
    pack.quantize_table(table.data, q, factors, channels)
    return PackedTable(table, q, factors, channels)


@cached_on_tape
def packed_vocabulary(table: Tensor) -> Packed:
    """table (V, C) as a linear map C -> V, for logits that are kept."""
    v, d = table.data.shape
    rows, dtype, pool = np.zeros((padded(v), d), table.data.dtype), current_tape().dtype, current_tape().pool
    rows[:v] = table.data
    w_forward, w_backward = (pool.empty(shape, dtype) for shape in ((padded(v) // TILE_N, d * TILE_N),
                                                                    (d // TILE_N, padded(v) * TILE_N)))
    quant.pack_weight(rows, d, np.empty(0, rows.dtype), 1, w_forward, w_backward)
    return Packed(table, w_forward, w_backward, rows.dtype.type(1))
