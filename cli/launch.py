from pathlib import Path

import click

from ternary.cli.common import Number, UserPath, positive_int
from ternary.errors import UsageError
from ternary.schema import Rule


@click.command("launch", short_help="Train with several processes, on one machine or more.")
@click.option("-n", "ranks", type=positive_int(4), help="Number of ranks. [default: one for each line of --hosts]")
@click.option("--hosts", type=UserPath(), help="File with a machine per line, host or host:RANKS, reached by ssh; "
              "ternary and the data are at the same paths on all. [default: this machine]")
@click.option("--restarts", type=Number(int, Rule(at_least=0, example=3)), default=0, show_default=True,
              help="How often to go on from the last checkpoint, without the rank that was lost.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- train [OPTIONS]")
@click.pass_context
def command(ctx, ranks, hosts, restarts, command):
    """Train with several ranks: processes that share each batch, started by mpiexec.

    \b
    ternary launch -n 4 -- train --small --data stories.txt --batch 64
    ternary launch --hosts machines.txt --restarts 3 -- train --data stories.txt --batch 64 --save-dir /shared/run
    """
    from ternary.machine.heartbeat import heartbeat
    from ternary.machine.launch import launch, places
    if command[0] != "train":
        raise UsageError(f"launch runs `train`, not {command[0]!r}; e.g. ternary launch -n 4 -- train --data fables")
    found = places(Path(hosts)) if hosts else [""] * (ranks or 0)
    if not found:
        raise UsageError("launch needs -n or --hosts; e.g. ternary launch -n 4 -- train --data fables")
    if (ranks or 0) > len(found):
        raise UsageError(f"-n is {ranks}, but --hosts {hosts} has places for {len(found)} ranks; use host:RANKS there")
    with heartbeat(""):           # rank 0 tells what it does
        ctx.exit(launch(found[:ranks], list(command), restarts))
