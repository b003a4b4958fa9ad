"""What the commands share: --json, its output, and numbers with a range."""

import json
import math

import click

from ternary.errors import UsageError
from ternary.training.logbook import plain

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
    return Number(int, above=0, example=example)


def positive_float(example: float, at_most: float = math.inf) -> "Number":
    """A finite number above 0."""
    return Number(float, above=0, at_most=at_most, example=example)


def float_range(
    example: float, *, above: float = -math.inf, at_least: float = -math.inf, at_most: float = math.inf
) -> "Number":
    """A finite number within bounds."""
    return Number(float, above=above, at_least=at_least, at_most=at_most, example=example)


class Number(click.ParamType):
    """A finite `int` or `float` within bounds; UsageError says what came, what was wanted and an example."""

    def __init__(
        self,
        kind: type,
        *,
        example: float,
        above: float = -math.inf,
        at_least: float = -math.inf,
        at_most: float = math.inf,
    ):
        self.name = "integer" if kind is int else "number"
        self._kind, self._example = kind, example
        self._above, self._least, self._most = above, at_least, at_most

    def convert(self, value, param, ctx):
        try:
            number = self._kind(value)
            fits = abs(number) < 2**63 if self._kind is int else math.isfinite(number)
        except ValueError:
            fits = False
        if fits and self._above < number and self._least <= number <= self._most:
            return number
        name = max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name
        came = value if str(value).strip() else "empty"
        raise UsageError(f"{name} is {came}; wanted {self._wanted()}; e.g. {name} {self._example}")

    def _wanted(self) -> str:
        bounds = [
            f"above {self._above:g}" if math.isfinite(self._above) else "",
            f"at least {self._least:g}" if math.isfinite(self._least) else "",
            f"at most {self._most:g}" if math.isfinite(self._most) else "",
        ]
        wanted = " and ".join(filter(None, bounds))
        kind = "a whole number" if self._kind is int else "" if wanted else "a finite number"
        return " ".join(filter(None, (kind, wanted)))


def _shown(value) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "-" if value is None else str(value)
