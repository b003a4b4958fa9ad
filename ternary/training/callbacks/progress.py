import math
import time
from typing import TYPE_CHECKING, Any

from ternary.machine.heartbeat import INTERVAL
from ternary.training.callbacks.base import Callback

if TYPE_CHECKING:
    from ternary.training.run import Run

LOG_EVERY = 10                    # steps of one line in log.jsonl


class Progress(Callback):
    """The mean loss and the speed of every ten steps, in log.jsonl and on the screen, there more often if slow."""

    def __init__(self) -> None:
        self.load({})

    def state(self) -> dict[str, Any]:
        return {"loss": self.loss, "nats": self.nats, "counted": self.counted}

    def load(self, state: dict[str, Any]) -> None:
        """loss: of the last line; nats and counted: sum and number of the losses since."""
        self.loss, self.nats, self.counted = state.get("loss"), state.get("nats", 0.0), state.get("counted", 0)

    def start(self, run: "Run") -> None:
        run.loss, self.shown = self.loss, time.monotonic()
        self.mark(run)

    def unsound(self, run: "Run", error: Exception) -> None:
        self.start(run)                               # it is at an earlier step now

    def evaluated(self, run: "Run", result: dict[str, Any]) -> None:
        self.mark(run)                                # its own time does not count

    def step(self, run: "Run", loss: float, grad_norm: float, lr: float) -> None:
        self.nats, self.counted = self.nats + loss, self.counted + 1
        if run.share >= 1 or run.step % LOG_EVERY == 0 or run.step % run.eval_every == 0:
            self.line(run, grad_norm, lr)
        elif time.monotonic() - self.shown >= INTERVAL:
            self.show(run, self.nats / self.counted, self.speed(run))

    def line(self, run: "Run", grad_norm: float, lr: float) -> None:
        speed, before = self.speed(run), self.lap
        self.mark(run)
        steps, seconds, sent, waited = (now - then for now, then in zip(self.lap, before))
        self.loss, self.nats, self.counted = self.nats / self.counted, 0.0, 0
        run.loss = self.loss
        run.log.record("train", run.step, loss=self.loss, lr=lr, grad_norm=grad_norm, tokens_per_second=speed,
                       seconds=run.seconds, bits_per_step=8 * sent / max(1, steps),
                       waiting=waited / max(seconds, 1e-9))
        self.show(run, self.loss, speed)

    def mark(self, run: "Run") -> None:
        """From here on steps, seconds, and what this rank sends and waits count for the next line."""
        self.lap = run.step, time.monotonic(), run.world.sent, run.world.waited

    def speed(self, run: "Run") -> float:
        """Tokens per second since the last line in the log."""
        before, since, *_ = self.lap
        return (run.step - before) * run.tokens_per_step / max(time.monotonic() - since, 1e-9)

    def show(self, run: "Run", loss: float, speed: float) -> None:
        run.log.progress(run.seconds if run.budget.seconds else run.step, loss=loss,
                         bpc=loss / run.chars_per_token / math.log(2), tokens_per_second=speed)
        self.shown = time.monotonic()
