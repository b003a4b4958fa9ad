"""The models. One that registers itself in a file here is trained, evaluated, audited and tested like any other."""
from dataclasses import asdict, fields
from typing import Any

from ternary.errors import ModelFileError, UsageError
from ternary.models.lm import LM, MODELS, LMConfig

__all__ = ["LM", "MODELS", "LMConfig", "from_json", "to_json"]


def to_json(name: str, config: Any) -> dict[str, Any]:
    return {"model": name, **asdict(config)}


def from_json(values: dict[str, Any], model: str | None = None) -> tuple[str, LM]:
    """The name and the untrained model of a config.json.

    model: what stands for the name, if that is code outside of ternary, which no file may choose to run. A key that is
    unknown, missing or out of range is an error.
    """
    values = dict(values)
    name = values.pop("model", None)
    if model is None and isinstance(name, str) and ":" in name:
        raise ModelFileError(f"the model is code outside of ternary, {name}; if you trust it, add --model {name}")
    if model is None and name not in MODELS.names():
        raise ModelFileError(f"[config.json] model {name!r} is not known here; the models are "
                             f"{', '.join(MODELS.names())}")
    chosen = model or name
    model_type = MODELS.get(chosen)
    known = {f.name for f in fields(model_type.config_type)}
    for problem, keys in (("unknown", set(values) - known), ("missing", known - set(values))):
        if keys:
            raise ModelFileError(f"[config.json] {problem} key {min(keys)!r}; {chosen} has {', '.join(sorted(known))}")
    try:
        return chosen, model_type(model_type.config_type(**values))
    except UsageError as error:
        raise ModelFileError(f"[config.json] {error}") from None
