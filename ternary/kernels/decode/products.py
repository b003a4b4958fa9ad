"""Products of rows with packed matrices. An activation is two int8 digits, 256 q1 + q2, times a factor of its row: as
exact as float32 sums, and read by byte dot products."""
import numpy as np

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.layout import TILE_N
from ternary.compiler.tile_memory import load_like, outer_fma, store
from ternary.compiler.tiles import absolute, from_ints, largest, maximum, rint, total, vec32
from ternary.compiler.two_bit import (
    FIVE_BITS,
    INPUTS,
    PANEL,
    five_bit_fma,
    five_bit_sums,
    plane_sums,
    prefetch_read,
    row,
    two_bit_fma,
    wide,
    wide2,
    wide4,
)
from ternary.kernels.decode.pack import NARROW_BITS, TABLE_ZERO

TINY, ONE, HALF = np.float32(1e-30), np.float32(1), np.float32(0.5)
BASE, INVERSE_BASE = np.float32(256), np.float32(1 / 256)
TOP = np.float32(127 * 256)       # of an activation
ZERO, FIVE_BIT_ZERO = np.float32(TABLE_ZERO), np.float32(16)
IN_TWOS = LANES != 8               # 16 registers of AVX2 do not hold the sums of two rows
AHEAD = 1024                      # bytes between what is read and what is fetched: over the end of a page
TABLE_AHEAD = 384                 # the same for panels of bytes, which the CPU fetches ahead by itself as well
SUMS = 16                         # numbers that `quantize` leaves for each row: the factor, and sums of segments
LEFT_OUT = 2                      # of a row of the head, which has one segment: the norm of what is not multiplied


