import click

from ternary.cli.common import emit, json_option, model_option, positive_int
from ternary.config import TrainConfig


@click.command("eval", short_help="Loss, perplexity and bits per character of a checkpoint.")
@click.option("--checkpoint", default=TrainConfig.save_dir, show_default=True,
              help="A run (its best step) or a step folder.")
@model_option
@click.option("--data", default=TrainConfig.data, show_default=True,
              help="tinystories, a hub data set, a file or folder, - or fables.")
@click.option("--field", help="The column of the text, in jsonl, csv, parquet and hub data.")
@click.option("--stories", type=positive_int(500), default=TrainConfig.eval_stories, show_default=True,
              help="The first so many.")
@click.option("--protocol", type=click.Choice(["honest", "flashlm"]), default="honest", show_default=True,
              help="flashlm: the published protocol, truncated and not comparable.")
@click.option("--precision", type=click.Choice(["bf16", "fp32"]), default="fp32", show_default=True)
@click.option("--threads", type=positive_int(2), help="[default: all usable cores]")
@json_option
def command(checkpoint, model, data, field, stories, protocol, precision, threads, as_json):
    """Score whole stories: every character is paid for, the first token is charged.

    On fables also the entropy of the text itself, which no model can beat, and the gap to it.
    """
    from ternary.machine.threads import set_threads
    set_threads(threads)
    from itertools import islice

    from ternary.checkpoint.load import restore
    from ternary.evaluation.protocol import evaluate
    from ternary.text.corpus import open_corpus
    restored = restore(checkpoint, model=model)
    texts = list(islice(open_corpus(data, "validation", field).stories(), stories))
    result = evaluate(restored.model, restored.tokenizer, texts, None, precision, protocol)
    if data == "fables" and protocol == "honest":    # the floor is that of whole stories
        from ternary.fables import bits_per_char
        result["floor_bpc"] = bits_per_char(texts)
        result["gap_bpc"] = result["bpc"] - result["floor_bpc"]
    emit(result, as_json)
