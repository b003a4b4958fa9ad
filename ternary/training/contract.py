"""The contract of a language model: checks of a model, each of which returns None or what is wrong and where.

Checks that compare results run on the model that was given; checks that train, and that of gradients, change the model
they get, and run on a small twin of it.
"""
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ternary import ops
from ternary.autograd.check import disagreement
from ternary.autograd.tape import Tape
from ternary.checkpoint import format as checkpoint
from ternary.compiler.layout import unpadded
from ternary.config import TrainConfig
from ternary.models.lm import LM
from ternary.models.twin import short_twin
from ternary.nn.module import Module
from ternary.rng import generator
from ternary.training.optimizers.adamw import AdamW
from ternary.training.plan import new_objectives
from ternary.training.step import Trainer

VOCAB = 16                                   # of a twin
CHANCE = log(VOCAB)                          # nats of the best guess at a random token
LR = 3e-3                                    # with which twins are trained
CYCLE = [5, 9, 4, 12, 7, 15, 6]
CHUNKS = [1] * 40, [7, 1, 1, 31], [33, 7], [20, 20]
ROUNDING = 1e-4                              # of the largest logit: what another order of sums may change in fp32

Found = str | None


def shaken(model: LM) -> LM:
    """A copy with larger weights and noise on all: weights that start at zero would hide what they do."""
    model, rng = deepcopy(model), generator(0, "audit")
    for p in model.parameters().values():
        p.values[...] = 2 * p.values + 0.1 * rng.standard_normal(p.shape)
    return model


def twin(model: LM) -> LM:
    """A new model of the same class and config, but for a small vocabulary and as few layers as show every block."""
    return short_twin(model, 1, vocab_size=VOCAB)


def logits(model: LM, tokens: np.ndarray, precision: str = "fp32", state: list | None = None) -> np.ndarray:
    """tokens (B, T) -> (B, T, V), without gradients"""
    with Tape(precision, record=False):
        return ops.as_array(model(tokens, state))


def random_tokens(model: LM, *shape: int) -> np.ndarray:
    return generator(0, "audit").integers(0, model.config.vocab_size, shape).astype(np.int32)


