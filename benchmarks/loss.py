"""The ReCo loss, forward and backward: seconds and peak memory against a plain transcription, and how its cost grows.

    python benchmarks/loss.py        the paper's sizes, then the growth with pixels, classes, queries and keys
    python benchmarks/loss.py --accelerator cuda

All variants take the same inputs in the same process, one call of each in turn. Memory is what is allocated beyond the
inputs, the gradient of the representation included: as that gradient alone has the representation's size, no
implementation can be below 1.0. The roofline is the time to read the representation once and to write its gradient
once, at the speed of a copy measured in the same run.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import tyro
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from reco_book.reference.plain_loss import plain_loss
from reco_core.losses import RegionalContrastLoss
from reco_core.runs.records import environment, source_revision

OUTPUT = Path(__file__).parent / "results"
SIZES = ((4, 21, 81), (20, 21, 81), (4, 19, 128))
DIMENSIONS = 256
BASE = {"pixels": 4, "classes": 21, "queries": 256, "keys": 512}
GROWTH = {
    "pixels": (1, 2, 4, 8, 16),
    "classes": (5, 10, 21, 42),
    "queries": (64, 128, 256, 512),
    "keys": (128, 256, 512, 1024),
}
Variant = Callable[[Tensor, Tensor, Tensor], Tensor]


def inputs(batch: int, classes: int, side: int, device: str, channels_last: bool = False) -> tuple[Tensor, ...]:
    """Random representations, labels in blocks as segments are, and confidence, of which about half is hard."""
    generator = torch.Generator().manual_seed(0)
    representation = torch.randn(batch, DIMENSIONS, side, side, generator=generator)
    blocks = torch.randint(classes, (batch, 1, 12, 12), generator=generator).float()
    labels = torch.nn.functional.interpolate(blocks, size=(side, side), mode="nearest")[:, 0].long()
    confidence = torch.rand(batch, side, side, generator=generator).sqrt().sqrt()
    if channels_last:
        representation = representation.contiguous(memory_format=torch.channels_last)
    return representation.to(device).requires_grad_(), labels.to(device), confidence.to(device)


def call(variant: Variant, data: tuple[Tensor, ...]) -> float:
    """Seconds of one forward and backward pass, the device idle before and after."""
    data[0].grad = None
    cuda = data[0].is_cuda
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    variant(*data).backward()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_bytes(variant: Variant, data: tuple[Tensor, ...]) -> int:
    """Most bytes allocated at any time beyond the inputs during one forward and backward pass."""
    data[0].grad = None
    if data[0].is_cuda:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        variant(*data).backward()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        variant(*data).backward()
    changes = [event for event in record.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def variants(queries: int = 256, keys: int = 512, classes: int | None = None) -> dict[str, Variant]:
    """The library's two ways of sharing keys, and the plain transcription."""
    options = {"num_queries": queries, "num_keys": keys, "num_classes": classes}
    return {
        "plain": lambda *data: plain_loss(*data, num_queries=queries, num_keys=keys),
        "query": RegionalContrastLoss(key_sharing="query", **options),
        "class": RegionalContrastLoss(key_sharing="class", **options),
    }


def roofline(data: tuple[Tensor, ...], repeats: int = 5) -> float:
    """Seconds to read the representation once and to write its gradient once: a copy does just that."""
    source, target = data[0].detach(), torch.empty_like(data[0])
    return min(call_copy(source, target) for _ in range(repeats))


def call_copy(source: Tensor, target: Tensor) -> float:
    """Seconds of one copy."""
    if source.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    target.copy_(source)
    if source.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def timed(chosen: dict[str, Variant], data: tuple[Tensor, ...], repeats: int) -> dict[str, float]:
    """Median seconds of each variant, called in turn after a first call; one that takes above 5 s is called once."""
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(repeats + 1):
        for name, variant in chosen.items():
            if not seconds[name] or seconds[name][0] < 5:
                seconds[name].append(call(variant, data))
    return {name: statistics.median(values[1:] or values) for name, values in seconds.items()}


