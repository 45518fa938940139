"""Many steps in small: does a run grow in memory, open files or threads?

    python benchmarks/load.py                  20,000 steps of ReCo + ClassMix on toyscapes, a tiny network and crop
    python benchmarks/load.py --steps 2000

Reports, evaluations and checkpoints are as frequent as in a real run. Writes benchmarks/results/load.json.
"""

import gc
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import tyro

from reco_core import datasets
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.runs.records import environment, source_revision
from reco_core.runs.session import Session
from reco_core.trainers import Trainer

OUTPUT = Path(__file__).parent / "results" / "load.json"
STATUS = Path("/proc/self/status")
"""What Linux says of a process; other systems are not measured."""


def measure(step: int) -> dict[str, Any]:
    """Resident memory in MB, open files and threads of this process, after a collection of what nobody refers to."""
    gc.collect()
    said = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return {
        "step": step,
        "memory_mb": round(int(said["VmRSS"].split()[0]) / 1000, 1),
        "open_files": sum(1 for _ in (STATUS.parent / "fd").iterdir()),
        "threads": int(said["Threads"]),
    }


class Watch:
    """A reporter that measures."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        self.entries.append(measure(step))

    def on_scores(self, step: int, scores: Any) -> None: ...


def run(steps: int, every: int) -> list[dict[str, Any]]:
    """Train so many steps and measure every so many."""
    options = TrainConfig(
        data=DataConfig(size=(32, 32), crop=(24, 24), scale=(0.5, 1.5), num_labelled=6),
        model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=8, width=8),
        optimisation=OptimisationConfig("sgd", iterations=steps, batch_size=1, learning_rate=2e-2),
        reco=ReCoConfig(num_queries=8, num_keys=8),
        weak_threshold=0.0,
        log_every=every,
        eval_every=5 * every,
        checkpoint_every=5 * every,
        accelerator="cpu",
    )
    scenes = datasets.cached(datasets.load("toyscapes", length=24, size=(32, 32)))
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        Session(Trainer(options, scenes), Path(folder) / "run", val=scenes, test=scenes, reporter=watch).run()
    return watch.entries


def main(steps: int = 20_000, every: int = 200, threads: int = 1) -> None:
    """Run and record.

    Args:
        steps: of training.
        every: steps between two measurements and reports; evaluations and checkpoints come every fifth time.
        threads: of the CPU.
    """
    torch.set_num_threads(threads)
    started = time.perf_counter()
    watched = run(steps, every)
    later = [entry for entry in watched if entry["step"] >= steps / 10]
    found = {
        "steps": steps,
        "seconds": round(time.perf_counter() - started),
        "checkpoints": steps // (5 * every),
        "growth_mb": round(later[-1]["memory_mb"] - later[0]["memory_mb"], 1),
        "environment": environment("cpu"),
        "revision": source_revision(),
        "watched": watched,
    }
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{steps} steps in {found['seconds']} s; growth over the last nine tenths {found['growth_mb']} MB;"
          f" open files {watched[0]['open_files']} -> {watched[-1]['open_files']}")  # fmt: skip


if __name__ == "__main__":
    tyro.cli(main)
