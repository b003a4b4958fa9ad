"""Numbers on the command line, and results for people and as JSON."""
import json

import click
import pytest

from ternary.cli.common import Number, emit, positive_float, positive_int
from ternary.errors import UsageError
from ternary.schema import Rule


def convert(kind, value, name="--top-p"):
    return kind.convert(value, click.Option([name]), None)


def test_numbers_within_bounds():
    assert convert(positive_int(8), "3") == 3
    assert convert(positive_float(0.1), "1e-3") == 0.001
    assert convert(Number(float, Rule(example=0.95, above=0, at_most=1)), "1") == 1.0
    assert convert(Number(float, Rule(example=0.8, at_least=0)), "0") == 0.0
    assert convert(Number(float, Rule(example=0.8)), "-5") == -5.0
    assert convert(positive_int(8), 4) == 4


@pytest.mark.parametrize(
    "kind, value, message",
    [
        (
            Number(float, Rule(example=0.95, above=0, at_most=1)),
            "1.5",
            "--top-p is 1.5; wanted above 0 and at most 1; e.g. --top-p 0.95",
        ),
        (
            Number(float, Rule(example=0.95, above=0, at_most=1)),
            "0",
            "--top-p is 0; wanted above 0 and at most 1; e.g. --top-p 0.95",
        ),
        (Number(float, Rule(example=0.8, at_least=0)), "-1", "--top-p is -1; wanted at least 0; e.g. --top-p 0.8"),
        (Number(float, Rule(example=0.8)), "inf", "--top-p is inf; wanted a finite number; e.g. --top-p 0.8"),
        (positive_float(2), "nan", "--top-p is nan; wanted above 0; e.g. --top-p 2"),
        (positive_float(2), "inf", "--top-p is inf; wanted above 0; e.g. --top-p 2"),
        (
            positive_float(2, at_most=100),
            "1e6",
            "--top-p is 1e6; wanted above 0 and at most 100; e.g. --top-p 2",
        ),
        (positive_float(2), "two", "--top-p is two; wanted above 0; e.g. --top-p 2"),
        (positive_int(8), "0", "--top-p is 0; wanted a whole number above 0; e.g. --top-p 8"),
        (positive_int(8), "2.5", "--top-p is 2.5; wanted a whole number above 0; e.g. --top-p 8"),
        (positive_int(8), "1e-3", "--top-p is 1e-3; wanted a whole number above 0; e.g. --top-p 8"),
        (positive_int(8), "M", "--top-p is M; wanted a whole number above 0; e.g. --top-p 8"),
        (positive_int(8), "", "--top-p is empty; wanted a whole number above 0; e.g. --top-p 8"),
    ],
)
def test_numbers_out_of_bounds(kind, value, message):
    with pytest.raises(UsageError) as caught:
        convert(kind, value)
    assert str(caught.value) == message


@pytest.mark.parametrize("value, number", [("1e7", 10**7), ("10M", 10**7), ("10_000_000", 10**7), ("1.5k", 1500),
                                           ("2.5e3", 2500), ("3B", 3 * 10**9), (" 7 ", 7), (str(2**63 - 1), 2**63 - 1)])
def test_whole_numbers_may_be_short(value, number):
    assert convert(positive_int(8), value) == number


@pytest.mark.parametrize("value", [str(2**63), "18446744073709551616", "1e30", "9" * 400, "9" * 5000, "1e999999999"])
def test_absurdly_large_whole_numbers(value):
    with pytest.raises(UsageError, match="wanted a whole number above 0"):
        convert(positive_int(8), value)


def test_emit_json(capsys):
    emit({"loss": float("nan"), "name": "é", "n": 3}, as_json=True)
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "loss": None,
        "name": "é",
        "n": 3,
    }
    emit([{"name": "bolt"}], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"name": "bolt"}]


def test_emit_for_people(capsys):
    emit({"loss": 2.123456, "tokens_per_second": 12345.6, "checkpoint": None}, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["loss", "2.123"], ["tokens_per_second", "12,346"], ["checkpoint", "-"]]
    emit([{"name": "bolt", "context": 43}, {"name": "longer", "context": 7}], as_json=False)
    out = capsys.readouterr().out
    assert out == "name    context\nbolt    43\nlonger  7\n"
    emit([], as_json=False)
    assert capsys.readouterr().out == ""
