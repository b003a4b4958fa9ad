"""The loop that runs a program: instructions of WIDTH whole numbers each, over flat arrays.

An instruction is (op, y, a, n, b, c, ...): y and a are offsets in the activations of a row, of the result and of what
is read, n is their number of channels. What the others are is said at each op in `execute`; offsets of constants are
in `floats`, of states in the state of a stream.
"""
from collections import namedtuple

import numpy as np

from ternary.compiler.jit import compiled, device
from ternary.kernels.decode import rows as R
from ternary.kernels.decode.attention import attention
from ternary.kernels.decode.draw import LOWEST, draw
from ternary.kernels.decode.many_rows import byte_rows, ternary_rows
from ternary.kernels.decode.pack import NARROW_BITS
from ternary.kernels.decode.products import LEFT_OUT, SUMS, narrow_product, quantize, word_product

WIDTH = 12
MANY = 16                         # candidates are many from vocab / MANY on
CHUNK = 32                        # tokens of a prompt that are read together
OPS = ("quantize", "ternary", "float", "rms_norm", "combine", "combine_constant", "activation", "write", "causal_conv",
       "copy", "scale", "scan", "scan_constant", "layer_norm", "attention", "softmax", "linear_attention", "l2_norm",
       "expand", "dynamic_conv", "grouped_conv", "clip", "top_softmax", "cumulative_mean", "narrow")
(QUANTIZE, TERNARY, FLOAT, RMS_NORM, COMBINE, COMBINE_CONSTANT, ACTIVATION, WRITE, CAUSAL_CONV, COPY, SCALE, SCAN,
 SCAN_CONSTANT, LAYER_NORM, ATTENTION, SOFTMAX, LINEAR_ATTENTION, L2_NORM, EXPAND, DYNAMIC_CONV, GROUPED_CONV, CLIP,
 TOP_SOFTMAX, CUMULATIVE_MEAN, NARROW) = range(len(OPS))

# code (instructions, WIDTH), codes: panels of 2 bits, or of NARROW_BITS, words: int16 panels, floats: constants,
# angles (positions, head): rotary positions
Program = namedtuple("Program", "code codes words floats angles")
# of all rows: activations x, digits q (each row 2 * digits wide), their sums, room for scores of four rows, for errors
# of one, and for many_rows
Scratch = namedtuple("Scratch", "x q sums scores error plane rows slab digits")
# positions (rows,), first (rows,): where a row's state begins, caches (rows,): where its keys and values begin
Streams = namedtuple("Streams", "state cache positions first caches")
# panels of the rounded table of the head; of its rows the scales, distances from the table, and norms
Table = namedtuple("Table", "panels scales errors norms")
# in bytes, and in fewer bits where there is a product with them; table (V * dim,) and embedding (V * dim,) in float32
Head = namedtuple("Head", "bytes narrow table embedding vocab dim hidden")
# silent: tokens that are never drawn; uniforms (steps, streams) in [0, 1); room for logits (streams * padded V), and
# for what `draw` needs
Sampler = namedtuple("Sampler", "silent end temperature top_k top_p min_p uniforms logits ids values lows")


