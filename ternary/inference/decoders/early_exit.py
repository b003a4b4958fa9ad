import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ternary import ops
from ternary.inference.decoders.base import CHUNK, DECODERS, Decoder, Told, log_softmax
from ternary.schema import Config, setting


@dataclass(frozen=True)
class EarlyExitConfig(Config):
    confidence: float = setting(0.55, "1 - entropy / ln V from which on the first exit is taken", at_least=0, at_most=1)
    falling: float = setting(0.2, "by how much less every further exit needs", at_least=0, at_most=1)


@DECODERS.register("early_exit")
class EarlyExit(Decoder):
    """Takes the logits of an exit within the stack where they are sure enough (Schuster et al. 2022).

    The blocks above have to see the token too, for later ones: it waits, and they read it with the next token that
    gets as far, in one chunk. So their state is exact, and tokens that wait together cost less.
    """
    config_type = EarlyExitConfig

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        self.exits = self.needs("exits", "early_exit")
        ends = [exit.layer for exit in self.exits] + [len(self.model.stack)]
        self.spans = list(zip([0, *ends], ends))          # of blocks, up to each exit and to the end

    def init_state(self) -> "ExitState":
        return ExitState(self.model.init_state(), [[] for _ in self.spans])

    def logits(self, tokens: np.ndarray, state: "ExitState", told: Told | None = None) -> np.ndarray:
        length = tokens.shape[1]
        for first in range(0, length, CHUNK):             # only the last chunk of a long prompt may exit
            last = first + CHUNK >= length
            logits = self.read(tokens[:, first:first + CHUNK], state, last)
            if told:
                told(min(first + CHUNK, length), length)
        return logits

    def read(self, tokens: np.ndarray, state: "ExitState", may_exit: bool) -> np.ndarray:
        with self.tape:
            x = ops.as_array(self.model.embedded(tokens))
            for k, (first, last) in enumerate(self.spans):
                h = ops.as_tensor(np.concatenate([*state.waiting[k], x], 1), accum=True)
                state.waiting[k].clear()
                for block, of_block in zip(self.model.stack[first:last], state.model_state[first:last]):
                    h = block(h, of_block)
                x, end = ops.as_array(h).copy(), ops.drop_time(h, h.shape[1] - 1)
                if last == len(self.model.stack):
                    logits = ops.as_array(ops.logits(self.model.norm(end), self.model.head))[0, 0]
                    break
                exit = self.exits[k]
                logits = ops.as_array(ops.logits(exit.norm(end), exit.table.rows))[0, 0]
                if may_exit and confidence(logits) >= self.config.confidence - k * self.config.falling:
                    state.waiting[k + 1].append(x)
                    break
        return logits


@dataclass
class ExitState:
    """waiting: for each span of blocks, the inputs (1, T, C) that it has not read."""
    model_state: list
    waiting: list[list[np.ndarray]] = field(default_factory=list)


def confidence(logits: np.ndarray) -> float:
    """1 - entropy / ln V, 0 to 1."""
    log_p = log_softmax(logits.astype(np.float64))
    return 1 + float((np.exp(log_p) * log_p).sum()) / math.log(len(logits))
