"""The interface of decoders."""
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.machine.threads import kernel_threads
from ternary.models.lm import LM
from ternary.ops.few_rows import FEW_ROWS
from ternary.registry import Registry
from ternary.schema import Config
from ternary.text.tokenizer import Tokenizer

CHUNK = 1024                      # tokens of a prompt that are read together
SHORT = 32                        # tokens: what is no longer is read a few at a time
Told = Callable[[int, int], None]                 # tokens of the prompt that are read, tokens that it has
Draw = Callable[[np.ndarray], int]                # logits (V,) -> a token, by the settings of sampling


class Decoder:
    """The plain decoder, and the base of others: the model's logits, and a draw from them.

    config_type: what can be set, as `--set FIELD=VALUE`; the values are in `self.config`. tape: one that records
    nothing and holds the packed weights.
    """
    config_type: type[Config] = Config

    def __init__(self, model: LM, tokenizer: Tokenizer, tape: Tape, **fields: Any):
        self.model, self.tokenizer, self.tape = model, tokenizer, tape
        self.config: Any = self.config_type(**fields)

    def init_state(self) -> Any:
        """That of a text of which nothing has been read."""
        return self.model.init_state()

    def logits(self, tokens: np.ndarray, state: Any, told: Told | None = None) -> np.ndarray:
        """tokens (1, T), which continue the text of `state` -> logits (V,) of the token after the last one"""
        return read(self.model, self.tape, tokens, state, told)[0]

    def choose(self, logits: np.ndarray, state: Any, draw: Draw) -> int:
        """The next token, given logits (V,) that penalties have changed already."""
        return draw(logits)

    def needs(self, attribute: str, name: str) -> Any:
        """Heads that the model must have; UsageError if it has none."""
        heads = getattr(self.model, attribute, None)
        if heads is None:
            raise UsageError(f"--decoder {name} needs a model with {attribute}, which {type(self.model).__name__} is "
                             "not; leave it out, or choose another model (ternary models)")
        return heads


def read(model: LM, tape: Tape, tokens: np.ndarray, state: list, told: Told | None = None) -> np.ndarray:
    """tokens (B, T), which continue the sequences of `state` -> logits (B, V) of the token after the last one

    A few tokens run on one thread: starting the others takes longer than their share of the work. A short prompt is
    read by the kernels that decode, as others would first have to be compiled. A long one is read in chunks, so that
    memory does not grow with its length.
    """
    batch, length = tokens.shape
    short = batch <= FEW_ROWS and tokens.size <= SHORT
    chunk = FEW_ROWS // batch if short else CHUNK
    with tape, kernel_threads(1 if short else sys.maxsize):
        for first in range(0, length, chunk):
            logits = model.next_logits(tokens[:, first:first + chunk], state)
            if told:
                told(min(first + chunk, length), length)
    return logits


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """(..., V) -> log-probabilities"""
    x = logits - logits.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


DECODERS: Registry[type[Decoder]] = Registry("decoder", "--decoder", "ternary.inference.decoders", base=Decoder)
