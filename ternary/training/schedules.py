"""The learning rate follows the budget that was given: a run of 2 hours is at its minimum after 2 hours."""
import math
from dataclasses import dataclass

from ternary.registry import Registry
from ternary.schema import Config, setting

WARMUP_SHARE = 0.1                # of the budget, at the most


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


def warmed(step: int, progress: float, warmup: int, begun: float = 0.0) -> float:
    """How much of the warm-up is done, 0 to 1: it takes `warmup` steps, or a tenth of the budget if that is less.

    begun: the progress before the first step, as preparation takes time of a budget in hours.
    """
    return min(1.0, max((step + 1) / max(warmup, 1), (progress - begun) / ((1 - begun) * WARMUP_SHARE)))


@dataclass(frozen=True)
class Schedule(Config):
    """The learning rate after the warm-up; the fields of a schedule are what can be set."""

    def __call__(self, progress: float, lr: float, min_lr: float) -> float:
        """At this share of the budget, 0 to 1, of a peak rate lr."""
        raise TypeError(f"[{type(self).__name__}] a schedule defines __call__(progress, lr, min_lr)")


SCHEDULES = Registry("schedule", "--schedule", "ternary.training.schedules", base=Schedule)


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """Half a cosine from lr down to min_lr (Loshchilov and Hutter 2017)."""

    def __call__(self, progress: float, lr: float, min_lr: float) -> float:
        return min_lr + 0.5 * (lr - min_lr) * (1 + math.cos(math.pi * progress))


@SCHEDULES.register("constant")
class Constant(Schedule):
    """Always lr."""

    def __call__(self, progress: float, lr: float, min_lr: float) -> float:
        return lr


@SCHEDULES.register("wsd")
@dataclass(frozen=True)
class WSD(Schedule):
    """Warm-up, stable, decay (Hu et al. 2024): lr, and in the last part of the budget linearly down to min_lr."""
    decay: float = setting(0.2, "share of the budget in which the rate falls", above=0, at_most=1)

    def __call__(self, progress: float, lr: float, min_lr: float) -> float:
        return min_lr + (lr - min_lr) * min(1.0, (1 - progress) / self.decay)


def learning_rate(step: int, progress: float, schedule: Schedule, *, lr: float, min_lr: float, warmup: int,
                  begun: float = 0.0) -> float:
    """A linear warm-up, then what the schedule says."""
    up = warmed(step, progress, warmup, begun)
    return lr * up if up < 1 else schedule(progress, lr, min_lr)
