"""Muon (Jordan et al. 2024): the update of a matrix is its orthogonalised momentum; and NorMuon (Li et al. 2025), which
first divides each row of the update by the root of an average of its squares.

The update is scaled to a root mean square of 0.2, as AdamW's has (Liu et al. 2025, "Muon is scalable for LLM
training"), so that both use the same learning rate. Products are in bf16 where the CPU has bf16 dot products.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, total, vec32
from ternary.compiler.workspace import num_threads, queue, take, workspace
from ternary.kernels.gemm.blocks import acquire_accumulator, microkernel, release_accumulator
from ternary.kernels.gemm.pack import pack_columns, pack_steps, transpose_words

STEPS = 5                         # of the Newton-Schulz iteration
A, B, C = 3.4445, -4.7750, 2.0315                 # its polynomial: steep at 0, where most singular values are
UPDATE_RMS = 0.2                  # of the update per element
TINY, ONE = np.float32(1e-20), np.float32(1)


def orthogonal_ref(x):
    """x = U S V^T (M, N), M <= N -> U V^T approximately: singular values end between 0.7 and 1.2."""
    x = x / (np.linalg.norm(x) + TINY)
    for _ in range(STEPS):
        s = x @ x.T
        x = A * x + (B * s + C * (s @ s)) @ x
    return x


def muon_ref(p, g, m, v, shapes, hyper, like):
    """p, g, m (n,), v (r,) -> p, m, v after one step with gradient hyper[0] * g, and g = 0 for the next step.

    The flat buffers hold matrices, described by shapes (matrices, 6): offset, rows and columns (multiples of 32), the
    length of the longer side and the number of elements without zero padding, and the offset in v, which has an element
    for each row. hyper: gradient scale, lr, weight decay, momentum, and the decay of v, or 0 for Muon, without v.
    `like` is any array with the dtype for the operands of products.
    """
    scale, lr, decay, momentum, row_decay = hyper
    p, v, m = p.copy(), v.copy(), m * momentum + g * (scale * (1 - momentum))
    update = m * momentum + g * (scale * (1 - momentum))          # Nesterov momentum
    for first, rows, columns, longer, elements, first_row in shapes:
        part = slice(first, first + rows * columns)
        x = update[part].reshape(rows, columns)
        x = orthogonal_ref(x) if rows <= columns else orthogonal_ref(x.T).T
        step = lr * UPDATE_RMS * longer ** 0.5
        if row_decay:
            row = v[first_row:first_row + rows]
            row[:] = row_decay * row + (1 - row_decay) * (x * x).mean(1)
            x = x / (np.sqrt(row) + TINY)[:, None]
            step = lr * UPDATE_RMS * elements ** 0.5 / np.linalg.norm(x)
        p[part] = p[part] * (1 - lr * decay) - step * x.ravel()
    return p, m, v, np.zeros_like(g)


@device
def transposed_copy(x):
    """(M, N) -> (N, M)"""
    y = workspace(x.shape[1], x.shape[0], np.float32)
    transpose_words(x, 0, 0, x.shape[0], x.shape[1], y, 0, 0)
    return y


@device
def store_symmetric(c, scratch, s, i, j):
    """Store the block c at s[i:, j:] and its transpose at s[j:, i:]."""
    for r in range(TILE_N):
        store(s, i + r, j, load_like(vec32(), c, r, 0))
    if i != j:
        transpose_words(c, 0, 0, TILE_N, TILE_N, scratch, 0, 0)
        for r in range(TILE_N):
            store(s, j + r, i, load_like(vec32(), scratch, r, 0))


@device
def orthogonalize(x, like, c):
    """Orthogonalise x (M, N) float32, M <= N, of norm 1, in place; c (32, 32) is the accumulator."""
    m, n = x.shape
    rows, x_panels = workspace(m, n, like.dtype), workspace(m // TILE_N, n * TILE_N, like.dtype)
    s, s_panels = workspace(m, m, like.dtype), workspace(m // TILE_N, m * TILE_N, like.dtype)
    t, x_step_panels = workspace(m, m, like.dtype), workspace(n // TILE_N, m * TILE_N, like.dtype)
    scratch = workspace(TILE_N, TILE_N, np.float32)
    for _ in range(STEPS):
        for i in range(m):
            for j in range(0, n, TILE_N):
                store(rows, i, j, load_like(vec32(), x, i, j))
        for j in range(m // TILE_N):
            pack_columns(rows, j * TILE_N, x_panels, j)
        for i in range(0, m, TILE_N):              # s = x @ x.T
            for j in range(0, i + 1, TILE_N):
                microkernel(c, rows, i, 0, x_panels, j // TILE_N, 0, n)
                store_symmetric(c, scratch, s, i, j)
        for j in range(m // TILE_N):
            pack_columns(s, j * TILE_N, s_panels, j)
        for i in range(0, m, TILE_N):              # t = B s + C s @ s
            for j in range(0, i + 1, TILE_N):
                microkernel(c, s, i, 0, s_panels, j // TILE_N, 0, m)
                for r in range(TILE_N):
                    store(c, r, 0, load_like(vec32(), c, r, 0) * C + load_like(vec32(), s, i + r, j) * B)
                store_symmetric(c, scratch, t, i, j)
        for j in range(n // TILE_N):
            pack_steps(x, 0, m, j, x_step_panels, j)
        for i in range(0, m, TILE_N):              # x = A x + t @ x
            for j in range(n // TILE_N):
                microkernel(c, t, i, 0, x_step_panels, j, 0, m)
                for r in range(TILE_N):
                    v = load_like(vec32(), c, r, 0) + load_like(vec32(), x, i + r, j * TILE_N) * A
                    store(x, i + r, j * TILE_N, v)


@device
def direction(g, m, first, rows, columns, scale, momentum):
    """-> Nesterov momentum of one matrix (rows, columns), normalised to 1; updates m, sets g to 0."""
    x, squares = workspace(rows, columns, np.float32), vec32()
    for i in range(rows):
        for j in range(0, columns, TILE_N):
            at = first + i * columns + j
            d = load_like(vec32(), g, 0, at) * (scale * (ONE - momentum))
            a = load_like(vec32(), m, 0, at) * momentum + d
            u = a * momentum + d
            squares = squares + u * u
            store(m, 0, at, a)
            store(g, 0, at, vec32())
            store(x, i, j, u)
    inv_norm = ONE / (np.sqrt(total(squares)) + TINY)
    for i in range(rows):
        for j in range(0, columns, TILE_N):
            store(x, i, j, load_like(vec32(), x, i, j) * inv_norm)
    return x


@device
def normalize_rows(x, v, first_row, decay):
    """Update the averages v[first_row:] of the squares of rows of x, and divide the rows by their roots -> norm of x"""
    rows, columns = x.shape
    norm2 = np.float32(0)
    for i in range(rows):
        squares = vec32()
        for j in range(0, columns, TILE_N):
            a = load_like(vec32(), x, i, j)
            squares = squares + a * a
        row = total(squares)
        v[first_row + i] = v[first_row + i] * decay + (ONE - decay) * row / np.float32(columns)
        inv = ONE / (np.sqrt(v[first_row + i]) + TINY)
        for j in range(0, columns, TILE_N):
            store(x, i, j, load_like(vec32(), x, i, j) * inv)
        norm2 += row * inv * inv
    return np.sqrt(norm2)


@kernel(ref=muon_ref, updates=("p", "m", "v", "g"))
def muon(p, g, m, v, shapes, hyper, like):
    scale, lr, decay, momentum, row_decay = hyper[0], hyper[1], hyper[2], hyper[3], hyper[4]
    count, shares = shapes.shape[0], queue(num_threads())
    for th in prange(num_threads()):
        c = acquire_accumulator()
        k = take(shares, th, count)
        while k < count:
            first, rows, columns = shapes[k, 0], shapes[k, 1], shapes[k, 2]
            x = direction(g, m, first, rows, columns, scale, momentum)
            if rows > columns:
                x = transposed_copy(x)
            orthogonalize(x, like, c)             # called once, as each call is compiled into the kernel
            if rows > columns:
                x = transposed_copy(x)
            step = lr * np.float32(UPDATE_RMS * np.sqrt(shapes[k, 3]))
            if row_decay > 0:
                norm = normalize_rows(x, v, shapes[k, 5], row_decay)
                step = lr * np.float32(UPDATE_RMS * np.sqrt(shapes[k, 4])) / norm
            for i in range(rows):
                for j in range(0, columns, TILE_N):
                    at = first + i * columns + j
                    kept = load_like(vec32(), p, 0, at) * (ONE - lr * decay)
                    store(p, 0, at, kept - load_like(vec32(), x, i, j) * step)
            k = take(shares, th, count)
        release_accumulator()