@device
def quantize(x, at, n, q, qo, width, segment, sums, so):
    """x[at:at + n] -> digits q[qo:qo + n] and q[qo + width: qo + width + n].

    sums[so] = the factor, sums[so + 1:] = the sum of the whole numbers of each segment of inputs.
    """
    most, whole = vec32(), n // TILE_N * TILE_N
    for j in range(0, whole, TILE_N):
        most = maximum(most, absolute(load_like(vec32(), x, 0, at + j)))
    top = largest(most)
    for j in range(whole, n):
        top = max(top, abs(x[at + j]))
    factor = max(top, TINY) / TOP
    inverse = ONE / factor
    sums[so] = factor
    for first in range(0, n, segment):
        t, s = vec32(), np.float32(0)
        last = min(n, first + segment)
        whole = first + (last - first) // TILE_N * TILE_N
        for j in range(first, last, TILE_N):        # the last line may reach into the next segment, or behind n
            whole_numbers = rint(load_like(vec32(), x, 0, at + j) * inverse)
            high = rint((whole_numbers + HALF) * INVERSE_BASE)
            store(q, 0, qo + j, high)
            store(q, 0, qo + width + j, whole_numbers - high * BASE)
            if j < whole:
                t = t + whole_numbers
        for j in range(qo + whole, qo + last):
            s += BASE * np.float32(q[j]) + np.float32(q[j + width])
        sums[so + 1 + first // segment] = total(t) + s


@device
def ternary_product(q, digits, n, segment, sums, p, po, scales, co, outputs, y, yo, slab, rows):
    """y[r slab + yo:] = scale * (codes - 1) @ row r, of 2-bit panels p[po:], for `rows` rows.

    A row has n digits at 2 r digits of q, and SUMS of `sums`; scales[co:] are (n / segment, outputs padded).
    """
    padded = (outputs + PANEL - 1) // PANEL * PANEL
    for o in range(0, padded, PANEL):
        panel, pairs = po + o * n // 4, rows // 2 * 2 if IN_TWOS else 0
        for r in range(0, pairs, 2):              # two rows share what is loaded of the panel
            y1, y2, qo, so = wide(), wide(), r * 2 * digits, r * SUMS
            for first in range(0, n, segment):
                s1, s2, last, pt = wide(), wide(), min(n, first + segment), panel + first * PANEL // 4
                for part in range(first, last, INPUTS):
                    t1, u1, t2, u2 = wide(), wide(), wide(), wide()
                    for at in range(qo + part, qo + min(last, part + INPUTS), 4):
                        t1 = two_bit_fma(t1, q, at, p, pt)
                        u1 = two_bit_fma(u1, q, at + digits, p, pt)
                        t2 = two_bit_fma(t2, q, at + 2 * digits, p, pt)
                        u2 = two_bit_fma(u2, q, at + 3 * digits, p, pt)
                        pt += PANEL
                    s1 = s1 + (plane_sums(t1) * BASE + plane_sums(u1))
                    s2 = s2 + (plane_sums(t2) * BASE + plane_sums(u2))
                k = first // segment
                scale = load_like(wide(), scales, 0, co + k * padded + o)
                y1 = y1 + (s1 - sums[so + 1 + k]) * scale
                y2 = y2 + (s2 - sums[so + SUMS + 1 + k]) * scale
            store(y, 0, r * slab + yo + o, y1 * sums[so])
            store(y, 0, (r + 1) * slab + yo + o, y2 * sums[so + SUMS])
        for r in range(pairs, rows):
            y1, qo, so = wide(), r * 2 * digits, r * SUMS
            for first in range(0, n, segment):
                s1, last, pt = wide(), min(n, first + segment), panel + first * PANEL // 4
                for part in range(first, last, INPUTS):
                    t1, u1 = wide(), wide()
                    for at in range(qo + part, qo + min(last, part + INPUTS), 4):
                        prefetch_read(p, pt + AHEAD)
                        t1 = two_bit_fma(t1, q, at, p, pt)
                        u1 = two_bit_fma(u1, q, at + digits, p, pt)
                        pt += PANEL
                    s1 = s1 + (plane_sums(t1) * BASE + plane_sums(u1))
                k = first // segment
                scale = load_like(wide(), scales, 0, co + k * padded + o)
                y1 = y1 + (s1 - sums[so + 1 + k]) * scale
            store(y, 0, r * slab + yo + o, y1 * sums[so])


@device
def byte_sums(t, q, at, row, n, p, panel, fetch):
    """t + digits q[at + i * row:][:n], for row i of t, dot a panel of bytes p[panel:]. fetch: it is not in cache."""
    for k in range(0, n, 4):
        if fetch:
            for line in range(0, 4 * PANEL, 64):
                prefetch_read(p, panel + k * PANEL + TABLE_AHEAD + line)
        t = outer_fma(t, q, at + k, row, p, panel + k * PANEL)
    return t


@device
def byte_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows):
    """y[r slab + yo:] = scale * (bytes - ZERO) @ row r, of byte panels p[po:]; see ternary_product."""
    for o in range(0, outputs, PANEL):
        panel, pairs, scale = po + o * n, rows // 2 * 2, load_like(wide(), scales, 0, co + o)
        for r in range(0, pairs, 2):
            t, so = byte_sums(wide4(), q, r * 2 * digits, digits, n, p, panel, False), r * SUMS
            s = from_ints(row(t, 0)) * BASE + from_ints(row(t, 1)) - sums[so + 1] * ZERO
            store(y, 0, r * slab + yo + o, s * scale * sums[so])
            s = from_ints(row(t, 2)) * BASE + from_ints(row(t, 3)) - sums[so + SUMS + 1] * ZERO
            store(y, 0, (r + 1) * slab + yo + o, s * scale * sums[so + SUMS])
        for r in range(pairs, rows):
            t, so = byte_sums(wide2(), q, r * 2 * digits, digits, n, p, panel, True), r * SUMS
            s = from_ints(row(t, 0)) * BASE + from_ints(row(t, 1)) - sums[so + 1] * ZERO
            store(y, 0, r * slab + yo + o, s * scale * sums[so])


@device
def first_digit_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows):
    """byte_product of the first digits alone: half the work. sums: see `drop_second_digits`."""
    for o in range(0, outputs, PANEL):
        panel, pairs, scale = po + o * n, rows // 2 * 2, load_like(wide(), scales, 0, co + o)
        for r in range(0, pairs, 2):
            t, so = byte_sums(wide2(), q, r * 2 * digits, 2 * digits, n, p, panel, False), r * SUMS
            s = from_ints(row(t, 0)) * BASE - sums[so + 1] * ZERO
            store(y, 0, r * slab + yo + o, s * scale * sums[so])
            s = from_ints(row(t, 1)) * BASE - sums[so + SUMS + 1] * ZERO
            store(y, 0, (r + 1) * slab + yo + o, s * scale * sums[so + SUMS])
        for r in range(pairs, rows):
            t, so = byte_sums(wide(), q, r * 2 * digits, 0, n, p, panel, True), r * SUMS
            store(y, 0, r * slab + yo + o, (from_ints(t) * BASE - sums[so + 1] * ZERO) * scale * sums[so])


