"""Standard input, output and error, as a shell, a console or a service may hand them over."""
import os
import sys


def open_streams() -> None:
    """Make the three usable: one that is closed becomes the null device, before another file gets its number; what an
    encoding does not have is written as an escape; lines end alike on all systems."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)             # the lowest number that is free: this one
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)      # by helper processes
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):        # not one that a program has put there
            stream.reconfigure(errors="backslashreplace", newline="\n")
