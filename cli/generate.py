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

TOGETHER = 32                     # texts of a thread that grow at once


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
@click.option("--prompts", type=UserPath(), metavar="FILE", help="Continue each line of FILE, many at once, "
              "text k with seed + k; - is standard input. With --json a line of JSON for each.")
@click.option("--approximate", is_flag=True, help="Round float weights to 5 or 8 bits, by the CPU, and keys "
              "and values to bf16: faster, but tokens may differ.")
@click.option("--save-state", type=UserPath(), metavar="FILE", help="Save the decoding state, to go on with "
              "--load-state without reading the text again.")
@click.option("--load-state", type=UserPath(), metavar="FILE", help="PROMPT continues the text of that state.")
@click.option("--seed", type=Number(int, Rule(at_least=0, example=0)), default=0, show_default=True, help="Random "
                                                                                                          "seed.")
@click.option("--threads", type=positive_int(2), help="Number of threads. [default: all usable cores]")
@click.option("--no-stream", is_flag=True, help="Print the text when it is complete.")
@json_option
def command(prompt, checkpoint, model, max_tokens, stop, decoder, set, prompts, approximate, save_state, load_state,
            seed, threads, no_stream, as_json, **sampling):
    """Continue PROMPT (or begin a story) until the story ends or --max-tokens.

    PROMPT - is standard input. One that begins with a dash comes last, after two dashes.

    \b
    ternary generate "Once upon a time"
    ternary generate "Once upon a time" --save-state a; ternary generate " Then" --load-state a
    ternary generate - < begin.txt
    ternary generate --prompts prompts.txt --json > texts.jsonl
    ternary generate -- "- Who is there?"
    """
    from ternary.machine.threads import set_threads
    threads = set_threads(threads)
    if prompts is not None and (prompt or save_state or load_state):
        raise UsageError("--prompts takes its texts from a file, and no PROMPT, --save-state or --load-state; leave "
                         "those out, or --prompts")
    if save_state and (Path(save_state).is_dir() or not Path(save_state).absolute().parent.is_dir()):
        raise UsageError(f"--save-state {save_state}: wanted a file, in a folder that is there")
    lines = lines_of(prompts) if prompts is not None else []
    prompt = standard_input() if prompt == "-" else as_text(prompt)
    if not prompt and not lines and standard_input_waits():
        say("standard input is not read; to continue it: ternary generate -")
    clock = Clock()
    with heartbeat(clock.__str__):
        from ternary.checkpoint.load import restore
        from ternary.inference.generation import Engine
        sampling = Sampling(**{name: value for name, value in sampling.items() if value is not None})
        restored = restore(checkpoint, model=model)
        engine = Engine(restored.model, restored.tokenizer, decoder, approximate=approximate, **set)
        if approximate:
            say(approximation(engine.compiled))
        if lines:
            continue_all(engine, lines, max_tokens, sampling, seed, stop, threads, clock, as_json)
            return
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


def continue_all(engine, prompts, max_tokens, sampling, seed, stop, threads, clock, as_json):
    """Print the texts of `prompts`, some at a time, so that states of all are never in memory together."""
    count = TOGETHER * threads
    for first in range(0, len(prompts), count):
        clock.texts = f"generating: {first:,} of {len(prompts):,} texts"
        some = prompts[first:first + count]
        for prompt, text in zip(some, engine.generate_many(some, max_tokens, sampling, seed + first, stop, threads)):
            if as_json:
                emit({"prompt": prompt, "text": prompt + text}, True)
            else:
                click.echo(prompt + text + "\n")


def approximation(compiled):
    """What --approximate changes, for the screen."""
    from ternary.kernels.decode.pack import NARROW_BITS
    found = [f"{compiled.rounded_matrices} float matrices in {NARROW_BITS} bits"] * bool(compiled.rounded_matrices)
    found += ["keys and values in bf16"] * bool(compiled.built.attentions)
    return f"approximate: {', '.join(found)}" if found else ("--approximate changes nothing: this model has neither "
                                                             "float matrices nor attention")


class Clock:
    """What `generate` is doing, for the heartbeat, and since when. start: when the prompt was read."""

    def __init__(self):
        self.begin = self.start = time.perf_counter()
        self.done = self.of = self.tokens = 0
        self.texts = ""                           # how many of several are done
        self.shown = False                        # a piece of the text since the last line

    def read(self, done: int, of: int) -> None:
        self.done, self.of, self.start = done, of, time.perf_counter()

    def __str__(self) -> str:
        if self.shown:
            self.shown = False
            return ""
        if self.texts:
            return self.texts
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
    """The prompt from standard input. The last line end is that of the line, not of the prompt."""
    typed = sys.stdin.isatty()
    if typed:
        say("type the prompt; it ends with Ctrl-D (Windows: Ctrl-Z and Enter) on a line of its own")
    with heartbeat("" if typed else "reading the prompt from standard input"):
        text = decoded(sys.stdin.buffer.read())
    if not text:
        raise UsageError("standard input is empty; pipe a text in, or leave the - out")
    return text


def decoded(data: bytes) -> str:
    """Text without its last line end: UTF-8, or UTF-16 with its mark."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return data.decode(encoding, "replace").replace("\r\n", "\n").removesuffix("\n")


def lines_of(path: str) -> list[str]:
    """The prompts of a file, one on each line; an empty line begins a story."""
    if path == "-":
        return standard_input().split("\n")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"--prompts {path} cannot be read ({error.strerror or error}); name a text file with a "
                         "prompt on each line, or - for standard input") from None
    if not data:
        raise UsageError(f"--prompts {path} is empty; wanted a prompt on each line")
    return decoded(data).split("\n")


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
