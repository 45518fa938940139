"""Training runs that share one device: steps a second of one process, and of several at once.

    python benchmarks/share.py --accelerator cuda --processes 1 14

Each process trains ReCo + ClassMix as `camvid/20` does, on images of noise. All start together, after their first
steps. With NVIDIA's Multi-Process Service (`nvidia-cuda-mps-control -d` before, `echo quit | nvidia-cuda-mps-control`
after) the kernels of several processes run at the same time instead of taking turns; say so with `--mps`.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace

import torch
import tyro
from step import OUTPUT, RandomScenes

import reco_book  # noqa: F401 - its recipes
from reco_core.runs.recipes import recipe
from reco_core.runs.records import environment, source_revision
from reco_core.trainers import Trainer

WARM = 5
"""Steps before the clock starts."""


def train(accelerator: str) -> None:
    """A process: get ready, wait for the number of seconds, print how many steps they held and how long they were."""
    torch.set_num_threads(1)
    options = recipe("camvid/20/reco+classmix")
    options = replace(
        options,
        model=replace(options.model, weights=None),
        data=replace(options.data, num_labelled=4),
        optimisation=replace(options.optimisation, iterations=100_000),
        accelerator=accelerator,
    )
    data = RandomScenes((180, 240), 11)
    trainer = Trainer(options, data)
    batches = trainer.batches(range(100_000))
    for _ in range(WARM):
        trainer.training_step(*next(batches))
    finish(accelerator)
    print("ready", flush=True)
    window, started, steps = float(sys.stdin.readline()), time.time(), 0
    while time.time() - started < window:
        trainer.training_step(*next(batches))
        steps += 1
    finish(accelerator)
    print(steps, time.time() - started, flush=True)


def finish(accelerator: str) -> None:
    """Wait for the GPU, if there is one."""
    if accelerator == "cuda":
        torch.cuda.synchronize()


def together(processes: int, seconds: float, accelerator: str) -> float:
    """Steps a second of all processes at once."""
    command = [sys.executable, __file__, "--accelerator", accelerator, "--child"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(processes)]
    for process in started:
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("a process failed; its message is above")
    for process in started:
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
    rates = []
    for process in started:
        steps, taken = map(float, process.stdout.readline().split())
        rates.append(steps / taken)
        process.wait()
    return sum(rates)


def main(
    accelerator: str = "cpu",
    processes: tuple[int, ...] = (1, 2),
    seconds: float = 8.0,
    mps: bool = False,
    child: bool = False,
) -> None:
    """Measure, print and write benchmarks/results/share-<accelerator>.json, beside what is there with and without MPS.

    Args:
        accelerator: cpu or cuda.
        processes: how many at once; one measurement each.
        seconds: of each.
        mps: the Multi-Process Service runs.
        child: be one of the processes.
    """
    if child:
        train(accelerator)
        return
    path = OUTPUT / f"share-{accelerator}.json"
    result = json.loads(path.read_text()) if path.exists() else {"steps_a_second": {}}
    for count in processes:
        name = f"{count}, MPS" if mps else str(count)
        result["steps_a_second"][name] = round(together(count, seconds, accelerator), 1)
        print(name, result["steps_a_second"][name])
    result["environment"] = environment(accelerator) | {"threads": 1}
    result["revision"] = source_revision()
    OUTPUT.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    tyro.cli(main)
