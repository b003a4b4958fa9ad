"""What some file systems (network drives, exFAT, folders shared with a virtual machine) lack, and how to go on."""
import errno
import os
from pathlib import Path

LACKING = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF, errno.EISDIR}


def sync(handle: int) -> bool:
    """Have an open file or folder on the disk -> whether the file system can do that. OSError for a real failure."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in LACKING:
            raise
        return False
    return True


def sync_folder(path: Path) -> bool:
    """Have the names in a folder on the disk -> whether the file system can do that."""
    if os.name != "posix":                        # elsewhere a folder cannot be opened
        return False
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:                       # one that may be written, but not listed
        return False
    try:
        return sync(handle)
    finally:
        os.close(handle)
