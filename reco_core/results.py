"""Recorded runs: one JSON file a run, and the tables that are drawn from them.

A record holds all that is needed to repeat or to doubt a number: configuration, seed, labelled images, versions,
device, duration, source revision, history, last and best scores.
"""

import math
import platform
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from scipy import stats

import reco_core
from reco_core import config
from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.files import read_json, write_json
from reco_core.labels import LabelledSplit

SCHEMA = 1
OTHER_KINDS = {"relations", "borders", "reruns"}
"""Folders of results beside the records: relations, border scores, and runs that were made once more."""
RESULTS = Path(__file__).resolve().parent.parent / "results"


def source_revision() -> str | None:
    """The git commit that the library runs from, with "+" if files differ from it; None outside a repository."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def environment(device: str) -> dict[str, Any]:
    """Versions and machine, as far as they can change a number.

    Of a processor, the instructions count that PyTorch uses on it ("AVX2", "AVX512"): they round differently, and the
    small differences grow during a training run.
    """
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


def make_record(
    options: TrainConfig, split: LabelledSplit, test: dict[str, Any], val: dict[str, Any], best: dict[str, Any],
    history: Sequence[dict[str, Any]], classes: Sequence[str], seconds: float, device: str, revision: str | None,
    weights: str | None,
) -> dict[str, Any]:  # fmt: skip
    """The record of a finished run: plain JSON types, None where a class does not occur."""
    settings = config.to_dict(options)
    # A path says where one person keeps a file; its digest says which file it was.
    settings["data"]["root"] = None
    settings["model"]["weights"] = weights
    return {
        "schema": SCHEMA,
        "config": settings,
        "split": {"digest": split.digest, "labelled": list(split.names), "unlabelled": len(split.unlabelled),
                  "missing_classes": list(split.missing_classes)},
        "classes": list(classes),
        "test": test,
        "val": {"last": val, "best": best},
        "history": list(history),
        "seconds": round(seconds, 1),
        "environment": environment(device),
        "revision": revision,
    }  # fmt: skip


def record_name(record: dict[str, Any]) -> str:
    """A file name that tells runs apart: data set, labels, method, seed."""
    settings = record["config"]
    labels = settings["data"]["num_labelled"] or "all"
    return f"{settings['data']['dataset']}-{labels}-{settings['method']}-seed{settings['seed']}.json"


def write_record(record: dict[str, Any], path: Path) -> Path:
    """Write a record, whole or not at all."""
    write_json(path, record)
    return path


def load_records(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All records of training runs below a folder, sorted by path; `OTHER_KINDS` lie there too, and are left out.

    Raises:
        InputError: for a file that is not a record.
    """
    paths = sorted(Path(folder).rglob("*.json"))
    return [load_record(path) for path in paths if not OTHER_KINDS & set(path.relative_to(folder).parts)]


def load_record(path: Path) -> dict[str, Any]:
    """One record.

    Raises:
        InputError: for a file that is not a record.
    """
    record = read_json(path)
    if record.get("schema") != SCHEMA or not {"config", "test", "val"} <= set(record):
        raise InputError(
            f"{path}: not a record of `reco train` (schema {record.get('schema')!r}, want {SCHEMA});"
            " restore or delete it"
        )
    wrong = _first_wrong(record)
    if wrong is not None:
        raise InputError(f"{path}: {wrong[0]} is {wrong[1]!r}; records are not written by hand, restore or delete it")
    return record


def _first_wrong(record: dict[str, Any]) -> tuple[str, Any] | None:
    """The first of the values that tables are made of that is missing or cannot be true, with its name."""

    def at(*keys: str) -> Any:
        value = record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    checks = [(("config", "method"), str), (("config", "seed"), int), (("config", "data", "dataset"), str)]
    for keys, kind in checks:
        if not isinstance(at(*keys), kind):
            return ".".join(keys), at(*keys)
    where = "test" if record["test"] else "val"
    for which in ("last", "best"):
        miou = at(where, which, "miou")
        if isinstance(miou, bool) or not isinstance(miou, (int, float)) or not 0 <= miou <= 1:
            return f"{where}.{which}.miou", miou
    return None


def miou_percent(which: str = "last") -> Callable[[dict[str, Any]], float]:
    """A function that takes the mean IoU in percent from a record; which: "last" or "best".

    It is the one on the test split, or on the validation split of a data set that has no other (VOC, Cityscapes, SUN).
    """
    return lambda record: 100 * (record["test"] or record["val"])[which]["miou"]


@dataclass(frozen=True)
class Summary:
    """Values of several seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean; NaN without values."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Sample standard deviation; NaN below two values, or if one is NaN."""
        if len(self.values) < 2 or any(map(math.isnan, self.values)):  # of which statistics.stdev raises an error
            return math.nan
        return statistics.stdev(self.values)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's t confidence interval of the mean (:eq:`eq-t-interval`); NaN below two values."""
        if len(self.values) < 2:
            return math.nan, math.nan
        half = stats.t.ppf(0.5 + level / 2, len(self.values) - 1) * self.sd / math.sqrt(len(self.values))
        return self.mean - half, self.mean + half


def by_method(
    records: Iterable[dict[str, Any]], value: Callable[[dict[str, Any]], float]
) -> dict[str, dict[int, float]]:
    """Method -> seed -> value.

    Raises:
        InputError: two records of one method and seed.
    """
    table: dict[str, dict[int, float]] = defaultdict(dict)
    for record in records:
        method, seed = record["config"]["method"], record["config"]["seed"]
        if seed in table[method]:
            raise InputError(f"two records of {method!r} with seed {seed}: select one configuration first")
        table[method][seed] = value(record)
    return dict(table)


def summarise(values: dict[int, float]) -> Summary:
    """Mean and spread over seeds."""
    return Summary(tuple(values[seed] for seed in sorted(values)))


def paired_difference(ours: dict[int, float], theirs: dict[int, float]) -> Summary:
    """Differences ours - theirs over the seeds that both have; a seed fixes split and images, so pairs share them."""
    return Summary(tuple(ours[seed] - theirs[seed] for seed in sorted(set(ours) & set(theirs))))
