import sys

import click

from ternary.cli.common import emit, json_option, positive_int


@click.command("doctor", short_help="What this machine has, and whether the kernels are right on it.")
@click.option("--model", "models", multiple=True, help="Only this model. [default: all]")
@click.option("--threads", type=positive_int(2), help="[default: all usable cores]")
@json_option
def command(models, threads, as_json):
    """Print what was found, then compare every kernel of a training step with its reference.

    Exit code 5 if one is wrong here.
    """
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.doctor import checks, facts
    found = facts()
    if not as_json:
        emit(found, False)
    rows = checks(list(models))
    if as_json:
        emit({**found, "checks": rows}, True)
    else:
        emit(rows, False)
    if not all(row["passed"] for row in rows):
        sys.exit(5)
