from pathlib import Path

import click

from ternary.cli.common import UserPath, assignment, config_options, emit, json_option
from ternary.config import TrainConfig, from_options, overridden, read_settings
from ternary.errors import UsageError
from ternary.registry import file_names
from ternary.training.loggers import LOGGERS
from ternary.training.schedules import SCHEDULES


@click.command("train", short_help="Train a model.")
@click.option("--small", is_flag=True, help="The model bolt-small (4.4 M parameters).")
@click.option("--large", is_flag=True, help="The model bolt-large (16.8 M parameters).")
@config_options(TrainConfig, skip=("set",), lists=("data", "val_data", "objective", "log"), paths=("save_dir",),
                objectives=", ".join(file_names("ternary.objectives", ("base", "next_token"))),
                optimizers=", ".join(file_names("ternary.training.optimizers")),
                schedules=", ".join(SCHEDULES.own_names()), loggers=", ".join(LOGGERS.own_names()))
@click.option("--set", "set", multiple=True, callback=assignment, metavar="NAME=VALUE",
              help="Set a field of the model's config, e.g. dim=256 or layers=8; or optimizer.NAME, schedule.NAME, "
              "objective.NAME.FIELD. Repeatable.")
@click.option("--quantizer", help="Short for --set quantizer=...: which ternary weights share a scale.")
@click.option("--inner-norm", is_flag=True, default=None, help="Short for --set inner_norm=true.")
@click.option("--recipe", metavar="NAME", help="Settings by name, for any published model (see ternary models): ours, "
              "or with NAME:published those of the published run. Options override them.")
@click.option("--config", type=UserPath(), help="Take settings from a JSON file, such as the config.json (model) or "
              "state.json (all settings) of a checkpoint; options override it.")
@click.option("--resume", type=UserPath(), help="Continue the run in this folder; a budget is the new total. "
              "auto: that in --save-dir, or a new one if there is none.")
@json_option
def command(small, large, model, config, resume, as_json, set, **given):
    """Train a model on stories, or continue a run.

    \b
    ternary train --data fables --hours 0.05
    ternary train --small --data stories.txt --tokens 10600000 --save-dir runs/a
    ternary train --recipe cortex-9 --data stories.txt --hours 0.5
    ternary train --resume runs/a
    """
    from ternary.machine.ranks import world
    from ternary.machine.threads import set_threads
    given = {key: value for key, value in given.items() if value is not None}
    if small + large + (model is not None) > 1:
        raise UsageError("--small, --large and --model each name a model; give one of them")
    if small or large or model:
        given["model"] = model or ("bolt-small" if small else "bolt-large")
    given = from_options({**given, "set": set})
    if config:
        from ternary.training.plan import refuse_outside_code
        base = from_options(read_settings(config))
        refuse_outside_code(base, given, f"--config {config}")
        given = overridden(base, given)
    set_threads(given.get("threads"))
    from ternary.checkpoint.layout import has_checkpoint
    from ternary.training.loop import train
    from ternary.training.plan import continued
    if resume == "auto":
        folder = given.get("save_dir", TrainConfig.save_dir)
        resume = folder if world().first(lambda: has_checkpoint(Path(folder))) else None
    if not resume:
        emit(train(TrainConfig(**{"model": None, **given})), as_json)
        return
    emit(train(*continued(resume, given)), as_json)
