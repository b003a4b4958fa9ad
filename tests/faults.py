"""An objective that makes training go wrong at chosen steps: for tests, and as code from outside of the package."""
import json
import os
import signal
from math import nan

from ternary.objectives import Objective

SPEC = f"{__file__}:Fault"        # for --objective


class Fault(Objective):
    """Its n-th call does what the environment variable FAULT says, such as {"13": "SIGINT"}; the loss stays the same.

    gradient, weight: one of the second block becomes NaN; any other word is a signal that comes during the step.
    """
    name = "fault"

    def __init__(self, weight=1.0):
        super().__init__(weight)
        self.calls = 0

    def __call__(self, batch):
        self.calls += 1
        fault = json.loads(os.environ.get("FAULT", "{}")).get(str(self.calls))
        if fault in ("gradient", "weight"):
            p = batch.model.blocks[1].mixer.up.weight
            (p.grad if fault == "gradient" else p.data)[0, 0] = nan
        elif fault:
            signal.raise_signal(signal.Signals[fault])
        return []
