"""The learning rate follows the budget that was given: a run of 2 hours is at its minimum after 2 hours."""
import math
from dataclasses import dataclass

SCHEDULES = ("cosine", "constant", "wsd")
WARMUP_SHARE = 0.1                # of the budget, at the most
DECAY_SHARE = 0.2                 # of the budget: the last part of wsd


@dataclass(frozen=True)
class Budget:
    """What a run may use, at least one of: seconds, steps. The first to run out ends it."""
    seconds: float | None = None
    steps: int | None = None

    def progress(self, step: int, seconds: float, reserve: float = 0.0) -> float:
        """The share used, 0 to 1, after `step` steps and `seconds`.

        `reserve` seconds are kept for the end, but never more than half of all.
        """
        shares = [step / self.steps] if self.steps else []
        if self.seconds:
            shares.append(seconds / max(self.seconds - reserve, self.seconds / 2))
        return min(1.0, max(shares))


def warmed(step: int, progress: float, warmup: int) -> float:
    """How much of the warm-up is done, 0 to 1: it takes `warmup` steps, or a tenth of the budget if that is less."""
    return min(1.0, max((step + 1) / max(warmup, 1), progress / WARMUP_SHARE))


def learning_rate(step: int, progress: float, *, lr: float, min_lr: float, warmup: int, schedule: str) -> float:
    """Linear warm-up, then a cosine to min_lr, or lr, or wsd: lr, and in the last fifth of the budget down to min_lr.

    wsd (warm-up, stable, decay: Hu et al. 2024) decays linearly.
    """
    up = warmed(step, progress, warmup)
    if up < 1:
        return lr * up
    if schedule == "constant":
        return lr
    if schedule == "wsd":
        return min_lr + (lr - min_lr) * min(1.0, (1 - progress) / DECAY_SHARE)
    return min_lr + 0.5 * (lr - min_lr) * (1 + math.cos(math.pi * progress))
