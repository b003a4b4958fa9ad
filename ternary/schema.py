"""Config dataclasses whose fields know their range and help text: checks and command line options come from them."""
import math
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from ternary.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """What a field accepts, and how it is explained.

    unset: what None stands for; flag: the command line's name for it, if it is not that of the field; aliases: older
    flags; example: a value for error messages, by default the default.
    """
    help: str = ""
    unset: str = ""
    flag: str = ""
    aliases: tuple[str, ...] = ()
    above: float = -math.inf
    at_least: float = -math.inf
    at_most: float = math.inf
    multiple_of: int = 1
    choices: tuple[str, ...] = ()
    example: Any = None

    def wanted(self, kind: type) -> str:
        """Of a value of this kind, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if kind not in (int, float):
            return {bool: "true or false", str: "a text"}.get(kind, kind.__name__)
        limits = [f"above {self.above}" if self.above > -math.inf else "",
                  f"at least {self.at_least}" if self.at_least > -math.inf else "",
                  f"at most {self.at_most}" if self.at_most < math.inf else ""]
        bounds = " and ".join(filter(None, limits))
        if self.multiple_of > 1:
            return f"a multiple of {self.multiple_of} {bounds}".strip()
        kind_of = "a whole number" if kind is int else "" if bounds else "a finite number"
        return " ".join(filter(None, (kind_of, bounds)))

    def accepts(self, value: Any, kind: type) -> bool:
        """A whole number is a float too; true and false are no numbers."""
        if kind not in (int, float):
            return isinstance(value, kind) and (not self.choices or value in self.choices)
        if isinstance(value, bool) or not isinstance(value, (int, kind)):
            return False
        finite = abs(value) < 2 ** 63 and value % self.multiple_of == 0 if kind is int else math.isfinite(value)
        return finite and self.above < value and self.at_least <= value <= self.at_most

    def hint(self, value: Any) -> str:
        """The nearest value that fits, where it is only a multiple that is missed; the range of whole numbers."""
        if not isinstance(value, int):
            return ""
        if abs(value) >= 2 ** 63:
            return f", up to {2 ** 63 - 1}"
        if self.multiple_of == 1:
            return ""
        near = max(self.multiple_of, round(value / self.multiple_of) * self.multiple_of)
        return f"; use {near}"


def setting(default: Any, help: str = "", **rule: Any) -> Any:
    """A dataclass field with a Rule."""
    return field(default=default, metadata={"rule": Rule(help, **rule)})


def rule_of(config_type: type, name: str) -> Rule:
    """Of a field; a subclass that gives it another default, as in `dim: int = 384`, keeps it."""
    for base in config_type.__mro__:
        declared = base.__dict__.get("__dataclass_fields__", {}).get(name)
        if declared and "rule" in declared.metadata:
            return declared.metadata["rule"]
    return Rule()


def kind_of(f: Any) -> tuple[type, bool]:
    """The type of a field such as `float | None`, and whether it may be None."""
    kinds = get_args(f.type) if isinstance(f.type, UnionType) else (f.type,)
    kind = next(kind for kind in kinds if kind is not NoneType)
    return get_origin(kind) or kind, NoneType in kinds


@dataclass(frozen=True)
class Config:
    """Base of config dataclasses: UsageError for a value that its field does not accept."""

    def __post_init__(self) -> None:
        for f in fields(self):
            value, rule, (kind, optional) = getattr(self, f.name), rule_of(type(self), f.name), kind_of(f)
            if not (value is None and optional) and not rule.accepts(value, kind):
                raise UsageError(f"{self.label(f.name)} is {value!r}; wanted {rule.wanted(kind)}{rule.hint(value)}")

    @classmethod
    def label(cls, name: str) -> str:
        """How errors call a field."""
        return f"[{cls.__name__}] {name}"


def checked(config_type: type, values: dict[str, Any], owner: str, prefix: str = "") -> Any:
    """A config with these values; UsageError, with what there is, for a name that is no field of it."""
    known = [f.name for f in fields(config_type)]
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"--set {prefix}{name}={value}: {owner} has no such setting; "
                             f"it has {', '.join(known) or 'none'}")
    return config_type(**values)
