from pathlib import Path

import click

from ternary.cli.common import Bytes, UserPath, assignment, checkpoint_option, emit, json_option, model_option
from ternary.errors import UsageError
from ternary.machine.heartbeat import heartbeat
from ternary.registry import file_names

SHARED = ("base", "card", "lfm2", "vocabulary")         # files of ternary/export that are no targets


@click.command("export", short_help="Write a model for another runtime.")
@checkpoint_option
@model_option
@click.option("--to", required=True, metavar="FORMAT",
              help=f"{', '.join(file_names('ternary.export', SHARED))}, or one of your own, file.py:Name.")
@click.option("--out", type=UserPath(), help="The file or folder to write. [default: MODEL and the format's suffix]")
@click.option("--set", "set", multiple=True, callback=assignment, metavar="NAME=VALUE",
              help="Set a field of the format. Repeatable.")
@click.option("--type", help="gguf: f32, f16, q8_0, q4_0 or tq2_0. [default: q4_0]")
@click.option("--license", help="hf: of the model, for its card, such as mit.")
@click.option("--opset-only", is_flag=True, default=None, help="onnx: standard operators only, none of ONNX "
                                                                "Runtime's own.")
@click.option("--flash", type=Bytes(), help="c: memory for program and weights, such as 1M or 256K; more is refused.")
@click.option("--ram", type=Bytes(), help="c: the same for RAM.")
@json_option
def command(checkpoint, model, to, out, set, as_json, **flags):
    """Write a trained model for another runtime.

    \b
    ternary export --to hf --out my-model
    ternary export --to gguf --type q8_0
    ternary export --to onnx --opset-only
    ternary export --to c --flash 1M --ram 256K
    """
    with heartbeat("exporting"):
        from ternary.checkpoint.load import restore
        from ternary.export import EXPORTS
        from ternary.schema import checked
        target_type = EXPORTS.get(to)
        checked(target_type.config_type, set, f"--to {to}")
        target = target_type(**{**set, **given(flags, target_type, to)})
        restored = restore(checkpoint, model=model)
        usual = Path(restored.name.replace(":", "-")).name + (target.suffix or f"-{to}")
        result = target.export(restored, Path(out or usual))
    emit(result, as_json)


def given(flags, target_type, to):
    """The flags that are given, each a field of the format. UsageError, with the formats that have it, for another."""
    from ternary.export import EXPORTS
    fields = {name: value for name, value in flags.items() if value is not None}
    for name in fields:
        if name not in target_type.config_type.__dataclass_fields__:
            owners = [known for known in EXPORTS.names() if name in EXPORTS.get(known).config_type.__dataclass_fields__]
            raise UsageError(f"--{name.replace('_', '-')}: --to {to} has no such setting; "
                             f"that is one of --to {', '.join(owners)}")
    return fields
