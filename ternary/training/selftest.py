"""Are the kernels right on this machine? One step of a small model by kernels and, in float64, by their references."""
import inspect
import sys
from contextlib import suppress
from hashlib import sha256

import numpy as np

from ternary.compiler.isa import ISA
from ternary.compiler.jit import FOLDER
from ternary.config import TrainConfig
from ternary.errors import ResourceError
from ternary.machine.heartbeat import heartbeat
from ternary.models import LM
from ternary.models.twin import short_twin
from ternary.rng import generator
from ternary.text.tokenizer import FIRST_PIECE
from ternary.training.step import Trainer

# of a gradient, relative; a wrong lane, stride or sign makes errors near 1
LIMITS = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.3}
FEW = 16                          # numbers of a parameter: one is a sum over all tokens, whose parts may cancel out
TOKENS = 2, 70                    # more than a block of 32 rows, and no multiple of it


def small_model(model: LM) -> LM:
    """A short twin, with weights of a size that keeps it away from flat places."""
    model, rng = short_twin(model, seed=1, vocab_size=FIRST_PIECE), generator(1, "selftest weights")
    for name, p in model.parameters().items():
        if p.data.ndim == 2 and name != "embed.weight":
            if not p.data.any():                  # a map that starts with zeros
                p.values[...] = rng.standard_normal(p.shape)
            p.data *= np.float32(0.1 / p.data.std())
    model.embed.weight.data *= 4
    return model


def gradients(model: LM, precision: str) -> tuple[float, dict[str, np.ndarray]]:
    """-> loss, gradients by name, for fixed random tokens"""
    x, y = generator(1, "selftest").integers(4, FIRST_PIECE, (2, *TOKENS)).astype(np.int32)
    loss = Trainer(model, None, precision).gradients(x, y)
    return loss, {name: p.grad for name, p in model.parameters().items()}


def self_test(model: LM, config: TrainConfig) -> tuple[str, float]:
    """-> the parameter whose gradient is farthest from the references', and how far, relative"""
    model, reference = small_model(model), small_model(model)
    for p in reference.parameters().values():
        p.data, p.grad = p.data.astype(np.float64), p.grad.astype(np.float64)
    loss, found = gradients(model, config.precision)
    true_loss, wanted = gradients(reference, "fp64")
    sizes = {name: p.values.size for name, p in model.parameters().items()}
    errors = {name: float(np.linalg.norm(found[name] - g) / (np.linalg.norm(g) or 1)) for name, g in wanted.items()}
    errors = {name: e for name, e in errors.items() if sizes[name] >= FEW or not np.isfinite(e)}
    errors["loss"] = abs(loss - true_loss) / true_loss
    return max(((name, e if np.isfinite(e) else np.inf) for name, e in errors.items()), key=lambda found: found[1])


def check_kernels(model: LM, config: TrainConfig) -> None:
    """Once for each state of the cache and of the model's file. ResourceError if kernels and references disagree:
    better none than garbage."""
    source = ""
    with suppress(OSError, TypeError):            # a class of a notebook
        source = inspect.getsource(sys.modules[type(model).__module__])
    settings = (config.model, config.precision, model.config, source)
    mark = FOLDER and FOLDER / f"{sha256(repr(settings).encode()).hexdigest()[:12]}.checked"
    if mark and mark.exists():
        return
    with heartbeat("comparing the kernels with their references"):
        name, error = self_test(model, config)
    if error > LIMITS[config.precision]:
        raise ResourceError(f"the kernels are wrong on this CPU: {config.model} in {config.precision} by {ISA}, {name} "
                            f"is off by {error:.2g}; try TERNARY_ISA=generic or --precision fp32; see ternary doctor")
    if mark:
        with suppress(OSError):                   # a full disk: the next run tests again
            mark.touch()
