"""The settings of a run: plain values, saved in every checkpoint."""
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ternary.errors import ModelFileError, UsageError


@dataclass(frozen=True)
class TrainConfig:
    """None: chosen when the run starts (by the model, by the machine; val_data: a split of data)."""
    model: str | None = "bolt-small"
    data: str = "tinystories"
    val_data: str | None = None
    field: str | None = None
    vocab_size: int | None = None
    quantizer: str | None = None
    inner_norm: bool | None = None
    hours: float | None = None
    tokens: int | None = None
    steps: int | None = None
    epochs: float | None = None
    optimizer: str = "muon"
    batch_size: int = 16
    seq_len: int | None = None
    lr: float | None = None
    min_lr: float = 1e-5
    schedule: str = "cosine"
    warmup: int = 200
    weight_decay: float = 0.3
    grad_clip: float = 1.0
    precision: str = "auto"
    vocab_sampling: float = 0.03
    threads: int | None = None
    seed: int = 42
    eval_every: int | None = None
    eval_stories: int = 500
    patience: int | None = None
    target_bpc: float | None = None
    save_minutes: float = 10.0
    keep: int = 3
    log: str | None = None
    save_dir: str = "checkpoints"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "TrainConfig":
        known = {f.name: f.type for f in fields(cls)}
        if isinstance(values, dict) and "head_noise" in values:               # its name in version 0.1
            values = {**values, "vocab_sampling": values["head_noise"]}
            del values["head_noise"]
        odd = set(values) ^ set(known) if isinstance(values, dict) else {"settings"}
        odd = odd or {name for name, kind in known.items() if not fits(values[name], kind)}
        if odd:
            raise ModelFileError(f"[state.json] settings of the run do not fit this version at {min(odd)!r}; "
                                 "resume with the version that wrote them, or start afresh")
        return cls(**values)

    def resumed(self, given: dict[str, Any]) -> "TrainConfig":
        """These settings with those of `given` that a resumed run may change: when it ends and saves, its threads."""
        given = {key: value for key, value in given.items() if (key, value) != ("precision", "auto")}
        for key, value in given.items():
            if key not in CHANGEABLE and value != getattr(self, key):
                raise UsageError(f"{FLAGS.get(key, '--' + key.replace('_', '-'))} is {value}, but this run was started "
                                 f"with {getattr(self, key)}; leave it out, or start a new run in another --save-dir")
        budget = dict.fromkeys(BUDGET) if set(given) & set(BUDGET) else {}
        return replace(self, **{**budget, **given})


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type such as `float | None`; a whole number is a float too."""
    return isinstance(value, kind) or (type(value) is int and isinstance(float(value), kind))


BUDGET = ("hours", "tokens", "steps", "epochs")
CHANGEABLE = (*BUDGET, "patience", "target_bpc", "threads", "save_minutes", "keep", "log")     # by a resumed run
FLAGS = {"batch_size": "--batch", "vocab_size": "--vocab"}
