"""The audit of a model: every check of its contract, and what they found."""
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import nan

from ternary.errors import line_of_user
from ternary.machine.heartbeat import say
from ternary.models.lm import LM
from ternary.training.contract import (
    CHANCE,
    Found,
    causal,
    gradients,
    leak,
    leak_probe,
    saves_and_loads,
    sequences_independent,
    shaken,
    single_shift,
    step_equals_parallel,
    twin,
)


@dataclass
class Report:
    """What `audit` found: a bool for each check, and in `detail` a sentence for each that failed.

    leak_probe_nats: the loss that a twin reached on random tokens; nobody can do better than chance_nats.
    """
    model: str
    causal: bool = False
    sequences_independent: bool = False
    step_equals_parallel: bool = False
    saves_and_loads: bool = False
    gradients: bool = False
    single_shift: bool = False
    leak_free: bool = False
    leak_probe_nats: float = nan
    chance_nats: float = CHANCE
    detail: dict[str, str] = field(default_factory=dict)

    @property
    def checks(self) -> dict[str, bool]:
        return {name: value for name, value in vars(self).items() if isinstance(value, bool)}

    @property
    def passed(self) -> bool:
        return all(self.checks.values())

    def to_json(self) -> dict:
        return {**asdict(self), "passed": self.passed}

    def __str__(self) -> str:
        lines = [f"{name:<22} {'passed' if ok else 'FAILED: ' + self.detail[name]}" for name, ok in self.checks.items()]
        loss = f"{self.leak_probe_nats:.3f} nats on random tokens, chance is {self.chance_nats:.3f}"
        return "\n".join([f"{self.model}: {'passed' if self.passed else 'FAILED'} ({loss})", *lines])


def audit(model: LM, name: str | None = None) -> Report:
    """Run every check on a copy of `model` or on a twin, with progress on stderr. name: by default, that of the class.

    A check in which the model raises an exception has failed.
    """
    report, subject = Report(name or type(model).__name__), shaken(model)

    def leak_free(model: LM) -> Found:
        report.leak_probe_nats = leak_probe(model)
        return leak(report.leak_probe_nats)

    for checks, make in (([causal, sequences_independent, step_equals_parallel, saves_and_loads], lambda: subject),
                         ([gradients, single_shift, leak_free], lambda: twin(model))):
        for check in checks:
            say(f"auditing {report.model}: {check.__name__.replace('_', ' ')}")
            found = run(check, make)
            setattr(report, check.__name__, found is None)
            if found:
                report.detail[check.__name__] = found
    return report


def run(check: Callable[[LM], Found], make: Callable[[], LM]) -> Found:
    """What the check finds in the model that `make` gives; an exception is a finding too."""
    try:
        return check(make())
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({line_of_user(error) or f'{at.filename}, line {at.lineno}'})"