@device
def execute(program, w, streams, count):
    """One token of each row through a program."""
    code, codes, floats = program.code, program.codes, program.floats
    x, q, sums, slab, digits = w.x, w.q, w.sums, w.slab, w.digits
    for i in range(code.shape[0]):
        op, y, a, n = code[i, 0], code[i, 1], code[i, 2], code[i, 3]
        b, c, d, e, f, g = code[i, 4], code[i, 5], code[i, 6], code[i, 7], code[i, 8], code[i, 9]
        if op == TERNARY:                         # n inputs, b: panels, c: scales, d: outputs, e: of a segment
            ternary_rows(q, digits, n, e, sums, codes, b, floats, c, d, x, y, slab, count, w.plane, w.rows)
            continue
        if op == FLOAT:                           # n inputs, b: panels of words, c: scales, d: outputs
            word_product(x, a, n, program.words, b, floats, c, d, x, y, slab, count)
            continue
        if op == NARROW:                          # n inputs, b: panels, in codes, c: scales, d: outputs
            narrow_product(q, digits, n, sums, codes, b, floats, c, d, x, y, slab, count)
            continue
        if op == ATTENTION:                       # b: head, c: rotary, d: window, e: keys and values, f: their room
            rows = count if streams.caches[0] == streams.caches[count - 1] else 1     # of one text, or of several
            for r in range(0, count, rows):
                attention(x, r * slab + a, slab, n, b, c, program.angles, streams.positions[r], rows, d, streams.cache,
                          streams.caches[r] + e, f, w.scores, r * slab + y)
            continue
        for r in range(count):
            at, here = r * slab + y, r * slab + a
            position, state = streams.positions[r], streams.first[r]
            if op == COMBINE:                     # b: the second operand, c: which operation, d: its form
                R.combine(c, x, here, x, r * slab + b, d, x, at, n)
            elif op == COMBINE_CONSTANT:          # b: of floats
                R.combine(c, x, here, floats, b, d, x, at, n)
            elif op == ACTIVATION:                # b: which
                R.activated(b, x, here, x, at, n)
            elif op == QUANTIZE:                  # b: of a segment
                quantize(x, here, n, q, r * 2 * digits, digits, b, sums, r * SUMS)
            elif op == RMS_NORM:                  # b: weights, c: channels of a head
                R.rms_norm(x, here, floats, b, c, x, at, n)
            elif op == COPY:
                R.copied(x, here, x, at, n)
            elif op == WRITE:                     # b: the ring, c: its rows, y: a row's numbers
                R.copied(x, here, streams.state, state + b + position % c * y, n)
            elif op == CAUSAL_CONV:               # a: the ring, b: weights, c: taps, d: dilation, e: rows of the ring
                R.causal_conv(streams.state, state + a, e, position, floats, b, c, d, x, at, n)
            elif op == SCALE:                     # b: the factor
                R.scaled(x, here, floats[b], x, at, n)
            elif op == SCAN:                      # a: decay, b: x, c: state
                R.scan(streams.state, state + c, x, here, x, r * slab + b, x, at, n)
            elif op == SCAN_CONSTANT:             # a: decay, of floats
                R.scan(streams.state, state + c, floats, a, x, r * slab + b, x, at, n)
            elif op == LAYER_NORM:                # b: weights, c: bias, d: channels of a group
                R.layer_norm(x, here, floats, b, c, d, x, at, n)
            elif op == SOFTMAX:
                R.softmax(x, here, x, at, n)
            elif op == L2_NORM:                   # b: heads
                R.l2_norm(x, here, b, x, at, n)
            elif op == EXPAND:                    # b: how many numbers
                R.expanded(x, here, b, x, at, n)
            elif op == LINEAR_ATTENTION:          # a: q, n: heads, b: k, c: v, d: log_decay, e: beta, f: rule,
                o = r * slab                      # g: memory, and keys, values of a head
                R.linear_attention(f, streams.state, state + g, x, here, o + b, o + c, o + d, o + e, n, code[i, 10],
                                   code[i, 11], w.error, x, at)
            elif op == DYNAMIC_CONV:              # a: the ring, b: weights of x, c: offsets, d: how many, e: rows
                R.dynamic_conv(streams.state, state + a, e, position, x, r * slab + b, floats, c, d, x, at, n)
            elif op == GROUPED_CONV:              # a: the ring, b: weights, c: taps, d: dilation, e: rows, f: groups
                R.grouped_conv(streams.state, state + a, e, position, floats, b, c, d, f, x, at, n)
            elif op == CLIP:                      # b: low and high, of floats
                R.clipped(x, here, floats[b], floats[b + 1], x, at, n)
            elif op == TOP_SOFTMAX:               # b: how many
                R.top_softmax(x, here, b, x, at, n)
            elif op == CUMULATIVE_MEAN:           # b: state
                R.cumulative_mean(streams.state, state + b, position, x, here, x, at, n)


@device
def embed(head, tokens, w, count):
    for r in range(count):
        R.copied(head.embedding, tokens[r] * head.dim, w.x, r * w.slab, head.dim)


@compiled
def run(program, head, w, streams, sampler, tokens, out):
    """Read `tokens` (count,), one of each stream, or of one stream one after the other; -> steps made

    Then, if out (steps, count) has steps: fill it with the tokens that continue the streams; else, the hidden rows stay
    in w.x. A stream whose token was `end` goes on, but its tokens do not matter; a single one stops there. (Reading
    and generating are one function since each would take ten seconds to compile.)
    """
    steps, count = out.shape
    logits = sampler.logits
    padded, share, candidates = logits.shape[0] // count, np.float32(0.5) * np.sqrt(np.float32(head.dim)), 0
    narrow = alone = NARROW_BITS < 8 and count == 1
    for i in range(max(steps, 1)):
        embed(head, tokens, w, count)
        execute(program, w, streams, count)
        for r in range(count):
            streams.positions[r] += 1
        if steps == 0:
            return 0
        for r in range(count):
            h = r * w.slab + head.hidden
            quantize(w.x, h, head.dim, w.q, r * 2 * w.digits, w.digits, head.dim, w.sums, r * SUMS)
            w.sums[r * SUMS + LEFT_OUT] = w.sums[r * SUMS] * share
        rounded = head.narrow if narrow else head.bytes
        if narrow:
            narrow_product(w.q, w.digits, head.dim, w.sums, rounded.panels, 0, rounded.scales, 0, head.vocab, logits, 0,
                           padded, 1)
        else:
            byte_rows(w.q, w.digits, head.dim, w.sums, rounded.panels, 0, rounded.scales, 0, head.vocab, logits, 0,
                      padded, count, w.rows)
        for r in range(count):
            h = r * w.slab + head.hidden
            for k in range(sampler.silent.shape[0]):
                logits[r * padded + sampler.silent[k]] = LOWEST
            token, candidates = draw(logits, r * padded, head.vocab, w.sums[r * SUMS + LEFT_OUT], w.x, h, head.dim,
                                     head.table, rounded.errors, rounded.norms, sampler.temperature, sampler.top_k,
                                     sampler.top_p, sampler.min_p, sampler.uniforms[i, r], sampler.ids, sampler.values,
                                     sampler.lows)
            tokens[r] = out[i, r] = token
        narrow = alone and not (narrow and candidates > head.vocab // MANY)       # then bytes for the next token
        if count == 1 and tokens[0] == sampler.end:
            return i + 1
    return steps
