"""What the commands share: --json, its output, numbers with a range, paths, and lists."""

import json
import math
import os
import re
from dataclasses import Field, fields, replace
from decimal import Decimal, InvalidOperation

import click

from ternary.config import TrainConfig
from ternary.errors import UsageError
from ternary.schema import Rule, kind_of, rule_of
from ternary.training.logbook import plain

TEXT_OPTIONS = ("field", "encoding", "template", "skip_bad")

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object as the last line of stdout."
)


def emit(result: dict | list[dict], as_json: bool) -> None:
    """Print a result on stdout: one line of JSON (NaN as null), else a line per entry for people."""
    if as_json:
        click.echo(json.dumps(plain(result), allow_nan=False))
    elif isinstance(result, dict):
        width = max(map(len, result), default=0)
        for name, value in result.items():
            click.echo(f"{name:<{width}}  {_shown(value)}")
    else:
        rows = [list(result[0]), *([_shown(v) for v in row.values()] for row in result)] if result else []
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())


def positive_int(example: int) -> "Number":
    """A whole number above 0."""
    return Number(int, Rule(above=0, example=example))


def positive_float(example: float, at_most: float = math.inf) -> "Number":
    """A finite number above 0."""
    return Number(float, Rule(above=0, at_most=at_most, example=example))


class Number(click.ParamType):
    """A finite `int` or `float` that a rule accepts; UsageError says what came, what was wanted and an example."""

    def __init__(self, kind: type, rule: Rule):
        self.name = "integer" if kind is int else "number"
        self._kind, self._rule = kind, rule

    def convert(self, value, param, ctx):
        try:
            number = whole_number(str(value)) if self._kind is int else self._kind(value)
        except ValueError:
            number = None
        if self._rule.accepts(number, self._kind):
            return number
        name = name_of(param)
        came = value if str(value).strip() else "empty"
        raise UsageError(f"{name} is {came}; wanted {self._rule.wanted(self._kind)}{self._rule.hint(number)}; "
                         f"e.g. {name} {self._rule.example}")


def whole_number(text: str) -> int | None:
    """10000000 of "10000000", "10_000_000", "1e7" and "10M" (also k and B); None if it is no whole number."""
    text = text.strip()
    zeros = {"k": 3, "m": 6, "b": 9}.get(text[-1:].lower(), 0)
    try:
        number = Decimal(text[:-1] if zeros else text)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() + zeros > 30:         # 1e999999999 has no place in memory
        return None
    number = number.scaleb(zeros)
    return int(number) if number == number.to_integral_value() else None


class Bytes(click.ParamType):
    """A size of memory: 262144 of "256K" (also M)."""
    name = "size"

    def convert(self, value, param, ctx):
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,12})([kKmM]?)", value.strip())
        if not found or not int(found[1]):
            raise UsageError(f"{name_of(param)} is {value or 'empty'}; wanted a size in bytes, K or M; "
                             f"e.g. {name_of(param)} 256K")
        return int(found[1]) << {"": 0, "k": 10, "m": 20}[found[2].lower()]


def name_of(param: click.Parameter) -> str:
    """How errors call an option or an argument."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name


class UserPath(click.ParamType):
    """A path in which ~ is the home folder, also where no shell expands it, as in --save-dir=~/a."""
    name = "path"

    def convert(self, value, param, ctx):
        return os.path.expanduser(value)


def listed(ctx, param, values: tuple[str, ...]) -> str | None:
    """Callback of an option with commas between several values: UsageError if it is given twice, where click takes the
    last without a word. In each part ~ is the home folder."""
    if len(values) > 1:
        raise UsageError(f"{name_of(param)} is given {len(values)} times; give it once, with commas between: "
                         f"{name_of(param)} {','.join(values)}")
    return ",".join(map(os.path.expanduser, values[0].split(","))) if values else None


checkpoint_option = click.option("--checkpoint", type=UserPath(), default=TrainConfig.save_dir, show_default=True,
                                 help="A run (its best step) or a step folder.")
model_option = click.option("--model", help="Needed if the model is code of your own: file.py:Name or module:Name, "
                            "as in training.")


def config_options(config_type: type, skip: tuple[str, ...] = (), lists: tuple[str, ...] = (),
                   paths: tuple[str, ...] = (), **names: str):
    """Decorator: one option for each field of a config dataclass, with its type, range, default and help.

    One that is not given is None. lists: fields that take several values with commas between; paths: fields that are
    paths; names: for the placeholders in help texts.
    """
    def add(command):
        for f in reversed([f for f in fields(config_type) if f.name not in skip]):
            of_kind = {"multiple": True, "callback": listed} if f.name in lists else {}
            of_kind |= {"type": UserPath()} if f.name in paths else {}
            command = config_option(config_type, f, of_kind, **names)(command)
        return command
    return add


def assignment(ctx, param, values):
    """("dim=64", "quantizer=row") -> {"dim": 64, "quantizer": "row"}"""
    found = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--set {text}: wanted NAME=VALUE; e.g. --set dim=256")
        try:
            found[name] = json.loads(value)           # a number, true or false; anything else is a text
        except ValueError:
            found[name] = value
    return found


def config_option(config_type: type, f: Field, of_kind: dict | None = None, **names: str):
    rule, (kind, _) = rule_of(config_type, f.name), kind_of(f)
    example = rule.example if rule.example is not None else f.default
    flags = [rule.flag or "--" + f.name.replace("_", "-"), *rule.aliases, f.name]
    default = rule.unset or ("" if f.default is None else f"{f.default:g}" if kind is float else str(f.default))
    text = rule.help.format(**names) + (f" [default: {default}]" if default else "")
    if kind is bool:
        return click.option(*flags, is_flag=True, default=None, help=text)
    choice = click.Choice(list(rule.choices)) if rule.choices else None
    number = Number(kind, replace(rule, example=example)) if kind in (int, float) else str
    return click.option(*flags, **{"type": choice or number, "help": text, **(of_kind or {})})


def text_options(command):
    """Decorator: how text is read, --field, --encoding, --template and --skip-bad."""
    for f in fields(TrainConfig):
        if f.name in TEXT_OPTIONS:
            command = config_option(TrainConfig, f)(command)
    return command


def _shown(value) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "-" if value is None else str(value)
