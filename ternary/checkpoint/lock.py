"""One process for one run: whoever trains into a folder holds its lock, and loses it when it ends, however it ends."""
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ternary.errors import ResourceError
from ternary.machine.files import LACKING

NAME, HOLDER = ".lock", ".lock-holder"


@contextmanager
def locked(folder: Path) -> Iterator[list[str]]:
    """Hold the lock of a run folder, which is made. ResourceError, naming the holder, if another process has it.

    -> warnings: where the file system has no locks, the folder is not protected. Folders that were made go again if an
    error leaves them empty.
    """
    warnings: list[str] = []
    lock, holder = FileLock(folder / NAME, timeout=0), folder / HOLDER
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        raise ResourceError(f"{folder} is in use by {who}; wait for it, or choose another --save-dir") from None
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        if isinstance(error, OSError) and error.errno not in LACKING:
            raise ResourceError(f"cannot write {folder}: {why}; choose a folder that can be written") from None
        warnings = [f"warning: the file system of {folder} has no locks ({why}); let no other process train into it"]
    try:
        with suppress(OSError):   # it only helps to explain
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield warnings
    except BaseException:
        with suppress(OSError):   # nothing has been written
            holder.unlink(missing_ok=True)
            if made and os.listdir(folder) == [NAME]:
                (folder / NAME).unlink()
            for place in made:
                place.rmdir()
        raise
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()            # the file stays: without it two processes could hold locks of two files