@device
def drop_second_digits(q, at, width, n, sums, so):
    """After `quantize`, for first_digit_product: the sum is that of the first digits, the others are left out."""
    first, squares = 0, 0
    for j in range(at, at + n):
        first += np.int32(q[j])
        squares += np.int32(q[j + width]) ** 2
    sums[so + 1] = BASE * np.float32(first)
    sums[so + LEFT_OUT] += sums[so] * np.sqrt(np.float32(squares))


if FIVE_BITS:
    @device
    def five_bit_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows):
        """byte_product of panels of 5 bits: there is less to read."""
        for o in range(0, outputs, PANEL):
            panel, pairs, scale = po + o * n // 8 * 5, rows // 2 * 2, load_like(wide(), scales, 0, co + o)
            for r in range(0, pairs, 2):          # two rows share what is unpacked of the panel
                t, pt, qo, so = wide4(), panel, r * 2 * digits, r * SUMS
                for at in range(qo, qo + n, 8):
                    t = five_bit_fma(t, q, at, digits, p, pt)
                    pt += 5 * PANEL
                s = five_bit_sums(t)
                s1 = row(s, 0) * BASE + row(s, 1) - sums[so + 1] * FIVE_BIT_ZERO
                s2 = row(s, 2) * BASE + row(s, 3) - sums[so + SUMS + 1] * FIVE_BIT_ZERO
                store(y, 0, r * slab + yo + o, s1 * scale * sums[so])
                store(y, 0, (r + 1) * slab + yo + o, s2 * scale * sums[so + SUMS])
            for r in range(pairs, rows):
                t, pt, qo, so = wide2(), panel, r * 2 * digits, r * SUMS
                for at in range(qo, qo + n, 8):
                    for line in range(0, 5 * PANEL, 64):
                        prefetch_read(p, pt + AHEAD + line)
                    t = five_bit_fma(t, q, at, digits, p, pt)
                    pt += 5 * PANEL
                s = five_bit_sums(t)
                s1 = row(s, 0) * BASE + row(s, 1) - sums[so + 1] * FIVE_BIT_ZERO
                store(y, 0, r * slab + yo + o, s1 * scale * sums[so])


narrow_product = five_bit_product if NARROW_BITS == 5 else byte_product


@device
def word_product(x, at, n, p, po, scales, co, outputs, y, yo, slab, rows):
    """y[r slab + yo:] = the matrix of int16 panels p[po:] @ row r, x[r slab + at:][:n], times the scales[co:]."""
    for o in range(0, outputs, PANEL):
        panel, fours, scale = po + o * n, rows // 4 * 4, load_like(wide(), scales, 0, co + o)
        for r in range(0, fours, 4):              # four rows share what is loaded of the panel
            t, a = wide4(), r * slab + at
            for k in range(n):
                t = outer_fma(t, x, a + k, slab, p, panel + k * PANEL)
            here = r * slab + yo + o
            store(y, 0, here, row(t, 0) * scale)
            store(y, 0, here + slab, row(t, 1) * scale)
            store(y, 0, here + 2 * slab, row(t, 2) * scale)
            store(y, 0, here + 3 * slab, row(t, 3) * scale)
        for r in range(fours, rows):
            t, u, a, even = wide(), wide(), r * slab + at, n // 2 * 2
            for k in range(0, even, 2):
                t = outer_fma(t, x, a + k, 0, p, panel + k * PANEL)
                u = outer_fma(u, x, a + k + 1, 0, p, panel + (k + 1) * PANEL)
            if even < n:
                t = outer_fma(t, x, a + even, 0, p, panel + even * PANEL)
            store(y, 0, r * slab + yo + o, (t + u) * scale)


@device
def dot(a, ao, b, bo, n):
    whole, t = n // TILE_N * TILE_N, vec32()
    for j in range(0, whole, TILE_N):
        t = t + load_like(vec32(), a, 0, ao + j) * load_like(vec32(), b, 0, bo + j)
    s = total(t)
    for j in range(whole, n):
        s += a[ao + j] * b[bo + j]
    return s
