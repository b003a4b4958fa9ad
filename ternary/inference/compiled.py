"""Decoding by one compiled loop: the same tokens as the model itself, faster.

A model is traced to its graph, and the graph becomes a program (see program.py). What it has no instruction for it
refuses; then the model itself decodes, by decoders.base.
"""
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from ternary.autograd.tape import Tape
from ternary.compiler.isa import LANES
from ternary.graph import trace
from ternary.inference.decoders.base import Decoder, Told
from ternary.inference.program import Builder, Unsupported
from ternary.inference.sampling import Sampling
from ternary.inference.slab import UNIT, padded
from ternary.kernels.decode import pack
from ternary.kernels.decode import program as P
from ternary.kernels.decode.draw import GROUPS, LOWEST, MOST
from ternary.kernels.decode.many_rows import BLOCK
from ternary.kernels.rotary import rope_angles
from ternary.models.lm import LM
from ternary.text.tokenizer import Tokenizer

ROOM = 64                         # positions of the first cache of keys and values
FLOATS, INTS = np.zeros(0, np.float32), np.zeros(0, np.int64)
NO_SAMPLER = P.Sampler(INTS, 0, 0.0, 0, 0.0, 0.0, np.zeros((0, 1)), FLOATS, INTS, FLOATS, FLOATS)     # of reading


@dataclass
class State:
    """That of `streams` sequences: positions (streams,), numbers (streams * size,), keys and values, and their room."""
    positions: np.ndarray
    numbers: np.ndarray
    cache: np.ndarray
    room: int

    def copy(self) -> "State":
        return State(self.positions.copy(), self.numbers.copy(), self.cache.copy(), self.room)


