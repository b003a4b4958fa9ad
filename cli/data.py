import click

from ternary.cli.common import UserPath, emit, json_option, positive_int, text_options
from ternary.errors import UsageError


@click.group("data", short_help="Prepare and inspect text.")
def command():
    """Text and tokens.

    \b
    ternary data prepare stories.jsonl.gz --field story
    ternary data inspect 'corpus/*.txt'
    ternary data inspect my_reader.py:Name:stories.xyz
    """


def options(f):
    """Those that both commands have."""
    for option in (
        click.argument("source"),
        click.option("--split", help="Which split to read, where there are several. [default: train]"),
        text_options,
        click.option("--vocab", "vocab_size", type=positive_int(10000), default=10000, show_default=True,
                     help="Vocabulary of the tokenizer."),
        click.option("--processes", type=positive_int(2), help="[default: one for each usable core]"),
        json_option,
    ):
        f = option(f)
    return f


def prepared(source, split, vocab_size, processes, val_data=None, for_training=False, **reading):
    """-> corpus, store, seconds; for_training: of what `train` with this `val_data` trains on"""
    import time

    from ternary.machine.hardware import usable_cores
    from ternary.machine.heartbeat import say
    from ternary.text.corpus import open_corpus, open_for_training
    from ternary.text.prepare import cached_tokenizer, prepare
    start, how = time.monotonic(), {"processes": processes or usable_cores()[0], "tell": say}
    given = {name: value for name, value in reading.items() if value is not None}
    if for_training and not split:
        corpus, _ = open_for_training(source, val_data, **given)
    else:
        corpus = open_corpus(source, split or "train", **given)
    if split and "split" not in corpus.facts:
        raise UsageError(f"--split {split}: {source} has no splits, such as train.txt and valid.txt; leave it out")
    tokenizer = cached_tokenizer(corpus, vocab_size, **how)
    store = prepare(corpus, tokenizer, **how)
    return corpus, store, time.monotonic() - start


@command.command("prepare", short_help="Tokenize, for later runs.")
@options
@click.option("--val-data", type=UserPath(), help="That of `train`. [default: 2 % of the stories of SOURCE]")
def prepare(as_json, **given):
    """Choose a vocabulary and tokenize what `ternary train --data SOURCE` trains on into the cache, where it finds it.

    That is SOURCE without its validation stories. It is found with the same --val-data, --vocab and options of reading;
    the usual vocabulary of some models is not 10000, see `ternary train`.
    """
    corpus, store, seconds = prepared(**given, for_training=True)
    header = {**store.header, "source": corpus.name}             # the same text may have had another name before
    emit({"store": str(store.path), "seconds": seconds, "mb_per_second": header["bytes"] / 1e6 / max(seconds, 1e-9),
          **header}, as_json)


@command.command("inspect", short_help="What a corpus is made of.")
@options
def inspect(as_json, **given):
    """Counts, lengths, words, and how well the vocabulary fits; prepares SOURCE if need be."""
    from ternary.text.inspect import inspect as look
    corpus, store, _ = prepared(**given)
    emit(look(corpus, store), as_json)
