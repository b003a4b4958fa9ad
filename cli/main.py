"""The `ternary` command: loads a command when it runs, and makes an error one line and an exit code."""

import difflib
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager, suppress

import click

import ternary
from ternary.errors import ResourceError, TernaryError, UsageError, line_of_user
from ternary.machine.heartbeat import heartbeat, say
from ternary.machine.ranks import be_silent_behind_rank_0, joined
from ternary.machine.streams import open_streams

# module `ternary.cli.NAME` holds the click command `command`; the help stands here, so none is loaded for it
COMMANDS = {
    "train": "Train a model.",
    "launch": "Train with several processes, on one machine or more.",
    "generate": "Continue a prompt.",
    "export": "Write a model for another runtime.",
    "eval": "Loss, perplexity and bits per character of a checkpoint.",
    "data": "Prepare and inspect text.",
    "compare": "Runs side by side.",
    "doctor": "What this machine has, and whether the kernels are right on it.",
    "audit": "Check that a model sees no future, and more.",
    "bench": "Measure speed on this machine.",
    "models": "List the models.",
}
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143
_COMPLETION = "_TERNARY_COMPLETE"


class Terminated(KeyboardInterrupt):
    """SIGTERM, or SIGHUP from a terminal that closes: a command ends as it does at Ctrl-C."""


class Ternary(click.Group):
    """A group whose commands are modules, and the one place where errors end."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"ternary.cli.{name}").command

    def resolve_command(self, ctx, args):
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(COMMANDS)}"
            raise UsageError(f"no such command: {args[0]}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args=None, prog_name=None, complete_var=None, standalone_mode=True, **extra):
        """Run one command and exit the process. Of click's own arguments only `args` matters."""
        if asked := os.environ.get(_COMPLETION):
            from click.shell_completion import shell_complete
            sys.exit(shell_complete(self, extra, self.name, _COMPLETION, asked))
        open_streams()
        be_silent_behind_rank_0()
        args = list(sys.argv[1:] if args is None else args) or ["--help"]
        if args[0] == "help":
            args = [*args[1:], "--help"]
        try:
            code = self._run(args, extra)
            sys.stdout.flush()  # here, where a reader that went away is still handled
        except BrokenPipeError:
            code = _hang_up()
        except OSError as error:
            what = f"standard output cannot be written ({error.strerror}); what the command saved is kept"
            code = _report(TernaryError(what), False)
            _hang_up()
        sys.exit(code)

    def _run(self, args, extra) -> int:
        flags = args[: args.index("--")] if "--" in args else args
        try:
            if "--debug" in flags:  # an option of the group, welcome behind the command too
                args = ["--debug", *(a for a in flags if a != "--debug"), *args[len(flags) :]]
            at_work = heartbeat(f"ternary {next((a for a in args if a in COMMANDS), '')}: at work")
            with _termination(), self.make_context(self.name, args, **extra) as ctx, at_work:
                self.invoke(ctx)
            return 0
        except click.exceptions.Exit as stop:
            return stop.exit_code
        except BrokenPipeError:
            raise
        except SystemExit as stop:  # a second signal
            joined().fail("ended by a signal", stop.code)
            raise
        except getattr(click.exceptions, "NoArgsIsHelpError", ()) as group:  # click before 8.2 prints the help itself
            click.echo(group.ctx.get_help())
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if "--debug" in flags or os.environ.get("TERNARY_DEBUG", "0") not in ("0", ""):
                traceback.print_exception(error)
            frames = traceback.walk_tb(error.__traceback__)
            if isinstance(error, OSError) and any(frame.f_code is click.echo.__code__ for frame, _ in frames):
                raise  # standard output is full
            return _report(error, "--json" in flags)


def _report(error: BaseException, as_json: bool) -> int:
    """Print what happened on stderr, and on stdout too under --json; the exit code."""
    if isinstance(error, MemoryError):
        error = ResourceError("out of memory; a smaller model, shorter texts or a smaller --batch needs less")
    line = line_of_user(error)
    if isinstance(error, OSError):  # a full disk, a file that went away
        where = "".join(f"{part}: " for part in (line, error.filename) if part)
        error = ResourceError(f"{where}{error.strerror or error}; --debug shows where this happened")
    library = (error.name or "numba").partition(".")[0] if isinstance(error, ImportError) and not line else "ternary"
    if library != "ternary":  # such as a NumPy that is too new for this Numba
        library = "numba numpy" if library in ("numba", "numpy", "llvmlite") else library
        error = ResourceError(f"a library does not load ({error}); pip install --force-reinstall {library}")
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        code, name = (TERMINATED, "terminated") if isinstance(error, Terminated) else (INTERRUPTED, "interrupted")
        message = f"{name}; {error}" if str(error) else name
    elif isinstance(error, TernaryError):
        code, name, message = error.exit_code, error.code, " ".join(str(error).split())
    elif isinstance(error, click.ClickException):
        name = UsageError.code if isinstance(error, click.UsageError) else TernaryError.code
        code, message = error.exit_code, " ".join(error.format_message().split())
        if context := getattr(error, "ctx", None):
            message = f"{message.rstrip('.')}; see {context.command_path} --help"
            arguments = [p.human_readable_name for p in context.command.params if isinstance(p, click.Argument)]
            if isinstance(error, click.NoSuchOption) and arguments:
                message += f"; if it is the {arguments[0]}, give it last and write -- before it"
    else:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        code, name, message = 1, "internal", f"internal error ({what}); run again with --debug"
        if line:
            name, message = TernaryError.code, f"{line}: {what}; --debug shows the traceback"
    say(f"Error: {message}")
    if as_json:
        click.echo(json.dumps({"error": {"code": name, "message": message}}))
    joined().fail(message, code)
    return code


@contextmanager
def _termination():
    """Inside, SIGTERM and SIGHUP raise Terminated; SIGHUP once, as a terminal may send several. `nohup` ignores it."""

    def terminate(number, frame):
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread only
        return
    numbers = [n for n in (signal.SIGTERM, getattr(signal, "SIGHUP", None)) if n]
    before = {n: signal.signal(n, terminate) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hang_up() -> int:
    """Nobody reads stdout, or it is full: let nothing more be said, not even while Python shuts down."""
    with suppress(OSError), open(os.devnull, "w") as null:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(null.fileno(), stream.fileno())
    return BROKEN_PIPE


@click.group(cls=Ternary, name="ternary", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ternary.__version__, prog_name="ternary")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks (also TERNARY_DEBUG=1).")
def main():
    """Train and run small language models on CPU cores."""


if __name__ == "__main__":
    main()
