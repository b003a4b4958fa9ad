from pathlib import Path

import click

from ternary.cli.common import UserPath, assignment, checkpoint_option, emit, json_option, model_option
from ternary.machine.heartbeat import heartbeat
from ternary.registry import file_names


@click.command("export", short_help="Write a model for another runtime.")
@checkpoint_option
@model_option
@click.option("--to", required=True, metavar="FORMAT",
              help=f"{', '.join(file_names('ternary.export'))}, or one of your own, file.py:Name.")
@click.option("--out", type=UserPath(), help="The file or folder to write. [default: MODEL and the format's suffix]")
@click.option("--set", "set", multiple=True, callback=assignment, metavar="NAME=VALUE",
              help="Set a field of the format. Repeatable.")
@json_option
def command(checkpoint, model, to, out, set, as_json):
    """Write a trained model for another runtime.

    \b
    ternary export --to hf --out my-model
    """
    with heartbeat("exporting"):
        from ternary.checkpoint.load import restore
        from ternary.export import EXPORTS
        target_type = EXPORTS.get(to)
        from ternary.schema import checked
        checked(target_type.config_type, set, f"--to {to}")
        target = target_type(**set)
        restored = restore(checkpoint, model=model)
        result = target.export(restored, Path(out or f"{restored.name.replace(':', '-')}{target.suffix or '-' + to}"))
    emit(result, as_json)
