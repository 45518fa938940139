"""Drawing a scene of toyscapes against decoding a photograph of the same size from a JPEG file, in one run.

python benchmarks/data.py
"""

import io
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from reco_core.datasets.toyscapes import RESOLUTION, WORLD, render
from reco_core.runs.records import environment, source_revision

OUTPUT = Path(__file__).parent / "results"


def seconds(function: Callable[[int], object], count: int) -> list[float]:
    """Seconds of each of `count` calls."""
    times = []
    for index in range(count):
        started = time.perf_counter()
        function(index)
        times.append(time.perf_counter() - started)
    return times


def jpeg_of(index: int) -> bytes:
    """Scene `index` as a JPEG file of quality 90."""
    file = io.BytesIO()
    Image.fromarray(render(WORLD, "train", index)[0]).save(file, "JPEG", quality=90)
    return file.getvalue()


def main(scenes: int = 1000) -> None:
    """Measure, print and write benchmarks/results/data.json.

    Args:
        scenes: how many are drawn.
    """
    files = [jpeg_of(index) for index in range(50)]
    drawn, decoded = [], []
    for start in range(0, scenes, 50):  # in turn, so that whatever else the machine does falls on both
        drawn += seconds(lambda index, start=start: render(WORLD, "train", start + index), 50)
        decoded += seconds(lambda index: np.asarray(Image.open(io.BytesIO(files[index]))), 50)
    result = {
        "side": RESOLUTION,
        "scenes": len(drawn),
        "drawn_in_seconds": round(sum(drawn), 2),
        "median_milliseconds": {
            "toyscapes": round(1000 * statistics.median(drawn), 3),
            "jpeg": round(1000 * statistics.median(decoded), 3),
        },
        "ratio": round(statistics.median(drawn) / statistics.median(decoded), 1),
        "environment": environment("cpu"),
        "revision": source_revision(),
    }
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "data.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    tyro.cli(main)
