from pathlib import Path

import click

from ternary.cli.common import UserPath, emit, json_option


@click.command("compare", short_help="Runs side by side.")
@click.argument("runs", nargs=-1, required=True, type=UserPath())
@click.option("--out", type=UserPath(), help="Also a page with their curves, e.g. compare.html.")
@json_option
def command(runs, out, as_json):
    """Scores and speeds of the runs in these folders, and the settings in which they differ."""
    from ternary.errors import ResourceError
    from ternary.report.compare import differing, summary, write_comparison
    from ternary.training.logbook import read_log
    logs = {str(Path(run)): read_log(Path(run)) for run in runs}
    rows = differing([summary(name, log) for name, log in logs.items()])
    if out:
        try:
            write_comparison(Path(out), logs)
        except OSError as error:
            raise ResourceError(f"cannot write {out}: {error.strerror}; choose another --out") from None
    emit(rows, as_json)
