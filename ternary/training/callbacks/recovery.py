from typing import TYPE_CHECKING, Any

from ternary.errors import NumericError
from ternary.training.callbacks.base import Callback
from ternary.training.guard import Guard

if TYPE_CHECKING:
    from ternary.training.run import Run

EVENTS = 3                        # unsound steps that end a run


class Recovery(Callback):
    """After an unsound step: back to the last checkpoint, with half the learning rate. The third one ends the run."""

    def __init__(self) -> None:
        self.guard, self.events, self.lr_scale = Guard(), 0, 1.0

    def state(self) -> dict[str, Any]:
        return {"lr_scale": self.lr_scale, "events": self.events, **self.guard.state()}

    def load(self, state: dict[str, Any]) -> None:
        self.lr_scale, self.events = state.get("lr_scale", 1.0), state.get("events", 0)
        self.guard.load(state)

    def start(self, run: "Run") -> None:
        run.trainer.guard, run.lr_scale = self.guard, self.lr_scale

    def unsound(self, run: "Run", error: Exception) -> None:
        events, scale = self.events + 1, self.lr_scale / 2
        if events == EVENTS:
            raise NumericError(f"{error}; it is the third time, so the run ends; checkpoints are sound; start a run "
                               "with a smaller --lr in another --save-dir")
        run.roll_back()
        self.events, self.lr_scale, run.lr_scale = events, scale, scale
        run.event(f"{error}; back to step {run.step:,} with the learning rate times {scale:g}")
