import codecs
import os
import stat
import sys
import time
from pathlib import Path

import click

from ternary.cli.common import (
    Number,
    UserPath,
    assignment,
    checkpoint_option,
    config_options,
    emit,
    json_option,
    model_option,
    positive_int,
)
from ternary.errors import UsageError
from ternary.inference.sampling import Sampling
from ternary.machine.heartbeat import heartbeat, say
from ternary.registry import file_names
from ternary.schema import Rule


@click.command("generate", short_help="Continue a prompt.")
@click.argument("prompt", default="")
@checkpoint_option
@model_option
@click.option("--max-tokens", type=positive_int(400), default=400, show_default=True, help="Longest continuation.")
@config_options(Sampling)
@click.option("--stop", multiple=True, metavar="TEXT", help="Stop before this text. Repeatable.")
@click.option("--decoder", help=f"How a token is chosen: {', '.join(file_names('ternary.inference.decoders'))}, or "
              "one of your own, file.py:Name. [default: a draw from the model's probabilities]")
@click.option("--set", "set", multiple=True, callback=assignment, metavar="NAME=VALUE",
              help="Set a field of the decoder, e.g. candidates=8. Repeatable.")
@click.option("--save-state", type=UserPath(), metavar="FILE", help="Keep what the text has left behind, to go on "
              "with --load-state.")
@click.option("--load-state", type=UserPath(), metavar="FILE", help="PROMPT continues the text of that state.")
@click.option("--seed", type=Number(int, Rule(at_least=0, example=0)), default=0, show_default=True, help="Random "
                                                                                                          "seed.")
@click.option("--threads", type=positive_int(2), help="Number of threads. [default: all usable cores]")
@click.option("--no-stream", is_flag=True, help="Print the text when it is complete.")
@json_option
def command(prompt, checkpoint, model, max_tokens, stop, decoder, set, save_state, load_state, seed, threads, no_stream,
            as_json, **sampling):
    """Continue PROMPT (or begin a story) until the story ends or --max-tokens.

    PROMPT - is standard input. One that begins with a dash comes last, after two dashes.

    \b
    ternary generate "Once upon a time"
    ternary generate "Once upon a time" --save-state a; ternary generate " Then" --load-state a
    ternary generate - < begin.txt
    ternary generate -- "- Who is there?"
    """
    from ternary.machine.threads import set_threads
    set_threads(threads)
    prompt = standard_input() if prompt == "-" else as_text(prompt)
    if not prompt and standard_input_waits():
        say("standard input is not read; to continue it: ternary generate -")
    clock = Clock()
    with heartbeat(clock.__str__):
        from ternary.checkpoint.load import restore
        from ternary.inference.generation import Engine
        sampling = Sampling(**{name: value for name, value in sampling.items() if value is not None})
        restored = restore(checkpoint, model=model)
        engine = Engine(restored.model, restored.tokenizer, decoder, **set)
        context = engine.new_context() if save_state or load_state else None
        if load_state:
            from ternary.inference.context import load_context
            context = load_context(Path(load_state), engine.compiled)
        streamed = not (no_stream or as_json)
        begin, pieces = prompt, []                    # one for each token, and what is left at the end
        for piece in engine.stream(prompt, max_tokens, sampling, seed, clock.read, stop, context):
            if streamed:
                clock.shown = True
                click.echo(begin + piece, nl=False)       # not before it is read: lines on stderr come until then
                begin = ""
            pieces.append(piece)
            clock.tokens = engine.generated
        seconds = time.perf_counter() - clock.start
        if streamed:
            click.echo()
        if save_state:
            context.save(Path(save_state), engine.compiled)
    if streamed:
        return
    text, tokens = prompt + "".join(pieces), engine.generated
    if as_json:
        emit({"text": text, "tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds,
              "prompt_tokens": clock.of, "prompt_seconds": clock.start - clock.begin}, True)
    else:
        click.echo(text)


class Clock:
    """What `generate` is doing, for the heartbeat, and since when. start: when the prompt was read."""

    def __init__(self):
        self.begin = self.start = time.perf_counter()
        self.done = self.of = self.tokens = 0
        self.shown = False                        # a piece of the text since the last line

    def read(self, done: int, of: int) -> None:
        self.done, self.of, self.start = done, of, time.perf_counter()

    def __str__(self) -> str:
        if self.shown:
            self.shown = False
            return ""
        if self.done < self.of:
            return f"reading the prompt: {self.done:,} of {self.of:,} tokens"
        return f"generating: {self.tokens:,} tokens" if self.tokens else "loading the model, its kernels and the prompt"


def as_text(argument: str) -> str:
    """What the locale could not decode of an argument is UTF-8, and where it is not either, a replacement character."""
    try:
        argument.encode()
        return argument
    except UnicodeEncodeError:
        return os.fsencode(argument).decode("utf-8", "replace")


def standard_input() -> str:
    """The prompt from standard input: UTF-8, or UTF-16 with its mark. The last line end is that of the line, not of the
    prompt."""
    typed = sys.stdin.isatty()
    if typed:
        say("type the prompt; it ends with Ctrl-D (Windows: Ctrl-Z and Enter) on a line of its own")
    with heartbeat("" if typed else "reading the prompt from standard input"):
        data = sys.stdin.buffer.read()
        encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        text = data.decode(encoding, "replace").replace("\r\n", "\n").removesuffix("\n")
    if not text:
        raise UsageError("the prompt - is standard input, which is empty; pipe a text in, or leave the - out")
    return text


def standard_input_waits() -> bool:
    """A file or a pipe with text is there. Nothing is read: it may belong to a loop of the shell."""
    try:
        import fcntl
        import termios
        handle = sys.stdin.fileno()
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            return os.lseek(handle, 0, os.SEEK_CUR) < status.st_size
        waiting = bytearray(4)
        return stat.S_ISFIFO(status.st_mode) and fcntl.ioctl(handle, termios.FIONREAD, waiting) == 0 and any(waiting)
    except (ImportError, OSError, ValueError, AttributeError):    # Windows; no standard input, or one that is replaced
        return False
