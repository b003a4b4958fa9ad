"""Constants as C: weights, and what the tokenizer needs."""
from collections.abc import Iterator
from functools import cache

import numpy as np
import regex

from ternary.text.tokenizer import Tokenizer
from ternary.text.unigram import costs_of

TYPES = {"f4": "float", "f8": "double", "i1": "int8_t", "i2": "int16_t", "i4": "int", "u1": "uint8_t", "u2": "uint16_t",
         "u4": "uint32_t"}
SURROGATES = range(0xD800, 0xE000)
IN_A_LINE = 16                    # numbers


def declaration(name: str, a: np.ndarray) -> Iterator[str]:
    """The lines of a constant array (N,) in C."""
    shown = {"f4": "{:.9g}".format, "f8": "{:.17g}".format, "u4": hex}.get(a.dtype.str[1:], str)
    yield f"static const {TYPES[a.dtype.str[1:]]} {name}[{len(a)}] = {{\n"
    for first in range(0, len(a), IN_A_LINE):
        yield ", ".join(map(shown, a[first:first + IN_A_LINE].tolist())) + ",\n"
    yield "};\n"


@cache
def word_edges() -> np.ndarray:
    """Code points at which the characters of words (\\w) begin and end, in turn."""
    characters = "".join(map(chr, (c for c in range(0x110000) if c not in SURROGATES)))
    return np.array([ord(characters[k]) for match in regex.finditer(r"\w+", characters) for k in match.span()],
                    np.uint32)


def tokenizer_tables(tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    """Of pieces: their bytes, where each begins, and their numbers in the order of their bytes; what the rule needs."""
    spelled = [piece.encode() for piece in tokenizer.pieces]
    begins = np.cumsum([0, *map(len, spelled)])
    return {"piece_bytes": np.frombuffer(b"".join(spelled) or b"\0", np.uint8),
            "piece_begin": begins.astype(np.uint16 if begins[-1] < 1 << 16 else np.uint32),
            "piece_order": np.array(sorted(range(len(spelled)), key=spelled.__getitem__) or [0], np.uint16),
            **({"word_edges": word_edges()} if tokenizer.rule == "fewest" else
               {"piece_cost": np.array(costs_of(tokenizer.pieces) or [0], np.int32)})}
