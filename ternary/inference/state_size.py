"""How much a model remembers of a text, in bytes."""
from typing import Any

import numpy as np

from ternary.autograd.tape import Tape
from ternary.compiler.backend import Trace, use_backend
from ternary.models.lm import LM
from ternary.nn.state import History, Window


def state_size(model: LM) -> tuple[int, int]:
    """-> bytes of the state of one text in fp32, and the bytes by which it grows with each token"""
    state = model.init_state()
    with Tape("fp32", record=False), use_backend(Trace()), np.errstate(all="ignore"):     # shapes are all that counts
        model.hidden(np.zeros((1, 2), np.int32), state)
    found = [size_of(part) for part in state]
    return sum(fixed for fixed, _ in found), sum(growth for _, growth in found)


def size_of(state: Any) -> tuple[int, int]:
    if isinstance(state, np.ndarray):
        return state.nbytes, 0
    if isinstance(state, Window | History):
        if state.buffer is None or not state.buffer.size:
            return 0, 0
        step = state.buffer[0, 0].nbytes
        return (step * state.size, 0) if state.size is not None else (0, step)
    if isinstance(state, dict):
        state = list(state.values())
    parts = [size_of(part) for part in state] if isinstance(state, list | tuple) else []
    return sum(fixed for fixed, _ in parts), sum(growth for _, growth in parts)
