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
        run.loss, self.lap, self.sent = self.loss, (run.step, time.monotonic()), (run.step, run.world.sent)
        self.shown = self.lap[1]

    def unsound(self, run: "Run", error: Exception) -> None:
        self.start(run)                               # it is at an earlier step now

    def evaluated(self, run: "Run", result: dict[str, Any]) -> None:
        self.lap, self.sent = (run.step, time.monotonic()), (run.step, run.world.sent)     # its own do not count

    def step(self, run: "Run", loss: float, grad_norm: float, lr: float) -> None:
        self.nats, self.counted = self.nats + loss, self.counted + 1
        if run.share >= 1 or run.step % LOG_EVERY == 0 or run.step % run.eval_every == 0:
            self.line(run, grad_norm, lr)
        elif time.monotonic() - self.shown >= INTERVAL:
            self.show(run, self.nats / self.counted, self.speed(run))

    def line(self, run: "Run", grad_norm: float, lr: float) -> None:
        speed, self.lap = self.speed(run), (run.step, time.monotonic())
        self.loss, self.nats, self.counted = self.nats / self.counted, 0.0, 0
        run.loss = self.loss
        run.log.record("train", run.step, loss=self.loss, lr=lr, grad_norm=grad_norm, tokens_per_second=speed,
                       seconds=run.seconds, bits_per_step=self.bits_per_step(run))
        self.show(run, self.loss, speed)

    def bits_per_step(self, run: "Run") -> float:
        """What this rank has sent since the last line, evaluations and checkpoints aside."""
        (before, sent), self.sent = self.sent, (run.step, run.world.sent)
        return 8 * (run.world.sent - sent) / max(1, run.step - before)

    def speed(self, run: "Run") -> float:
        """Tokens per second since the last line in the log."""
        before, since = self.lap
        return (run.step - before) * run.tokens_per_step / max(time.monotonic() - since, 1e-9)

    def show(self, run: "Run", loss: float, speed: float) -> None:
        run.log.progress(run.seconds if run.budget.seconds else run.step, loss=loss,
                         bpc=loss / run.chars_per_token / math.log(2), tokens_per_second=speed)
        self.shown = time.monotonic()
