"""Two processes against one, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from shared import ROOT


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """(one process alone, first of two, second of two) after all cases of the worker."""
    folder = tmp_path_factory.mktemp("processes")
    for devices in (1, 2):
        command = [sys.executable, str(Path(__file__).with_name("distributed_worker.py")), str(folder), str(devices)]
        if devices > 1:
            command[1:1] = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
        where = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
        done = subprocess.run(command, cwd=ROOT, env=where, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads((folder / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1")]
    return [*found, folder]


def test_evaluation_is_the_same_to_the_last_pixel(results):
    alone, here, there, _ = (results[number] for number in range(4))
    assert alone["evaluation"] == here["evaluation"] == there["evaluation"]
    assert torch.tensor(alone["evaluation"]["confusion"]).sum() == 7 * 32 * 32, "no image twice"


def test_gradients_of_the_same_global_batch(results):
    """Equal up to rounding, 1e-4 of the largest, where batch norms use fixed statistics and every pixel counts."""
    expected, here, there = (torch.tensor(result["gradient"]["gradient"]) for result in results[:3])
    assert torch.equal(here, there)
    assert (here - expected).abs().max() < 1e-4 * expected.abs().max()


def test_a_process_without_a_valid_class_neither_breaks_nor_leaves_the_others(results):
    here, there = (result["no_class"] for result in results[1:3])
    assert here["finite"] and there["finite"] and here["reco"] > 0 and there["reco"] == 0
    assert here["weights"] == there["weights"], "both made the same steps"


@pytest.mark.parametrize("case", ["whole_run", "s4gan"])
def test_a_whole_run_ends_alike_in_both_processes(results, case):
    here, there = (result[case] for result in results[1:3])
    assert here == there and len([entry for entry in here["history"] if "miou" in entry]) == 2
    assert (results[3] / "reco+classmix2" / "checkpoint.pt").exists()
