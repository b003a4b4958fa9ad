import click

from ternary.cli.common import checkpoint_option, emit, json_option, listed, model_option, positive_int, text_options
from ternary.config import TrainConfig, flag_of
from ternary.errors import UsageError


@click.command("eval", short_help="Loss, perplexity and bits per character of a checkpoint.")
@checkpoint_option
@model_option
@click.option("--data", multiple=True, callback=listed, help="tinystories, a hub data set, a file or folder, - "
              "or fables; commas between several. [default: the validation text of the run]")
@click.option("--include-seen", is_flag=True, help="Score stories that were trained on too.")
@text_options
@click.option("--stories", type=positive_int(500), default=TrainConfig.eval_stories, show_default=True,
              help="Number of stories, the first ones.")
@click.option("--protocol", type=click.Choice(["honest", "flashlm"]), default="honest", show_default=True,
              help="flashlm: the published protocol, truncated and not comparable.")
@click.option("--precision", type=click.Choice(["bf16", "fp32"]), default="fp32", show_default=True,
              help="Precision of activations.")
@click.option("--threads", type=positive_int(2), help="Number of threads. [default: all usable cores]")
@json_option
def command(checkpoint, model, data, include_seen, stories, protocol, precision, threads, as_json, **reading):
    """Loss, perplexity and bits per character over whole stories, from their first token to their end.

    Stories that the model was trained on are left out. On fables the result also has the entropy of the text, which no
    model can beat, and the gap to it.
    """
    from ternary.machine.threads import set_threads
    given = {name: value for name, value in reading.items() if value is not None}
    if given and data is None:
        raise UsageError(f"{' and '.join(map(flag_of, given))} without --data: the text of the run is read as it was "
                         "in training; add --data, or leave it out")
    set_threads(threads)
    from ternary.checkpoint.load import restore
    from ternary.evaluation.protocol import evaluate
    from ternary.text.corpus import open_corpus
    from ternary.training.sources import validation_of
    restored = restore(checkpoint, model=model, stories=True)
    if data is None:
        corpus, data = validation_of(restored.state, restored.path.parent)
    else:
        corpus = open_corpus(data, "validation", **given)
    texts, seen = held_out(corpus, restored, stories, include_seen)
    result = {**evaluate(restored.model, restored.tokenizer, texts, None, precision, protocol), "seen": seen}
    if data == "fables" and protocol == "honest":    # the floor is that of whole stories
        from ternary.fables import bits_per_char
        result["floor_bpc"] = bits_per_char(texts)
        result["gap_bpc"] = result["bpc"] - result["floor_bpc"]
    emit(result, as_json)


def held_out(corpus, restored, limit, include_seen):
    """-> the first `limit` stories to score, and how many among them, or passed over, were trained on; None: unknown"""
    from itertools import islice

    from ternary.errors import DataError
    from ternary.machine.heartbeat import say
    from ternary.text.seen import seen, unseen
    if restored.stories is None:
        say("note: this checkpoint does not know which stories it was trained on")
        return list(islice(corpus.stories(), limit)), None
    trained = restored.stories["train"]
    if include_seen:
        texts = list(islice(corpus.stories(), limit))
        return texts, int(seen(texts, restored.tokenizer, trained).sum())
    texts, passed = unseen(corpus.stories(), restored.tokenizer, trained, limit)
    if passed and not texts:
        raise DataError(f"all {passed:,} stories of {corpus.name} were trained on, so their score says nothing about "
                        "other text; give other --data, or --include-seen")
    if passed:
        say(f"{passed:,} of {passed + len(texts):,} stories were trained on and are left out; --include-seen scores "
            "them too")
    return texts, passed
