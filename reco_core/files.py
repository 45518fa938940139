"""Files that are either whole or absent: write beside, flush to disk, rename. And text files that people write."""

import errno
import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from reco_core.errors import InputError, one_line


def atomic_write(path: Path, write: Callable[[IO[bytes]], None], keep: Path | None = None) -> None:
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


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; refuses NaN and infinity, which JSON does not have (use None)."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    atomic_write(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: missing, unreadable, not a JSON object, or with NaN or infinity, which JSON does not have.
    """
    try:
        value = json.loads(_read_text(path), parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not valid JSON: {one_line(error)}; restore or delete it") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(value).__name__}; restore or delete it")
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number, write null")


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):  # 1e999
        _no_number(digits)
    return value


def exists(path: Path) -> bool:
    """Whether there is something at `path`.

    Raises:
        InputError: the system does not say: a folder that may not be entered, or a name that is too long.
    """
    try:
        return Path(path).exists()
    except OSError as error:
        raise _cannot_be_read(path, error) from error


def _cannot_be_read(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read: {error.strerror}; restore it, or name another file")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file in UTF-8, stripped, without empty ones.

    Raises:
        InputError: missing, unreadable, or not UTF-8.
    """
    return [line.strip() for line in _read_text(path).splitlines() if line.strip()]


def _read_text(path: Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except OSError as error:
        raise _cannot_be_read(path, error) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 (byte {error.start}); save it as UTF-8") from error
