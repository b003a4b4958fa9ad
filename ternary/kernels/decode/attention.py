"""Attention of rows that follow one another in one text, to what they and the tokens before them left in the cache.

The cache of a layer has room for the keys, then for the values, of `room` tokens; that of a position is in the slot
position % room. It is float32 or, if decoding may be approximate, bf16. Keys of a head lie in panels (head, PANEL), so
that scores are sums over lanes; values are rows.
"""
import numpy as np

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.layout import TILE_N
from ternary.compiler.tile_memory import load_like, outer_fma, store
from ternary.compiler.tiles import tile, vec32
from ternary.compiler.two_bit import PANEL, row, wide, wide4
from ternary.kernels.decode.rows import ONE, copied, softmax

FAR = np.float32(-1e30)           # a score that gets no weight
vec32_of_4 = tile(4, TILE_N // LANES)


@device
def rotated(x, a, angles, position, head, y, at):
    """y[at:] = a head of x with rotary positions; angles (positions, head): cos | sin."""
    half = head // 2
    whole = half // TILE_N * TILE_N
    for j in range(0, whole, TILE_N):
        cos, sin = load_like(vec32(), angles, position, j), load_like(vec32(), angles, position, half + j)
        u, v = load_like(vec32(), x, 0, a + j), load_like(vec32(), x, 0, a + half + j)
        store(y, 0, at + j, u * cos - v * sin)
        store(y, 0, at + half + j, v * cos + u * sin)
    for j in range(whole, half):
        cos, sin = angles[position, j], angles[position, half + j]
        u, v = x[a + j], x[a + half + j]
        y[at + j] = u * cos - v * sin
        y[at + half + j] = v * cos + u * sin


@device
def remember(x, a, n, head, rotary, angles, position, cache, co, room, at):
    """Keys and values of qkv x[a:a + 3 n] go to the cache, the query to x[at:]."""
    slot = position % room
    to = co + (room + slot) * n                  # of the values; keys are stored there first, rounded in vectors
    for h in range(0, n, head):
        key = co + h * room + slot // PANEL * PANEL * head + slot % PANEL
        if rotary:
            rotated(x, a + n + h, angles, position, head, x, at + h)
        else:
            copied(x, a + n + h, x, at + h, head)
        for j in range(h, h + head, TILE_N):
            store(cache, 0, to + j, load_like(vec32(), x, 0, at + j))
        for d in range(head):
            cache[key + d * PANEL] = cache[to + h + d]
        if rotary:
            rotated(x, a + h, angles, position, head, x, at + h)
        else:
            copied(x, a + h, x, at + h, head)
    for j in range(0, n, TILE_N):
        store(cache, 0, to + j, load_like(vec32(), x, 0, a + 2 * n + j))


@device
def weights(scores, so, count, position, last, window, room):
    """Scores of `count` slots, the last of which is that of position `last` -> weights of what `position` sees."""
    for k in range(position + 1, last + 1):
        scores[so + k % room] = FAR
    for k in range(last + 1 - count, position - window + 1):
        scores[so + k % room] = FAR
    softmax(scores, so, scores, so, count)


@device
def attention(x, a, slab, n, head, rotary, angles, position, rows, window, cache, co, room, scores, at):
    """x[r slab + at:] = attention of qkv x[r slab + a:][:3 n], at position + r. scores: room for those of four rows."""
    for r in range(rows):
        remember(x, r * slab + a, n, head, rotary, angles, position + r, cache, co, room, r * slab + at)
    last, stride, fours, values = position + rows - 1, scores.shape[0] // 4, rows // 4 * 4, co + room * n
    count, scale = min(last + 1, room), ONE / np.sqrt(np.float32(head))
    for h in range(0, n, head):                   # its keys and values stay in cache for all rows
        for r in range(0, fours, 4):              # four rows share what is loaded of them
            y = r * slab + at
            for first in range(0, count, PANEL):
                t, key = wide4(), co + h * room + first * head
                for d in range(head):
                    t = outer_fma(t, x, y + h + d, slab, cache, key + d * PANEL)
                store(scores, 0, first, row(t, 0) * scale)
                store(scores, 0, stride + first, row(t, 1) * scale)
                store(scores, 0, 2 * stride + first, row(t, 2) * scale)
                store(scores, 0, 3 * stride + first, row(t, 3) * scale)
            for k in range(4):
                weights(scores, k * stride, count, position + r + k, last, window, room)
            for j in range(h, h + head, TILE_N):
                s = vec32_of_4()
                for k in range(count):
                    s = outer_fma(s, scores, k, stride, cache, values + k * n + j)
                store(x, 0, y + j, row(s, 0))
                store(x, 0, y + slab + j, row(s, 1))
                store(x, 0, y + 2 * slab + j, row(s, 2))
                store(x, 0, y + 3 * slab + j, row(s, 3))
        for r in range(fours, rows):
            y = r * slab + at
            for first in range(0, count, PANEL):
                u, key = wide(), co + h * room + first * head
                for d in range(head):
                    u = u + load_like(wide(), cache, 0, key + d * PANEL) * x[y + h + d]
                store(scores, 0, first, u * scale)
            weights(scores, 0, count, position + r, last, window, room)
            for j in range(h, h + head, TILE_N):
                v, w, even = vec32(), vec32(), count // 2 * 2
                for k in range(0, even, 2):
                    v = v + load_like(vec32(), cache, 0, values + k * n + j) * scores[k]
                    w = w + load_like(vec32(), cache, 0, values + (k + 1) * n + j) * scores[k + 1]
                if even < count:
                    v = v + load_like(vec32(), cache, 0, values + even * n + j) * scores[even]
                store(x, 0, y + j, v + w)
