"""Recorded runs: typed, one JSON-lines file a group of recipes, read and written here alone.

A record holds all that is needed to repeat or to doubt a number: recipe and configuration, seed, labelled images,
versions, device, duration, source revision, history, scores. What a record is of stands inside it, never in its path.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import os
import platform
import reprlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self, TypeVar

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

import reco_core
from reco_core.config import STRICT, DataConfig, TrainConfig, from_dict
from reco_core.errors import InputError, one_line
from reco_core.evaluation import Scores
from reco_core.files import atomic_write, check_place, fcntl, lock, read_text

KINDS = ("run", "evaluation", "relations")
"""Of lines in a folder of results: those of another kind than "run" are read elsewhere."""
Number = int | float
UnitShare = Annotated[float, Field(ge=0, le=1)]


def source_revision() -> str | None:
    """The git commit that the library runs from, with "+" if files differ from it; None outside a repository."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder.parent / ".git").exists():  # installed, perhaps inside the repository of somebody's own project
        return None
    run = functools.partial(subprocess.run, cwd=folder, capture_output=True, text=True, check=True)
    try:
        head = run(["git", "rev-parse", "--short=12", "HEAD"]).stdout.strip()
        return head + ("+" if run(["git", "status", "--porcelain", "--", "."]).stdout else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def weights_digest(weights: str | None) -> str | None:
    """The name by which a run's record knows its initialisation: "imagenet", or file name and SHA-256 prefix."""
    if weights is None or weights == "imagenet":
        return weights
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:12]
    return f"{Path(weights).name}:{digest}"


def labels_of(data: DataConfig) -> str:
    """What the labelled images are called: a share of their pixels, the name of a list, a number, or "all"."""
    listed = Path(data.labelled_list).stem if data.labelled_list is not None else None
    return str(data.partial_labels or listed or data.num_labelled or "all")


def environment(device: torch.device | str) -> dict[str, Any]:
    """Versions and machine, as far as they can change a number.

    Of a processor, the instructions count that PyTorch uses on it ("AVX2", "AVX512"): they round differently, and the
    small differences grow during a training run.
    """
    import torchvision

    device = str(device)
    processor = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else processor
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "reco_core": reco_core.__version__,
        "device": device,
        "device_name": name,
        "threads": torch.get_num_threads(),
    }


@dataclass(frozen=True, config=STRICT)
class About:
    """Which run a line of results is about."""

    group: str
    """The recipe's name without its last part, or data set and labels."""
    recipe: str | None
    """The named recipe whose configuration was trained; None for one of a person's own."""
    preset: str | None
    """Of the recipe: "published" or "paper"."""
    method: str
    seed: int
    config: TrainConfig
    """Of the run; the pretrained weights as file name and digest, and no folder."""
    environment: dict[str, Any]
    """Versions and device."""
    revision: str | None
    """Commit of the source."""

    @classmethod
    def of(
        cls, options: TrainConfig, recipe: str | None, preset: str | None, weights: str | None,
        where: dict[str, Any], revision: str | None,
    ) -> Self:  # fmt: skip
        """About a run of this configuration; a path says where one person keeps a file, so paths are left out."""
        listed = None if options.data.labelled_list is None else Path(options.data.labelled_list).name
        data = replace(options.data, root=None, labelled_list=listed)
        model = replace(options.model, weights=weights)
        own = f"{data.dataset}/{labels_of(data)}"
        group = recipe.rpartition("/")[0] if recipe else own
        kept = replace(options, data=data, model=model)
        return cls(group, recipe, preset if recipe else None, options.method, options.seed, kept, where, revision)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two versions of one run's line: recipe, preset and seed, or without a recipe the configuration."""
        return self.recipe, self.preset, self.seed, None if self.recipe else self.config


@dataclass(frozen=True, config=STRICT)
class SplitUsed:
    """Which images had labels."""

    digest: str
    labelled: tuple[str, ...]
    unlabelled: int
    missing_classes: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class RecordedScores:
    """Scores on a split, of the network after the last step."""

    miou: UnitShare
    pixel_accuracy: UnitShare
    iou: tuple[UnitShare | None, ...]
    """Of each class; None where it does not occur."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Pixels by truth (row) and prediction."""
    confident_share: UnitShare | None = None
    """Of the pixels, those predicted with a probability of at least `evaluation.CONFIDENT`."""
    confident_accuracy: UnitShare | None = None
    """Of these, the correct ones."""

    @classmethod
    def of(cls, scores: Scores) -> Self:
        """The numbers of a confusion matrix."""

        def known(value: float) -> float | None:
            return None if value != value else round(value, 6)

        confusion = tuple(map(tuple, scores.confusion.tolist()))
        return cls(
            scores.miou, scores.pixel_accuracy, tuple(map(known, scores.iou.tolist())), confusion,
            known(scores.confident_share), known(scores.confident_accuracy),
        )  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class StudentScores:
    """Scores of the student itself, beside those of its moving average."""

    val: RecordedScores
    test: RecordedScores | None


@dataclass(frozen=True, config=STRICT)
class Best:
    """The best evaluation on the validation split; the published experiments report it."""

    step: int
    miou: UnitShare
    test_miou: UnitShare | None = None
    """Its score on the test split, in records of the first schema."""


