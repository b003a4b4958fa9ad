"""Ternary weights: scales, packing for training, packing into 2 bits, and the product without multiplications.

A weight is alpha * q with q in {-1, 0, +1}: alpha = mean |W| over a block of consecutive weights in row order, and
q = clip(round(W / (alpha + 1e-8)), -1, 1). A block is the whole matrix ("tensor"), a row ("row") or 256 weights
("block256"). A matrix of up to 256 weights is one block. With "tensor_fp16" alpha is rounded to half precision, so that
formats with such scales hold the weights exactly. Kernels get matrices padded with zeros to multiples of 32;
`rows` and `columns`, a multiple of 16, are the sizes without padding.
"""
import math

import numpy as np
from numba import prange

from ternary.compiler.isa import LANES, SDOT, VNNI
from ternary.compiler.jit import device, kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_like, store, store_paired, zero_point
from ternary.compiler.tiles import TILE_N, absolute, add_where, maximum, minimum, rint, tile, total, vec32, vec32x4
from ternary.compiler.workspace import workspace
from ternary.kernels.gemm.lookup import CODES_PER_TILE, encode, encode_tile
from ternary.kernels.gemm.pack import pack_columns, packed

# dtype of packed ternary weights by precision: codes for look-up, but bytes if the CPU has byte dot products
TRITS = {"int8": np.dtype(np.uint8 if VNNI or SDOT else np.int16), "bf16": np.dtype(np.uint16),
         "fp32": np.dtype(np.int32), "fp64": np.dtype(np.float64)}
QUANTIZERS = ("tensor", "tensor_fp16", "row", "block256")
TINY = np.float32(1e-8)
ONE = np.float32(1)
vector = tile(1, 1)               # a block of weights need not end at a multiple of 32


def block_size(shape: tuple[int, ...], quantizer: str) -> int:
    """The number of weights that share a scale in a matrix of `shape` (outputs, inputs)."""
    size = math.prod(shape)
    return {"tensor": size, "tensor_fp16": size, "row": shape[1], "block256": min(size, 256)}[quantizer]


def rounded(alpha: np.ndarray, quantizer: str) -> np.ndarray:
    """Scales as this quantizer uses them."""
    return alpha.astype(np.float16).astype(alpha.dtype) if quantizer == "tensor_fp16" else alpha


def mean_abs_ref(w, rows, columns, block):
    """alpha[b] = mean |w| of block b of w[:rows, :columns] in row order; the last block is padded with zeros."""
    flat = np.abs(w[:rows, :columns]).ravel()
    return np.pad(flat, (0, -flat.size % block)).reshape(-1, block).mean(-1)


