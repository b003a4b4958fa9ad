from pathlib import Path

import click

from ternary.cli.common import Number, emit, float_range, json_option, positive_float, positive_int
from ternary.errors import UsageError


@click.command("train", short_help="Train a model.")
@click.option("--small", is_flag=True, help="The model bolt-small (4.4 M parameters).")
@click.option("--large", is_flag=True, help="The model bolt-large (16.8 M parameters).")
@click.option("--model", help="A model by name, see `ternary models`. [default: large with 8 cores and 32 GB]")
@click.option("--data", help="tinystories, a hub data set, a file, folder or glob, fables, - or a reader of your "
              "own, my_reader.py:Name[:FILE]; commas between several. [default: tinystories]")
@click.option("--val-data", help="Validation text. [default: 2 % of the stories of --data]")
@click.option("--field", help="The column of the text, in jsonl, parquet and hub data.")
@click.option("--hours", type=positive_float(2, at_most=10_000), help="Budget in hours, data preparation included.")
@click.option("--tokens", type=positive_int(10_000_000), help="Budget in tokens.")
@click.option("--steps", type=positive_int(1000), help="Budget in optimizer steps.")
@click.option("--epochs", type=positive_float(3), help="Budget in passes over the data. [default: 10, if no other]")
@click.option("--batch", "batch_size", type=positive_int(16), help="Sequences per step. [default: 16]")
@click.option("--seq-len", type=positive_int(256), help="Tokens per sequence. [default: that of the model]")
@click.option("--lr", type=positive_float(0.004, at_most=10), help="Peak learning rate. [default: that of the model]")
@click.option("--warmup", type=positive_int(200), help="Steps of warm-up, at most a tenth of the run. [default: 200]")
@click.option("--schedule", type=click.Choice(["cosine", "constant", "wsd"]),
              help="Of the learning rate, after the warm-up. [default: cosine, over the budget]")
@click.option("--optimizer", help="muon (matrices by Muon, the rest by AdamW), adamw, lion, sgd, or one of your own, "
              "file.py:Name or module:Name. [default: muon]")
@click.option("--weight-decay", type=float_range(0.3, at_least=0), help="Decoupled. [default: 0.3]")
@click.option("--grad-clip", type=float_range(1.0, at_least=0), help="Largest gradient norm, 0 for any. [default: 1]")
@click.option("--vocab", "vocab_size", type=positive_int(10000),
              help="Vocabulary of the tokenizer. [default: that of the model]")
@click.option("--quantizer", type=click.Choice(["tensor", "row", "block256"]),
              help="Which weights share a scale. [default: tensor]")
@click.option("--inner-norm", is_flag=True, default=None, help="RMSNorm inside each ternary linear map.")
@click.option("--seed", type=Number(int, at_least=0, example=42), help="[default: 42]")
@click.option("--threads", type=positive_int(2), help="[default: all usable cores]")
@click.option("--precision", type=click.Choice(["auto", "int8", "bf16", "fp32"]), help="[default: auto, the fastest]")
@click.option("--vocab-sampling", "--head-noise", "vocab_sampling", type=float_range(0.03, at_least=0, at_most=1),
              help="Gradient variance, as a share, that importance sampling of the vocabulary may add to save time; "
              "0 computes every logit gradient. [default: 0.03]")
@click.option("--eval-every", type=positive_int(1000),
              help="Steps between evaluations. [default: a twentieth of the run, 50 to 1000; with --hours 500]")
@click.option("--eval-stories", type=positive_int(500), help="Validation stories. [default: 500]")
@click.option("--patience", type=positive_int(10), help="Evaluations without progress before it stops. [default: any]")
@click.option("--target-bpc", type=positive_float(0.85), help="Stop at the first evaluation that is as good.")
@click.option("--log", help="Also log to these, separated by commas: tensorboard, trackio, wandb.")
@click.option("--save-minutes", type=positive_float(10), help="Time between saves, besides evaluations. [default: 10]")
@click.option("--keep", type=positive_int(3), help="Newest steps to keep, besides best and last. [default: 3]")
@click.option("--save-dir", help="Folder of the run. [default: checkpoints]")
@click.option("--resume", type=click.Path(), help="Continue the run in this folder; a budget is the new total. "
              "auto: that in --save-dir, or a new one if there is none.")
@json_option
def command(small, large, model, resume, threads, as_json, **given):
    """Train a model on stories, or continue a run.

    \b
    ternary train --data fables --hours 0.05
    ternary train --small --data stories.txt --tokens 10600000 --save-dir runs/a
    ternary train --resume runs/a
    """
    from ternary.machine.threads import set_threads
    given = {key: value for key, value in given.items() if value is not None}
    if threads:
        given["threads"] = threads
    if small + large + (model is not None) > 1:
        raise UsageError("--small, --large and --model each name a model; give one of them")
    if small or large or model:
        given["model"] = model or ("bolt-small" if small else "bolt-large")
    set_threads(threads)
    from ternary.checkpoint import format as checkpoint
    from ternary.config import TrainConfig
    from ternary.training.plan import continued
    from ternary.training.run import train
    if resume == "auto":
        folder = given.get("save_dir", TrainConfig.save_dir)
        resume = folder if checkpoint.steps(Path(folder)) else None
    if not resume:
        emit(train(TrainConfig(**{"model": None, **given})), as_json)
        return
    config, path = continued(resume, given)
    emit(train(config, path), as_json)