def at_size(size: tuple[int, int, int], device: str, threads: int, repeats: int, channels_last: bool) -> dict:
    """Seconds, ratios and memory at one of the paper's sizes."""
    batch, classes, side = size
    data = inputs(batch, classes, side, device, channels_last)
    chosen = variants(classes=classes)
    seconds = timed(chosen, data, repeats)
    size_in_bytes = data[0].numel() * data[0].element_size()
    memory = {name: round(peak_bytes(variant, data) / size_in_bytes, 3) for name, variant in chosen.items()}
    return {
        "size": list(size), "threads": threads, "memory_format": "channels_last" if channels_last else "contiguous",
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "times_faster_than_plain": {name: round(seconds["plain"] / seconds[name], 1) for name in ("query", "class")},
        "peak_memory_over_representation": memory,
        "roofline_seconds": round(roofline(data), 4),
    }  # fmt: skip


def growth(device: str, repeats: int) -> dict[str, list[dict]]:
    """Seconds of the library's variants while one number changes and the others stay."""
    found: dict[str, list[dict]] = {}
    for name, values in GROWTH.items():
        for value in values:
            at = BASE | {name: value}
            data = inputs(at["pixels"], at["classes"], 81, device)
            chosen = variants(at["queries"], at["keys"], at["classes"])
            del chosen["plain"]
            seconds = timed(chosen, data, repeats)
            shown = value * 81 * 81 if name == "pixels" else value
            found.setdefault(name, []).append({name: shown, **{key: round(s, 4) for key, s in seconds.items()}})
    return found


def compiled(device: str, repeats: int) -> dict[str, float]:
    """Shared keys at (20, 21, 81) with and without `torch.compile`, called in turn; the first call compiles."""
    data = inputs(*SIZES[1], device)
    plain = variants(classes=SIZES[1][1])["class"]
    fast = torch.compile(plain)
    first = call(fast, data)
    seconds = timed({"eager": plain, "compiled": fast}, data, repeats)
    return {name: round(value, 4) for name, value in {"first_call": first, **seconds}.items()}


def same_row(one: dict, other: dict) -> bool:
    """Whether two rows of the table measured the same thing."""
    return all(one[key] == other[key] for key in ("size", "threads", "memory_format"))


def main(
    accelerator: str = "cpu",
    threads: tuple[int, ...] = (2, 1),
    repeats: int = 5,
    sizes: tuple[int, ...] = (0, 1, 2),
    with_growth: bool = True,
    with_compiled: bool = True,
) -> None:
    """Measure, print a table and write benchmarks/results/loss-<accelerator>.json; what is left out stays in the file.

    Args:
        accelerator: cpu or cuda.
        threads: of the CPU, one table row for each.
        repeats: timed calls of each variant, after one that is not.
        sizes: which of the paper's sizes, by number: (4, 21, 81), (20, 21, 81), (4, 19, 128).
        with_growth: measure the growth with pixels, classes, queries and keys.
        with_compiled: measure `torch.compile`.
    """
    path = OUTPUT / f"loss-{accelerator}.json"
    result = json.loads(path.read_text()) if path.exists() else {"sizes": [], "growth": {}}
    for count in threads if accelerator == "cpu" else threads[:1]:
        torch.set_num_threads(count)
        for size in (SIZES[number] for number in sizes):
            for channels_last in (False, True) if size == SIZES[1] and count == threads[0] else (False,):
                row = at_size(size, accelerator, count, repeats, channels_last)
                print(json.dumps(row))
                kept = [other for other in result["sizes"] if not same_row(row, other)]
                result["sizes"] = sorted(
                    [*kept, row], key=lambda row: (-row["threads"], SIZES.index(tuple(row["size"])))
                )
    torch.set_num_threads(threads[0])
    if with_compiled:
        result["compiled"] = compiled(accelerator, repeats)
    if with_growth:
        result["growth"] = growth(accelerator, repeats)
    result["environment"] = environment(accelerator)
    result["revision"] = source_revision()
    OUTPUT.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    tyro.cli(main)
