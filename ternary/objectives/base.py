"""The interface of objectives: functions of a model and a batch that return weighted terms."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.errors import UsageError
from ternary.models.lm import LM
from ternary.nn.module import Parameter
from ternary.registry import Registry
from ternary.schema import Config


@dataclass
class Batch:
    """A micro-batch and the model's forward pass over it, which all objectives share. tokens, targets (B, T)

    scale: the weight of one token, 1 / tokens of the whole step; vocab_sampling: see ops.cross_entropy; keeps_outputs:
    of the blocks, for objectives that use them; nats: the next-token loss, (B, T), once it is known.
    """
    model: LM
    tokens: np.ndarray
    targets: np.ndarray
    scale: float
    vocab_sampling: float = 0.0
    keeps_outputs: bool = False
    nats: np.ndarray | None = None
    _outputs: list[Tensor] = field(default_factory=list)
    _hidden: Tensor | None = None
    _logits: Tensor | None = None

    # no cached_property: before Python 3.12 it has one lock for the batches of all threads
    @property
    def hidden(self) -> Tensor:
        """The input of the head, (B, T, C)."""
        if self._hidden is None:
            kept = {"outputs": self._outputs} if self.keeps_outputs else {}
            self._hidden = self.model.hidden(self.tokens, **kept)
        return self._hidden

    @property
    def outputs(self) -> list[Tensor]:
        """Of every block, (B, T, C), if an objective says that it uses_outputs."""
        return self._outputs if self.hidden else []

    @property
    def logits(self) -> Tensor:
        """(B, T, V), kept: 4 V bytes per token."""
        if self._logits is None:
            self._logits = ops.logits(self.hidden, self.model.head)
        return self._logits


@dataclass
class Term:
    """A part of the loss: per-token values, their sum times `scale` is minimised."""
    name: str
    value: Tensor
    scale: float


class Objective:
    """Something to minimise: called with a batch it returns its weighted terms. Objectives are given to Trainer.

    weight: of all its terms, relative to the next-token loss. name: of its terms, and of its own parameters; by default
    that of the class, in small letters. config_type: what can be set besides, as `--set objective.NAME.FIELD=VALUE`;
    the values are in `self.config`.
    """
    name = "objective"
    config_type: type[Config] = Config
    uses_outputs = False                  # of the blocks, as batch.outputs

    def __init_subclass__(cls) -> None:
        if cls.name == Objective.name:
            cls.name = cls.__name__.lower()

    def __init__(self, weight: float = 1.0, **fields: Any):
        self.weight = weight
        self.config: Any = self.config_type(**fields)

    def setup(self, model: LM, rng: np.random.Generator) -> None:
        """Make what the objective needs for this model; called before `parameters`, once for each model: also for the
        short one, with a vocabulary of 260, on which kernels are compiled."""

    def parameters(self) -> dict[str, Parameter]:
        """Parameters of its own, trained with those of the model but no part of it."""
        return {}

    def inputs(self, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What the model reads instead of tokens (B, T) in training; the targets stay."""
        return tokens

    def __call__(self, batch: Batch) -> list[Term]:
        raise TypeError(f"[{type(self).__name__}] an objective defines __call__(batch)")


def heads_of(model: LM, attribute: str, objective: str) -> Any:
    """What a model has as the heads of an objective; UsageError if it has none."""
    heads = getattr(model, attribute, None)
    if heads is None:
        raise UsageError(f"--objective {objective}: {type(model).__name__} has no {attribute}; leave the objective "
                         "out, or choose a model that has them (ternary models)")
    return heads


# auxiliary ones: next_token is always there
OBJECTIVES: Registry[type[Objective]] = Registry("objective", "--objective", "ternary.objectives", base=Objective)


def trained_parameters(model: LM, objectives: Iterable[Objective] = ()) -> dict[str, Parameter]:
    """All that a step trains: the model's parameters, then those of objectives as "objective.NAME.PARAMETER"."""
    found = model.parameters()
    for objective in objectives:
        own = {f"objective.{objective.name}.{name}": p for name, p in objective.parameters().items()}
        if twice := found.keys() & own.keys():
            raise UsageError(f"[objectives] {objective.name} is given twice, and has a parameter {min(twice)}; give it "
                             "once, or another name")
        found |= own
    return found
