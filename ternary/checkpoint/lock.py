"""One process for one run: whoever trains into a folder holds its lock, and loses it when it ends, however it ends."""
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ternary.errors import ResourceError

NAME, HOLDER = ".lock", ".lock-holder"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder, which is made. ResourceError, naming the holder, if another process has it.

    Folders that were made go again if an error leaves them empty.
    """
    lock, holder = FileLock(folder / NAME, timeout=0), folder / HOLDER
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        raise ResourceError(f"{folder} is in use by {who}; wait for it, or choose another --save-dir") from None
    except OSError as error:
        raise ResourceError(f"cannot write {folder}: {error.strerror}; choose a folder that can be written") from None
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    except BaseException:
        holder.unlink(missing_ok=True)
        with suppress(OSError):   # nothing has been written
            if made and os.listdir(folder) == [NAME]:
                (folder / NAME).unlink()
            for place in made:
                place.rmdir()
        raise
    finally:
        holder.unlink(missing_ok=True)
        lock.release()            # the file stays: without it two processes could hold locks of two files
