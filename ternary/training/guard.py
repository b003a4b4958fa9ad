"""The loss guard, which refuses unsound steps, and warnings about weights and evaluations."""
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter

JUMP = 2.0                        # nats above the running mean: no batch of a sane run does that
MEMORY = 0.95                     # of the running mean, per step
SETTLED = 20                      # steps before a jump is recognised
FLAT, WORSE, APART = 4, 3, 0.3    # evaluations, evaluations, nats


class Guard:
    """Checks the loss and gradient norm of every step before its update. mean: of the losses of `seen` steps on one
    text of a curriculum, the one of this index."""

    def __init__(self) -> None:
        self.load({})

    def state(self) -> dict[str, Any]:
        return {"loss_mean": self.mean, "loss_seen": self.seen, "loss_text": self.text}

    def load(self, state: dict[str, Any]) -> None:
        self.mean: float | None = state.get("loss_mean")
        self.seen, self.text = state.get("loss_seen", 0), state.get("loss_text", 0)

    def reads(self, text: int) -> None:
        """The next step is on this text: another one may have a far higher loss."""
        if text != self.text:
            self.mean, self.seen, self.text = None, 0, text

    def trouble(self, nats: float, norm: float) -> str | None:
        """What is wrong with a step of this loss and gradient norm, or None."""
        if not math.isfinite(nats) or not math.isfinite(norm):
            return f"the loss is {nats:.4g}, the gradient norm {norm:.4g}"
        if self.seen >= SETTLED and nats > self.mean + JUMP:
            return f"the loss jumped from {self.mean:.2f} to {nats:.2f}"
        self.mean = nats if self.mean is None else MEMORY * self.mean + (1 - MEMORY) * nats
        self.seen += 1
        return None


def trit_shares(model: Module) -> dict[str, list[float]]:
    """Shares of -1, 0 and +1 in every ternary matrix."""
    shares = {}
    for name, module in model.named_modules():
        if isinstance(module, Linear) and module.quantizer:
            codes, _ = module.codes()
            shares[name] = [round(float((codes == q).mean()), 4) for q in (-1, 0, 1)]
    return shares


def culprit(parameters: dict[str, Parameter]) -> str:
    """The first parameter, in the order of the model, that is not finite or whose gradient is not."""
    for name, p in parameters.items():
        for what, a in (("weights", p.data), ("gradient", p.grad)):
            if not np.isfinite(a).all():
                return f"; first in the {what} of {name}"
    return ""


def warnings(evals: list[dict[str, Any]], train_loss: float | None) -> Iterator[str]:
    """What the evaluations so far, lines of the log, give reason to say. Each warning when it first holds."""
    if not evals:                                 # the log was removed meanwhile
        return
    losses = [e["val_loss"] for e in evals]
    for name, (_, zero, _) in (evals[-1].get("trits") or {}).items():
        if zero == 1 and not any(e["trits"][name][1] == 1 for e in evals[:-1] if e.get("trits")):
            yield f"all ternary weights of {name} are 0: it passes nothing on; try a smaller --lr"
    if len(losses) == FLAT and min(losses[1:]) > 0.995 * losses[0]:
        yield f"the validation loss has stayed at {losses[0]:.3f} for {FLAT} evaluations; try another --lr"
    rising = len(losses) > WORSE and all(a < b for a, b in zip(losses[-WORSE - 1:], losses[-WORSE:]))
    rose = len(losses) > WORSE + 1 and all(a < b for a, b in zip(losses[-WORSE - 2:-1], losses[-WORSE - 1:-1]))
    if rising and not rose and train_loss is not None and losses[-1] - train_loss > APART:
        yield (f"the validation loss has risen {WORSE} times, to {losses[-1]:.3f}, while the training loss is "
               f"{train_loss:.3f}: it learns the text by heart; more text, or a shorter run, helps")
