import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ternary.errors import UsageError

if TYPE_CHECKING:
    from ternary.training.run import Run


class Callback:
    """Code that runs around the steps of training. A subclass defines the methods that it needs.

    `ternary.train(..., callbacks=[Mine()])` adds some. `run` holds the config, the model, the trainer, the log and how
    far the run is; `run.stop(reason)` ends it after this step.
    """

    def start(self, run: "Run") -> None:
        """Before the first step, of a resumed run too."""

    def step(self, run: "Run", loss: float, grad_norm: float, lr: float) -> None:
        """After each step; loss in nats per token. Not interrupted by Ctrl-C, so it has to be short."""

    def unsound(self, run: "Run", error: Exception) -> None:
        """A step had a loss or gradient that is not finite, or jumped; no update was made."""

    def pause(self, run: "Run") -> None:
        """Between two steps, and before the first. Ctrl-C may interrupt it."""

    def evaluated(self, run: "Run", result: dict[str, Any]) -> None:
        """After each evaluation; result: that of `ternary eval`."""

    def finish(self, run: "Run") -> None:
        """After the last step."""

    def close(self, run: "Run") -> None:
        """At the very end, when everything is saved, evaluated and logged."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback: finite numbers and texts by names of their own."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Back to the state of a checkpoint, or, if it is empty, to the beginning."""


def plain_state(callback: Callback) -> dict[str, Any]:
    """The state of a callback, numbers of NumPy as those of Python; UsageError if JSON cannot hold it."""
    def number(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"a {type(value).__name__}")
    try:
        return json.loads(json.dumps(callback.state(), default=number, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UsageError(f"a checkpoint cannot hold the state of the callback {type(callback).__name__} ({error}); use "
                         "finite numbers, texts, lists and None") from None


def states(callbacks: list[Callback], taken: Iterable[str], warn: Callable[[str], None]) -> dict[str, Any]:
    """Of all callbacks, for a checkpoint that has the names `taken`; it is made without a state that it cannot hold."""
    found: dict[str, Any] = {}
    for callback in callbacks:
        try:
            own = plain_state(callback)
            if twice := own.keys() & {*taken, *found}:
                raise UsageError(f"the state of the callback {type(callback).__name__} has {min(twice)!r}, a name that "
                                 "is taken; use another")
            found |= own
        except UsageError as error:
            warn(f"warning: {error}; this checkpoint is without it")
    return found
