"""How fast one thread can read: the limit of decoding, which reads all weights for every token."""
from ternary.compiler.jit import compiled
from ternary.compiler.tile_memory import load_like
from ternary.compiler.tiles import total
from ternary.compiler.two_bit import PANEL, wide


@compiled
def read_through(a, times):
    """Read a (float32, a multiple of 4 panels) so many times -> a number that depends on all of it."""
    t, u, v, w = wide(), wide(), wide(), wide()
    for _ in range(times):
        for i in range(0, a.shape[0], 4 * PANEL):
            t = t + load_like(wide(), a, 0, i)
            u = u + load_like(wide(), a, 0, i + PANEL)
            v = v + load_like(wide(), a, 0, i + 2 * PANEL)
            w = w + load_like(wide(), a, 0, i + 3 * PANEL)
    return total(t + u + v + w)
