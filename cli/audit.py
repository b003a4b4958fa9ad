import sys

import click

from ternary.cli.common import emit, json_option, positive_int


@click.command("audit", short_help="Check that a model sees no future, and more.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--threads", type=positive_int(2), help="[default: all usable cores]")
@json_option
def command(names, threads, as_json):
    """Check the models NAME, file.py:Name for one of your own (default: all that are built in).

    The checks: no token sees a later one, or another sequence; token by token and in chunks, the logits are those of
    the whole sequence; every parameter has a gradient, which agrees with finite differences; targets are shifted
    exactly once; a checkpoint restores the model; and training on random tokens (leak probe) stays at chance.

    Exit code 1 if a check failed.
    """
    from ternary.machine.heartbeat import heartbeat
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from ternary.models import MODELS
    from ternary.training.audit import audit
    reports = []
    for name in names or MODELS.names():
        with heartbeat(f"checking {name}"):
            reports.append(audit(MODELS.get(name)(seed=1), name))
    if as_json:
        emit([report.to_json() for report in reports], True)
    else:
        emit([row(report) for report in reports], False)
        for report in reports:
            for check, sentence in report.detail.items():
                click.echo(f"{report.model}, {check.replace('_', ' ')}: {sentence}")
    if not all(report.passed for report in reports):
        sys.exit(1)


def row(report) -> dict:
    """Of the table: what passed, and the loss of the leak probe beside that of chance."""
    checks = {name: "passed" if ok else "FAILED" for name, ok in report.checks.items()}
    return {"model": report.model, **checks, "leak_probe_nats": report.leak_probe_nats, "chance": report.chance_nats}