@dataclass(frozen=True, config=STRICT)
class Record:
    """A finished training run."""

    about: About
    split: SplitUsed
    classes: tuple[str, ...]
    val: RecordedScores
    test: RecordedScores | None
    """None for a data set without a test split."""
    best: Best
    history: tuple[dict[str, Number], ...]
    """Step -> mean losses since the entry before, or the validation split's mIoU."""
    seconds: float
    student: StudentScores | None = None
    """`val` and `test` are the moving average's; None in records whose `val` and `test` are the teacher's if the method
    has one, else the student's."""
    unlabelled: RecordedScores | None = None
    """Of the moving average on unlabelled training images whose truth is known: the quality of its pseudo-labels."""
    schema: Literal[2] = 2
    kind: Literal["run"] = "run"

    @property
    def method(self) -> str:
        """How unlabelled images were used, and whether ReCo was."""
        return self.about.method

    @property
    def seed(self) -> int:
        """Of the run."""
        return self.about.seed

    @property
    def config(self) -> TrainConfig:
        """Of the run."""
        return self.about.config

    @property
    def scores(self) -> RecordedScores:
        """On the test split, or on the validation split of a data set that has no other (VOC, Cityscapes, SUN)."""
        return self.test or self.val

    def miou(self, which: str = "last") -> float:
        """Mean IoU of `scores` in percent; which: "last" step, or the "best", NaN where that was not scored."""
        if which == "last" or self.best.step == self.config.optimisation.iterations:
            return 100 * self.scores.miou
        best = self.best.miou if self.test is None else self.best.test_miou
        return float("nan") if best is None else 100 * best


def put(record: Record, path: Path) -> Path:
    """Write a record into a file of JSON lines, in the place of an earlier version of the same."""
    numbers, identity = itertools.count(1), record.about.identity

    def is_earlier(other: dict[str, Any]) -> bool:
        where = f"{path}, line {next(numbers)}"
        return other.get("kind") == record.kind and from_line(Record, other, where).about.identity == identity

    put_json_line(path, dataclasses.asdict(record), is_earlier)
    return Path(path)


def load_records(*places: Path) -> list[Record]:
    """All records in files, or below folders; of two about the same run the first counts.

    Args:
        places: files of JSON lines, or folders; those that are not there are empty.

    Raises:
        InputError: a line that is not what it should be, named with its file.
    """
    found: dict[tuple[Any, ...], Record] = {}
    for place in map(Path, places):
        for path in [place] if place.is_file() else sorted(place.rglob("*.jsonl")):
            stat = path.stat()
            for record in _records_in(path, stat.st_mtime_ns, stat.st_size):
                found.setdefault(record.about.identity, record)
    return list(found.values())


@functools.lru_cache(maxsize=1024)
def _records_in(path: Path, modified: int, size: int) -> tuple[Record, ...]:
    """Read once for as long as the file does not change."""
    found = []
    for number, line in enumerate(read_json_lines(path), 1):
        where, kind = f"{path}, line {number}", line.get("kind")
        if kind not in KINDS:
            raise InputError(
                f"{where}: kind {reprlib.repr(kind)} is none of {', '.join(KINDS)}; restore or delete the line"
            )
        if kind == "run":
            found.append(from_line(Record, line, where))
    return tuple(found)


Kind = TypeVar("Kind")


def from_line(kind: type[Kind], line: dict[str, Any], where: str) -> Kind:
    """Build a dataclass from a line of results.

    Raises:
        InputError: as `config.from_dict`.
    """
    try:
        return from_dict(kind, line, where)
    except InputError as error:
        raise InputError(f"{error}; results are not written by hand, restore or delete the line") from error


def put_json_line(path: Path, value: dict[str, Any], replaces: Callable[[dict[str, Any]], bool]) -> None:
    """Add a JSON object to a file of JSON lines, in the place of those that it replaces; one process at a time.

    Args:
        path: of the file, which need not be there yet.
        value: without NaN and infinity.
        replaces: whether an object of the file is an earlier version of `value`.

    Raises:
        InputError: the file is damaged, or cannot be written; what was there stays as it was.
    """
    path = Path(path)
    check_place(path)
    handle = os.open(path.parent, os.O_RDONLY) if fcntl is not None else None
    try:
        if handle is not None:  # the folder itself: a file for the lock would be left lying
            lock(handle, wait=True)
        there = read_json_lines(path) if path.exists() else []
        lines = [*(other for other in there if not replaces(other)), value]
        text = "".join(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n" for line in lines)
        atomic_write(path, lambda file: file.write(text.encode()))
    finally:
        if handle is not None:
            os.close(handle)


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON objects, one a line.

    Raises:
        InputError: missing, unreadable, or a line that is not a JSON object, or with NaN or infinity, which JSON does
            not have.
    """
    found = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        where = f"{path}, line {number}"
        try:
            value = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON: {one_line(error)}; restore or delete it") from error
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected a JSON object, got {type(value).__name__}; restore or delete it")
        found.append(value)
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number, write null")
