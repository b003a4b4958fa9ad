"""All randomness: a generator is a pure function of (seed, stream, keys), so nothing has to be saved to resume."""

import zlib

import numpy as np


def generator(seed: int, stream: str, *keys: int) -> np.random.Generator:
    """The generator of `stream` ("init", "loader", "sample", ...) at position `keys` (epoch, step, rank, ...)."""
    entropy = [seed, zlib.crc32(stream.encode()), *keys]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
