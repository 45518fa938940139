"""Files that are either whole or absent: write beside, flush, rename. Locks, and text files."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from reco_core.errors import InputError, one_line

try:
    import fcntl
except ImportError:  # Windows has no flock: there two processes with one file are not noticed
    fcntl = None  # type: ignore[assignment]


def lock(handle: int, wait: bool = False) -> bool:
    """Take an open file for this process until it is closed; False if another has it. Some file systems cannot."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


def atomic_write(path: Path, write: Callable[[IO[bytes]], object], keep: Path | None = None) -> None:
    """Let `write` fill a temporary file in `path`'s folder, then put it in `path`'s place in one step.

    Args:
        path: of the file. A link there is replaced, not followed.
        write: fills an open binary file.
        keep: where the file that was there goes; None: it is replaced.

    Raises:
        InputError: no space, or no right to write; what was there stays as it was.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        # torch.save reports a full disk as an error of its own, with the system's as its context
        for cause in (error, error.__context__) if isinstance(error, (OSError, RuntimeError)) else ():
            if isinstance(cause, OSError):
                raise _cannot_be_written(path, cause) from error
        raise


def check_place(path: Path) -> None:
    """Refuse a place at which no file can be written, before there is something to write.

    Raises:
        InputError: a folder is there, or no right to write.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise _cannot_be_written(path, error) from error


def _cannot_be_written(path: Path, error: OSError) -> InputError:
    no_folder = isinstance(error, FileExistsError) and not path.parent.is_dir()
    reason = f"{path.parent} is no folder" if no_folder else error.strerror or one_line(error)
    return InputError(
        f"{path}: cannot be written: {reason}; make room or choose another place, then run the same command again"
    )


def read_lines(path: Path) -> list[str]:
    """The lines of a text file in UTF-8, stripped, without empty ones.

    Raises:
        InputError: missing, unreadable, or not UTF-8.
    """
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_text(path: Path) -> str:
    """A text file in UTF-8; errors as of `read_lines`."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; restore it, or name another file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 (byte {error.start}); save it as UTF-8") from error
