import time
from typing import TYPE_CHECKING

from ternary.training.callbacks.base import Callback

if TYPE_CHECKING:
    from ternary.training.run import Run


class Saving(Callback):
    """A checkpoint every --save-minutes, before each evaluation, and at the end."""

    def start(self, run: "Run") -> None:
        self.saved_at = time.monotonic()

    def step(self, run: "Run", loss: float, grad_norm: float, lr: float) -> None:
        if run.together and time.monotonic() - self.saved_at >= 60 * run.config.save_minutes:
            self.save(run)

    def pause(self, run: "Run") -> None:
        if run.evaluation_is_due:
            self.save(run)

    def finish(self, run: "Run") -> None:
        self.save(run)

    def save(self, run: "Run") -> None:
        if run.saved != run.step:
            run.trainer.release()         # safetensors copies what it writes
            run.try_to_save()
        self.saved_at = time.monotonic()
