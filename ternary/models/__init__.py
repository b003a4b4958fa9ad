"""The models. A name in MODELS is trained, evaluated, audited and tested like any other."""
from dataclasses import asdict, dataclass, fields
from typing import Any

from ternary.errors import ModelFileError, UsageError
from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.lm import LM
from ternary.models.nova import Nova, NovaConfig
from ternary.models.thunderbolt import Thunderbolt, ThunderboltConfig


@dataclass(frozen=True)
class Entry:
    """A named model: its class, its config, and the recipe to train it with.

    The learning rate of bolt-small is measured (benchmarks/LOG.md; published with 4e-3, for AdamW); the others are as
    published (docs/models.md).
    """
    model: type[LM]
    config: Any
    seq_len: int
    lr: float


MODELS = {
    "bolt-small": Entry(Bolt, BoltConfig(), seq_len=256, lr=1.6e-2),
    "bolt-large": Entry(Bolt, BoltConfig(dim=384, layers=8, hidden=1024), seq_len=512, lr=3e-3),
    "nova": Entry(Nova, NovaConfig(), seq_len=128, lr=5e-4),
    "thunderbolt": Entry(Thunderbolt, ThunderboltConfig(), seq_len=256, lr=3e-3),
}


def entry(name: str) -> Entry:
    if name not in MODELS:
        raise UsageError(f"[--model] unknown model {name!r}; the models are {', '.join(MODELS)}")
    return MODELS[name]


def to_json(name: str, config: Any) -> dict:
    return {"model": name, **asdict(config)}


def from_json(values: dict) -> tuple[str, LM]:
    """The untrained model of a config.json; a key that is unknown, missing or out of range is an error."""
    values = dict(values)
    name = values.pop("model", None)
    if name not in MODELS:
        raise ModelFileError(f"[config.json] model {name!r} is not known here; the models are {', '.join(MODELS)}")
    kind = type(MODELS[name].config)
    wanted = {f.name for f in fields(kind)}
    for problem, keys in (("unknown", set(values) - wanted), ("missing", wanted - set(values))):
        if keys:
            raise ModelFileError(f"[config.json] {problem} key {min(keys)!r}; {name} wants {', '.join(sorted(wanted))}")
    try:
        return name, MODELS[name].model(kind(**values))
    except UsageError as error:
        raise ModelFileError(f"[config.json] {error}") from None
