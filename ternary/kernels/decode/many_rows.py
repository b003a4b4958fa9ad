"""Products of many rows at once, where a matrix unit multiplies bytes; the sums are those of products.py."""
import numpy as np

from ternary.compiler.isa import AMX_BYTES, LANES, VNNI
from ternary.compiler.jit import device
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import from_ints, tile
from ternary.compiler.two_bit import PANEL, prefetch_read, take_plane
from ternary.kernels.decode.products import (
    AHEAD,
    BASE,
    SUMS,
    ZERO,
    byte_product,
    drop_second_digits,
    first_digit_product,
    ternary_product,
)

BLOCK, STEPS = 32, 64             # rows and inputs that the unit takes together
FEWEST = 4                        # rows that are worth it
LINE = 64                         # bytes that memory moves together

if AMX_BYTES:
    from ternary.compiler.amx import digits_fma, store_digits, tiles_off, tiles_on, zero_block

    lane = tile(1, 1)             # of LANES outputs
    PLANES = np.array([1, 1 / 4, 1 / 16, 1 / 64], np.float32)     # of what the sums of a plane are a multiple

    @device
    def whole(c, r):
        """The sums of row r, both digits together."""
        first, second = load_like(lane(), c, 0, r * LANES), load_like(lane(), c, 0, (BLOCK + r) * LANES)
        return from_ints(first) * BASE + from_ints(second)

    @device
    def ternary_rows(q, digits, n, segment, sums, p, po, scales, co, outputs, y, yo, slab, rows, plane, c):
        """ternary_product, with room for a plane (16 n) of a panel and for sums c (2 BLOCK LANES)."""
        if rows < FEWEST or n % STEPS or (segment % STEPS and n > segment):
            ternary_product(q, digits, n, segment, sums, p, po, scales, co, outputs, y, yo, slab, rows)
            return
        padded = (outputs + PANEL - 1) // PANEL * PANEL
        tiles_on()
        for o in range(0, padded, PANEL):
            for first in range(0, n, segment):
                inputs, k, panel = min(n - first, segment), first // segment, po + o * n // 4 + first * PANEL // 4
                for j in range(4):
                    for at in range(0, inputs // 4 * PANEL, PANEL):
                        take_plane(p, panel + at, plane, at, j)
                        if j == 0:
                            prefetch_read(p, panel + at + AHEAD)
                    scale = load_like(lane(), scales, 0, co + k * padded + o + j * LANES)
                    for block in range(0, rows, BLOCK):
                        last = min(block + BLOCK, rows)
                        both = last - block > BLOCK // 2
                        zero_block()
                        for at in range(0, inputs, STEPS):
                            digits_fma(q, block * 2 * digits + first + at, 2 * digits, digits, plane, at // 4 * PANEL,
                                       PANEL, both)
                        store_digits(c, both)
                        for r in range(block, last):
                            value = (whole(c, r - block) * PLANES[j] - sums[r * SUMS + 1 + k]) * scale
                            at = r * slab + yo + o + j * LANES
                            if first > 0:
                                value = load_like(lane(), y, 0, at) + value
                            if first + inputs == n:
                                value = value * sums[r * SUMS]
                            store(y, 0, at, value)
        tiles_off()

    @device
    def byte_rows(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows, c):
        """byte_product for the head, with room for sums c (2 BLOCK LANES)."""
        if rows < FEWEST or n % STEPS:
            byte_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows)
            return
        tiles_on()
        ahead = n * PANEL
        for o in range(0, outputs, PANEL):
            panel = po + o * n
            for j in range(4):
                scale = load_like(lane(), scales, 0, co + o + j * LANES)
                for block in range(0, rows, BLOCK):
                    last = min(block + BLOCK, rows)
                    both = last - block > BLOCK // 2
                    zero_block()
                    for at in range(0, n, STEPS):
                        digits_fma(q, block * 2 * digits + at, 2 * digits, digits, p,
                                   panel + at * PANEL + 4 * j * LANES, 4 * PANEL, both)
                        if block == 0:            # a part of the next panel
                            for line in range(0, STEPS * LANES, LINE):
                                prefetch_read(p, panel + ahead + (j * n + at) * LANES + line)
                    store_digits(c, both)
                    for r in range(block, last):
                        value = (whole(c, r - block) - sums[r * SUMS + 1] * ZERO) * scale
                        store(y, 0, r * slab + yo + o + j * LANES, value * sums[r * SUMS])
        tiles_off()
else:
    @device
    def ternary_rows(q, digits, n, segment, sums, p, po, scales, co, outputs, y, yo, slab, rows, plane, c):
        ternary_product(q, digits, n, segment, sums, p, po, scales, co, outputs, y, yo, slab, rows)

    @device
    def byte_rows(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows, c):
        if VNNI and rows == 1:                    # which waits for the bytes either way
            byte_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows)
            return
        for r in range(rows):                     # half the work; hardly more tokens become candidates
            drop_second_digits(q, r * 2 * digits, digits, n, sums, r * SUMS)
        first_digit_product(q, digits, n, sums, p, po, scales, co, outputs, y, yo, slab, rows)
