"""What `reco boundaries` measured of trained networks, near boundaries and elsewhere, recorded a line each."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from reco_core.config import STRICT
from reco_core.runs.records import About, RecordedScores, UnitShare, from_line, put_json_line, read_json_lines


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """One network on one split."""

    about: About
    which: Literal["last", "best"]
    split: str
    classes: tuple[str, ...]
    scores: RecordedScores
    trimap: dict[str, UnitShare]
    """Width in pixels -> mean IoU of the pixels so near to a boundary."""
    interior: dict[str, UnitShare]
    """Width in pixels -> mean IoU of all other pixels."""
    boundary: dict[str, UnitShare]
    """Width in pixels -> mean Boundary IoU."""
    schema: Literal[3] = 3
    kind: Literal["evaluation"] = "evaluation"

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for two measurements of the same: the run's network, and the split."""
        return *self.about.identity, self.which, self.split


def put_evaluation(line: Evaluation, path: Path) -> Path:
    """Write an evaluation into a file, in the place of an earlier one of the same network and split."""
    numbers = itertools.count(1)

    def is_earlier(other: dict[str, Any]) -> bool:
        where = f"{path}, line {next(numbers)}"
        return other.get("kind") == line.kind and from_line(Evaluation, other, where).identity == line.identity

    put_json_line(path, dataclasses.asdict(line), is_earlier)
    return path


def load_evaluations(results: Path | Sequence[Path]) -> list[Evaluation]:
    """The evaluations in a folder of results, or in several, of which the first that has one counts.

    Raises:
        InputError: a line that is not what it should be, named with its file.
    """
    found: dict[tuple[Any, ...], Evaluation] = {}
    for folder in (results,) if isinstance(results, Path) else results:
        for path in sorted((folder / "evaluations").rglob("*.jsonl")):
            for line in evaluations_in(path):
                found.setdefault(line.identity, line)
    return list(found.values())


def evaluations_in(path: Path) -> list[Evaluation]:
    """All evaluations of a file of JSON lines.

    Raises:
        InputError: as `load_evaluations`.
    """
    lines = enumerate(read_json_lines(path), 1)
    return [from_line(Evaluation, line, f"{path}, line {number}") for number, line in lines]
