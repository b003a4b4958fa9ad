"""Generation: one token at a time, through the state of the model."""
import sys
from collections.abc import Callable, Iterator

import numpy as np

from ternary.autograd.tape import Tape
from ternary.inference.sampling import Sampling
from ternary.kernels.sample import sample
from ternary.machine.threads import kernel_threads
from ternary.models.lm import LM
from ternary.ops.few_rows import FEW_ROWS
from ternary.rng import generator
from ternary.text.tokenizer import StreamDecoder, Tokenizer

CHUNK = 1024                      # tokens of a prompt that are read together
Told = Callable[[int, int], None]                 # tokens of the prompt that are read, tokens that it has


def read(model: LM, tape: Tape, tokens: np.ndarray, state: list, told: Told | None = None) -> np.ndarray:
    """tokens (B, T), which continue the sequences of `state` -> logits (B, V) of the token after the last one

    A few tokens run on one thread: starting the others takes longer than their share of the work. Many are read in
    chunks, so that memory does not grow with their number.
    """
    length = tokens.shape[1]
    with tape, kernel_threads(1 if tokens.size <= FEW_ROWS else sys.maxsize):
        for first in range(0, length, CHUNK):
            logits = model.next_logits(tokens[:, first:first + CHUNK], state)
            if told:
                told(min(first + CHUNK, length), length)
    return logits


class Engine:
    """A model ready to generate, with no limit to the context; where it attends, work and memory grow with the past."""

    def __init__(self, model: LM, tokenizer: Tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.tape = Tape("fp32", record=False)        # holds the packed weights
        ids = range(tokenizer.vocab_size)     # those that spell nothing are never drawn, but for the end of a story
        self.silent = np.array([i for i in ids if not tokenizer.token_bytes(i) and i != tokenizer.EOS])

    def tokens(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None) -> Iterator[int]:
        """Token ids after `prompt` until EOS or `max_tokens`; the same seed gives the same tokens.

        told: hears how much of the prompt is read.
        """
        sampling, rng = sampling or Sampling(), generator(seed, "sample")
        ids = [self.tokenizer.EOS, *self.tokenizer.encode(prompt)]           # EOS: a story begins
        state, seen = self.model.init_state(), np.zeros(self.model.config.vocab_size, bool)
        seen[ids[1:]] = True
        drawn = np.zeros(1, np.int64)
        for _ in range(max_tokens):
            logits, told = read(self.model, self.tape, np.array([ids]), state, told)[0], None
            if sampling.repetition_penalty != 1:
                penalty = np.float32(sampling.repetition_penalty)
                logits = np.where(seen, np.where(logits > 0, logits / penalty, logits * penalty), logits)
            logits[self.silent] = -np.inf
            sample(logits, float(sampling.temperature), int(sampling.top_k), float(sampling.top_p),
                   float(sampling.min_p), rng.random(), drawn)
            token = int(drawn[0])
            if token == self.tokenizer.EOS:
                return
            seen[token], ids = True, [token]
            yield token

    def stream(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None) -> Iterator[str]:
        """The continuation as text, piece by piece; a piece may be "" while a character is incomplete."""
        decoder = StreamDecoder(self.tokenizer)
        for token in self.tokens(prompt, max_tokens, sampling, seed, told):
            yield decoder.feed(token)
        yield decoder.finish()

    def generate(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
                 seed: int = 0) -> str:
        return "".join(self.stream(prompt, max_tokens, sampling, seed))