@kernel(ref=mean_abs_ref)
def mean_abs(w, rows, columns, block, alpha):
    for b in prange(alpha.shape[0]):
        s = np.float64(0)
        for at in range(b * block, min(rows * columns, (b + 1) * block), LANES):
            s += total(absolute(load_like(vector(), w, at // columns, at % columns)))
        alpha[b] = s / block


def ternary_codes(w, alpha, block):
    """w (N, K) -> q in the dtype of w; w itself if alpha is empty."""
    if not len(alpha):
        return w
    scale = np.repeat(alpha, block)[:w.size].reshape(w.shape)
    return np.clip(np.rint(w / (scale + w.dtype.type(TINY))), -1, 1)


def pack_weight_ref(w, columns, alpha, block):
    """w (N, K), N and K multiples of 32 -> panels of its transpose (N/32, K*32) and of itself (K/32, N*32).

    alpha empty: w itself. One alpha: q, exact in bf16 and in bytes (which hold q + 1); the product is scaled later.
    Several: alpha * q.
    """
    rows = len(alpha) * block // columns if len(alpha) else len(w)
    inner = w[:rows, :columns]
    q = ternary_codes(inner, alpha, block)
    if len(alpha) > 1:
        q = q * np.repeat(alpha, block)[:inner.size].reshape(inner.shape)
    q = np.pad(q, [(0, n - k) for n, k in zip(w.shape, q.shape)])
    return packed(q.T), packed(q)


@device
def ternary(t, alpha):
    """A tile of weights -> q."""
    return minimum(maximum(rint(t / (alpha + TINY)), -ONE), ONE)


@kernel(ref=pack_weight_ref)
def pack_weight(w, columns, alpha, block, w_forward, w_backward):
    """w_forward is for y = x @ w.T, which sums over inputs; w_backward for dx = dy @ w, which sums over outputs."""
    rows, n = w.shape
    last = alpha.shape[0] - 1
    for o in prange(rows // TILE_N):
        copy = workspace(TILE_N, n, w_forward.dtype)
        for r in range(TILE_N):
            for j in range(0, n, LANES):
                i = o * TILE_N + r
                t = load_like(vector(), w, i, j)
                if last >= 0:
                    a = alpha[min(last, (i * columns + j) // block)]       # any alpha for the padding
                    t = ternary(t, a)
                    if last > 0:
                        t = t * a
                store(copy, r, j, t + zero_point(copy))
        pack_columns(copy, 0, w_forward, o)
        for j in range(n // TILE_N):
            for r in range(0, TILE_N, 4):
                store_paired(w_backward, j, (o * TILE_N + r) * TILE_N, load_like(vec32x4(), copy, r, j * TILE_N))


def encode_weight_ref(w, alpha):
    """w (N, K), N and K multiples of 32, alpha (1,) -> codes of x @ q.T (N/32, K*11) and of x @ q (K/32, N*11)"""
    q = ternary_codes(w, alpha, w.size)
    return encode(q), encode(q.T)


@kernel(ref=encode_weight_ref)
def encode_weight(w, alpha, w_forward, w_backward):
    """pack_weight for products by table look-up, see lookup.py."""
    rows, n = w.shape
    for o in prange(rows // TILE_N):
        q = workspace(TILE_N, n, np.float32)
        for r in range(TILE_N):
            for j in range(0, n, TILE_N):
                store(q, r, j, ternary(load_like(vec32(), w, o * TILE_N + r, j), alpha[0]))
            for j in range(0, n, TILE_N):
                encode_tile(q, r, j, False, w_forward, o, (j + r) * CODES_PER_TILE)
        for j in range(n):
            encode_tile(q, 0, j, True, w_backward, j // TILE_N, (o * TILE_N + j % TILE_N) * CODES_PER_TILE)


def quantized(w: np.ndarray, quantizer: str) -> tuple[np.ndarray, np.ndarray]:
    """w (M, K) -> its ternary weights -1, 0, +1 (M, K), and the scales of their blocks"""
    block = block_size(w.shape, quantizer)
    alpha = rounded(mean_abs_ref(w, *w.shape, block), quantizer)
    return ternary_codes(w, alpha, block), alpha


def pack_bits(q: np.ndarray) -> np.ndarray:
    """q (N, K) of -1, 0, +1 -> (N/32, K, 2) uint32: bit masks of the 32 outputs to which an input is added, subtracted.

    N and K are padded with zeros to multiples of 32.
    """
    q = pad_to_tile(q, (0, 1))
    n, k = q.shape
    signs = np.stack([q > 0, q < 0], -1).reshape(n // TILE_N, TILE_N, k, 2).transpose(0, 2, 3, 1)
    return np.packbits(signs, axis=-1, bitorder="little").view("<u4")[..., 0]


def unpack_bits(bits: np.ndarray) -> np.ndarray:
    """The inverse of pack_bits, as float64."""
    signs = np.unpackbits(bits[..., None].astype("<u4").view(np.uint8), axis=-1, bitorder="little").astype(np.float64)
    return (signs[:, :, 0] - signs[:, :, 1]).transpose(0, 2, 1).reshape(-1, bits.shape[1])


def scale_of_each(alpha: np.ndarray, shape: tuple[int, int], quantizer: str) -> np.ndarray:
    """alpha, of blocks -> the scale of each weight, of this shape"""
    return np.repeat(alpha, block_size(shape, quantizer))[:math.prod(shape)].reshape(shape)


def row_scales(alpha: np.ndarray, shape: tuple[int, int], quantizer: str) -> np.ndarray:
    """-> scales (K / segment, N) for ternary_matmul, one per output and segment of inputs, padded to 32."""
    n, k = shape
    scale = pad_to_tile(scale_of_each(alpha, shape, quantizer), (0, 1))
    segment = math.gcd(k, 256) if quantizer == "block256" and n * k > 256 else scale.shape[1]
    return np.ascontiguousarray(scale[:, ::segment].T)


def ternary_matmul_ref(x, bits, scales):
    """y = x @ (scale * q).T.    x (N, K), bits (M/32, K, 2) uint32, scales (S, M) of S segments of K -> y (N, M)"""
    q, s = unpack_bits(bits), len(scales)
    parts = x.reshape(len(x), s, -1).transpose(1, 0, 2) @ q.reshape(len(q), s, -1).transpose(1, 2, 0)
    return (parts * scales[:, None]).sum(0)


@kernel(ref=ternary_matmul_ref, parallel=False)
def ternary_matmul(x, bits, scales, y):
    """The inner loop only adds and subtracts; one multiplication per output and segment."""
    segment = x.shape[1] // scales.shape[0]
    for i in range(x.shape[0]):
        for o in range(bits.shape[0]):
            acc = vec32()
            for s in range(scales.shape[0]):
                t = vec32()
                for k in range(s * segment, (s + 1) * segment):
                    t = add_where(t, bits[o, k, 0], x[i, k])
                    t = add_where(t, bits[o, k, 1], -x[i, k])
                acc = acc + t * load_like(vec32(), scales, s, o * TILE_N)
            store(y, i, o * TILE_N, acc)