class CompiledDecoder(Decoder):
    """A model as a program. Raises program.Unsupported for a model with an op that has no instruction.

    approximate: float matrices are read in pack.NARROW_BITS instead of 16, keys and values in bf16 instead of float32.
    Threads may share a decoder, each with states of its own: they take turns.
    """

    def __init__(self, model: LM, tokenizer: Tokenizer, tape: Tape, approximate: bool = False):
        super().__init__(model, tokenizer, tape)
        graph = trace(model)
        built = self.built = Builder(graph, approximate)
        self.cache_type = np.dtype(np.uint16 if approximate else np.float32)
        self.code, self.codes, self.words, self.floats = built.arenas()
        vocab, dim = graph.table.shape
        self.table = np.ascontiguousarray(graph.table, np.float32)
        embedding = graph.nodes[0].inputs[0].constant
        in_bytes = rounded(self.table, pack.TABLE_TOP, pack.byte_panels)
        narrow = rounded(self.table, pack.NARROW_TOP, pack.narrow_panels) if pack.NARROW_BITS < 8 else in_bytes
        self.head = P.Head(in_bytes, narrow, self.table.ravel(), np.ascontiguousarray(embedding, np.float32).ravel(),
                           vocab, dim, built.at(graph.hidden))
        self.turn = Lock()                            # of threads, which share the scratch
        self.scratches: dict[int, P.Scratch] = {}
        self.programs: dict[int, P.Program] = {}

    @property
    def bytes_per_token(self) -> int:
        """Bytes of weights that a token reads, keys and values and the rows of candidates left out."""
        arenas = self.codes, self.words, self.floats, self.head.narrow.panels, self.head.narrow.scales
        return sum(a.nbytes for a in arenas)

    @property
    def rounded_matrices(self) -> int:
        """How many float matrices are approximate."""
        return int((self.code[:, 0] == P.NARROW).sum())

    def init_state(self, streams: int = 1) -> State:
        empty = State(np.zeros(streams, np.int64), np.zeros(streams * self.built.state + 1, np.float32),
                      np.zeros(streams * self.cache_size(0), self.cache_type), 0)
        return self.with_room(empty, ROOM) if self.built.attentions else empty

    def joined(self, states: list[State]) -> State:
        """One state of all streams; each keeps its own."""
        room = max(state.room for state in states)
        states = [self.with_room(state, room) if state.room < room else state for state in states]
        return State(np.concatenate([state.positions for state in states]),
                     np.concatenate([*(state.numbers[:-1] for state in states), np.zeros(1, np.float32)]),
                     np.concatenate([state.cache for state in states]), room)

    def selected(self, state: State, streams: np.ndarray) -> State:
        """The state of those streams, a mask."""
        numbers, cache = (a.reshape(len(streams), -1)[streams].ravel() for a in (state.numbers[:-1], state.cache))
        return State(state.positions[streams], np.append(numbers, np.float32(0)), cache, state.room)

    def for_thread(self) -> "CompiledDecoder":
        """A decoder with the same weights and its own scratch, so that threads need not take turns."""
        other = copy(self)
        other.turn, other.scratches, other.programs = Lock(), {}, {}
        return other

    def rooms(self, room: int) -> list[tuple[int, int, int, int]]:
        """For each attention: where its keys and values begin, channels, heads, and for how many tokens."""
        found, at = [], 0
        for _, channels, heads, needed in self.built.attentions:
            found.append((at, channels, heads, min(room, needed)))
            at += 2 * channels * min(room, needed)
        return found

    def cache_size(self, room: int) -> int:
        return sum(2 * channels * tokens for _, channels, _, tokens in self.rooms(room)) + 1

    def with_room(self, state: State, room: int) -> State:
        """A state with the same past, and room for keys and values of so many positions."""
        streams = len(state.positions)
        cache = np.zeros((streams, self.cache_size(room)), self.cache_type)
        old = state.cache.reshape(streams, -1)
        for (before, _, _, had), (at, channels, heads, has) in zip(self.rooms(state.room), self.rooms(room)):
            for parts in (heads, 1):              # the keys of each head, and the values
                size = channels // parts
                kept = old[:, before:before + channels * had].reshape(streams, parts, had * size)
                cache[:, at:at + channels * has].reshape(streams, parts, has * size)[:, :, :had * size] = kept
                before, at = before + channels * had, at + channels * has
        return replace(state, cache=cache.ravel(), room=room)

    def program(self, room: int) -> P.Program:
        if room not in self.programs:
            code = self.code.copy()
            for (k, *_), (at, _, _, tokens) in zip(self.built.attentions, self.rooms(room)):
                code[k, 7:9] = at, tokens
            angles = rope_angles(max(room, 1), self.built.heads or 2, np.dtype(np.float32))
            self.programs = {room: P.Program(code, self.codes, self.words, self.floats, angles)}
        return self.programs[room]

    def scratch(self, rows: int, room: int) -> P.Scratch:
        """Room for so many rows at once."""
        kept = self.scratches.get(rows)
        if kept is None or len(kept.scores) < 4 * (room + UNIT):
            slab, digits = padded(self.built.slab.size), max(self.built.widest, padded(self.head.dim))
            x = np.zeros((rows, slab), np.float32)
            for at, values in self.built.presets:
                x[:, at:at + len(values)] = values
            kept = P.Scratch(pack.aligned(np.append(x.ravel(), np.zeros(UNIT, np.float32))),
                             pack.aligned(np.zeros(padded(rows, BLOCK) * 2 * digits + UNIT, np.int8)),
                             np.zeros(rows * P.SUMS, np.float32), np.zeros(4 * (room + 2 * UNIT), np.float32),
                             np.zeros(digits, np.float32), pack.aligned(np.zeros(pack.PANEL // 4 * digits, np.uint8)),
                             pack.aligned(np.zeros(2 * BLOCK * LANES, np.float32)), slab, digits)
            self.scratches[rows] = kept
        return kept

    def grown(self, state: State, tokens: int) -> None:
        """Make room in `state` for so many more tokens of each stream."""
        needed = int(state.positions.max()) + tokens
        if state.room and needed > state.room:
            larger = self.with_room(state, 1 << (needed - 1).bit_length())
            state.cache, state.room = larger.cache, larger.room

    def logits(self, tokens: np.ndarray, state: State, told: Told | None = None) -> np.ndarray:
        """tokens (1, T), which continue the text of `state` -> logits (V,) of the token after the last one"""
        return self.table @ self.read_prompt(tokens[0], state, told)

    def read_prompt(self, ids: np.ndarray, state: State, told: Told | None = None) -> np.ndarray:
        """ids (T,) of one stream, T at least 1 -> the hidden row (C,) of the last one

        Of a model that sees no further than `config.context` tokens, what lies before them is not read: neither the
        logits nor the state depend on it.
        """
        reach = self.model.config.context
        unseen = max(0, len(ids) - reach) if reach else 0
        state.positions[0] += unseen
        self.grown(state, len(ids) - unseen)
        for first in range(unseen, len(ids), P.CHUNK):
            part = np.ascontiguousarray(ids[first:first + P.CHUNK], np.int64)
            hidden = self.read(part, state)[-1]
            if told:
                told(first + len(part), len(ids))
        return hidden

    def read(self, tokens: np.ndarray, state: State) -> np.ndarray:
        """tokens (T,) of one stream, T up to CHUNK, which it has read then -> their hidden rows (T, C)"""
        self.grown(state, len(tokens))
        zeros = np.zeros(len(tokens), np.int64)
        streams = P.Streams(state.numbers, state.cache, state.positions[0] + np.arange(len(tokens)), zeros, zeros)
        with self.turn:
            w = self.scratch(len(tokens), state.room)
            P.run(self.program(state.room), self.head, w, streams, NO_SAMPLER, tokens,
                  np.zeros((0, len(tokens)), np.int64))
            rows = w.x[:len(tokens) * w.slab].reshape(len(tokens), w.slab)
            hidden = rows[:, self.head.hidden:self.head.hidden + self.head.dim].copy()
        state.positions[0] += len(tokens)
        return hidden

    def draws(self, sampling: Sampling) -> bool:
        """Whether `generate` draws as these settings say; others need all logits outside."""
        s = sampling
        penalties = s.repetition_penalty != 1 or s.frequency_penalty or s.presence_penalty or s.no_repeat_ngram
        return not penalties and (s.temperature == 0 or 0 < s.top_k <= MOST)

    def generate(self, tokens: np.ndarray, state: State, sampling: Sampling, silent: np.ndarray,
                 uniforms: np.ndarray) -> np.ndarray:
        """tokens (streams,), the last ones; uniforms (steps, streams) in [0, 1) -> tokens (steps, streams)

        silent: tokens that are never drawn. A single stream stops after the end of the text.
        """
        steps, count = uniforms.shape
        self.grown(state, steps)
        head, end = self.head, padded(self.head.vocab)
        streams = P.Streams(state.numbers, state.cache, state.positions, np.arange(count) * self.built.state,
                            np.arange(count) * self.cache_size(state.room))
        out, s = np.zeros((steps, count), np.int64), sampling
        room = max(end, GROUPS * pack.PANEL)
        silent = np.concatenate([silent, np.arange(head.vocab, end)]).astype(np.int64)
        sampler = P.Sampler(silent, self.tokenizer.EOS, float(s.temperature), int(s.top_k), float(s.top_p),
                            float(s.min_p), uniforms, np.full(count * end, LOWEST, np.float32),
                            np.zeros(end, np.int64), np.zeros(room, np.float32), np.zeros(room, np.float32))
        with self.turn:
            done = P.run(self.program(state.room), head, self.scratch(count, state.room), streams, sampler,
                         tokens.astype(np.int64), out)
        return out[:done]


def rounded(table: np.ndarray, top: int, panels: Callable[[np.ndarray], np.ndarray]) -> P.Table:
    """table (V, dim) as whole numbers to +-top, with a scale for each row."""
    q, scales = pack.whole_numbers(table, top)
    near = q * scales[:, None]
    of_rows = scales, np.linalg.norm(table - near, axis=1) * 1.001, np.linalg.norm(near, axis=1) * 1.001
    return P.Table(pack.aligned(panels(q)), *(pack.aligned(np.pad(a, (0, -len(table) % pack.PANEL)).astype(np.float32))
                                              for a in of_rows))


def compiled_decoder(plain: Decoder, approximate: bool = False) -> CompiledDecoder | None:
    """The compiled form of a model, or None where it has none."""
    parts = plain.model, plain.tokenizer, plain.tape
    ours = type(plain.model).__module__.startswith("ternary.models.")
    try:
        if ours and approximate:
            return CompiledDecoder(*parts, approximate)
        exact = CompiledDecoder(*parts)
    except Unsupported:
        return None
    if not ours and not agree(plain, exact):
        return None
    return CompiledDecoder(*parts, approximate) if approximate else exact


def agree(plain: Decoder, compiled: Decoder, atol: float = 1e-2) -> bool:
    """Whether both give the same logits: what a model computes in NumPy from activations is not traced."""
    tokens = np.arange(1, 4)[None] % plain.model.config.vocab_size
    a, b = (decoder.logits(tokens, decoder.init_state()) for decoder in (plain, compiled))
    return bool(np.abs(a - b).max() < atol * max(1, np.abs(a).max()))