def replaced(model: LM, tokens: np.ndarray, at: int) -> np.ndarray:
    """A copy of tokens (B, T) with another token at position `at`."""
    tokens = tokens.copy()
    tokens[:, at] = (tokens[:, at] + 1) % model.config.vocab_size
    return tokens


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference relative to the largest b; infinite if something is not a number."""
    d = float(abs(a - b).max() / abs(b).max())
    return d if d == d else float("inf")


def causal(model: LM) -> Found:
    """A token that is replaced changes nothing before it, bit for bit: not by rounding, not by shared scales."""
    for precision in ("fp32", "int8"):
        for length in (1, 2, 9, 70):
            tokens = random_tokens(model, 2, length)
            before = logits(model, tokens, precision)
            for at in sorted({0, length // 2, length - 1}):
                after = logits(model, replaced(model, tokens, at), precision)
                changed = (before[:, :at] != after[:, :at]).any(axis=(0, 2))
                if changed.any():
                    where = leaking_block(model, tokens, at, precision)
                    return (f"position {changed.argmax()} changed when token {at} was replaced "
                            f"({length} tokens, {precision}{where})")
    return None


def leaking_block(model: LM, tokens: np.ndarray, at: int, precision: str) -> str:
    """", first in blocks.3: Block of RMSNorm, Attention, GLU", the block before whose output nothing has changed; "" if
    it cannot be told."""
    outputs: list[list[np.ndarray]] = []
    with suppress(TypeError):                 # a model that has a `hidden` of its own
        for x in (tokens, replaced(model, tokens, at)):
            found: list = []
            with Tape(precision, record=False):
                model.hidden(x, None, found)
                outputs.append([ops.as_array(y)[:, :at].copy() for y in found])
        for k, (before, after) in enumerate(zip(*outputs)):
            if (before != after).any():
                block = model.stack[k]
                parts = [type(child).__name__ for _, child in block.children() if isinstance(child, Module)]
                return f", first in blocks.{model.blocks.index(block)}: {type(block).__name__} of {', '.join(parts)}"
    return ""


def sequences_independent(model: LM) -> Found:
    """A sequence has the same logits alone as in a batch, but for rounding."""
    tokens = random_tokens(model, 3, 20)
    together = logits(model, tokens)
    for row in range(len(tokens)):
        d = distance(together[row], logits(model, tokens[row:row + 1])[0])
        if d > ROUNDING:
            return f"sequence {row} of a batch of {len(tokens)} has other logits than alone, by {d:.2g} of the largest"
    return None


def step_equals_parallel(model: LM) -> Found:
    """Sequences read in chunks, down to single tokens, with the state carried over, have the logits of the whole."""
    tokens = random_tokens(model, 3, 40)
    whole = logits(model, tokens)
    for chunks in CHUNKS:
        state, first = model.init_state(len(tokens)), 0
        for size in chunks:
            part = slice(first, first + size)
            d = distance(logits(model, tokens[:, part], state=state), whole[:, part])
            if d > ROUNDING:
                return (f"the chunk of {size} from position {first} on has other logits than in the whole sequence, by "
                        f"{d:.2g} of the largest")
            first += size
    return None


def saves_and_loads(model: LM) -> Found:
    """The config and the weights, written as a checkpoint and read again, make the same model."""
    weights = {key: p.values for key, p in model.parameters().items()}
    with TemporaryDirectory() as folder:
        saved = checkpoint.save(Path(folder), 0, weights=weights, optimizer={}, config=asdict(model.config),
                                tokenizer="{}", state={})
        loaded = checkpoint.load(saved)
    config = type(model.config)(**loaded.config)
    if config != model.config:
        return f"the config was {model.config}, and is {config} after saving and loading"
    again = type(model)(config)
    shapes = {key: p.shape for key, p in again.parameters().items()}
    if shapes != {key: a.shape for key, a in weights.items()}:
        return "a model made from the saved config has other parameters, or parameters of other shapes"
    for key, p in again.parameters().items():
        p.values[...] = loaded.weights[key]
    tokens = random_tokens(model, 2, 40)
    if (d := distance(logits(again, tokens), logits(model, tokens))) > 0:
        return (f"logits differ by {d:.2g} of the largest after saving and loading: "
                "something counts that is neither in the config nor a parameter")
    return None


def gradients(model: LM, eps: float = 1e-6, tolerance: float = 1e-4, directions: int = 3) -> Found:
    """Each parameter is trained, and its gradient is the derivative of the loss: finite differences in float64 by the
    references. Heads of the model's own are trained by its own objectives, whose gradients are checked elsewhere.

    Along one random direction is enough, and tried up to `directions` times: a step may cross a kink (of a ReLU), while
    a wrong gradient is wrong along each. Ternary weights count as floats here: a straight-through estimator is no
    derivative.
    """
    model, rng = shaken(model), generator(0, "directions")
    for module in model.modules():
        if getattr(module, "quantizer", None):
            module.quantizer = None
    for p in model.parameters().values():
        p.data, p.grad = p.data.astype(np.float64), np.zeros(p.data.shape)
    x, y = random_tokens(model, 2, 2, 9)
    objectives = tuple(new_objectives(TrainConfig(objective=model.objective), model))
    Trainer(model, None, "fp64", objectives=objectives).gradients(x, y)
    for name, p in model.parameters().items():
        if not p.grad.any():
            return f"{name} has no gradient"
        p.grad[:] = 0
    Trainer(model, None, "fp64").gradients(x, y)

    def loss(p, values):
        p.values[...] = values
        with Tape("fp64", record=False):
            return model.nll(x, y).mean()

    for name, p in model.parameters().items():
        start, gradient = p.values.copy(), unpadded(p.grad, p.shape)
        if not gradient.any():
            continue                          # of a head
        for _ in range(directions):
            v = rng.standard_normal(p.shape)
            numeric = (loss(p, start + eps * v) - loss(p, start - eps * v)) / (2 * eps)
            p.values[...] = start
            if disagreement(gradient, v, numeric, floor=tolerance) <= tolerance:
                break
        else:
            return (f"{name}: backward gives {(gradient * v).sum():.6g} along a random direction, "
                    f"finite differences {numeric:.6g}")
    return None


def single_shift(model: LM) -> Found:
    """Position t predicts token t + 1 from token t on, in training and generation. Trains the model.

    A cycle is learned and generated: with a second shift, every other token of it would come. And the logits at a
    position depend on its token: a model that is one token late could learn the cycle too.
    """
    stream = np.array(CYCLE * 40, np.int32)
    windows = np.stack([stream[k:k + 33] for k in range(0, 8 * 7, 7)])
    x, y = np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])
    losses = train(model, lambda k: (x, y), 300, enough=0.03)
    if not losses[-1] < 0.05:
        return f"after {len(losses)} steps on a cycle of {len(CYCLE)} tokens the loss is {losses[-1]:.3f} nats, not 0"
    told, state, read = CYCLE[:3], model.init_state(), [CYCLE[:3]]
    for _ in range(14):
        with Tape("fp32", record=False):
            told = [*told, int(model.next_logits(np.array(read), state)[0].argmax())]
        read = [told[-1:]]
    wanted = (CYCLE * 3)[:len(told)]
    if told != wanted:
        return f"trained on the cycle {wanted}, the model generates {told} from the first 3 tokens"
    tokens = np.array([CYCLE], np.int32)
    for at in range(len(CYCLE)):
        if np.array_equal(logits(model, tokens)[:, at], logits(model, replaced(model, tokens, at))[:, at]):
            return f"the logits at position {at} did not change when token {at} was replaced"
    return None


def leak_probe(model: LM, steps: int = 1000) -> float:
    """Train the model on fresh random tokens -> mean nats of the last 50 steps; below chance, it sees its targets."""
    return float(np.mean(train(model, random_pairs, steps)[-50:]))


def random_pairs(step: int) -> tuple[np.ndarray, np.ndarray]:
    """-> tokens, targets (B, T)"""
    stream = generator(0, "probe", step).integers(0, VOCAB, (16, 17)).astype(np.int32)
    return stream[:, :-1].copy(), stream[:, 1:].copy()


def leak(nats: float) -> Found:
    """What a result of `leak_probe` says."""
    if nats >= CHANCE - 0.01:
        return None
    return f"on random tokens the loss fell to {nats:.3f} nats, below chance ({CHANCE:.3f}): the model sees its targets"


def train(model: LM, batch: Callable[[int], tuple], steps: int, enough: float = 0.0) -> list[float]:
    """-> the losses of up to `steps` steps on batch(step), the last of them at most `enough`"""
    trainer, losses = Trainer(model, AdamW(model.parameters(), weight_decay=0), "fp32"), []
    for k in range(steps):
        losses.append(trainer.step(*batch(k), LR)[0])
        if losses[-1] < enough:
            break
    return losses
