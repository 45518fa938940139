"""Nothing asks an accelerator for float64, which Apple's GPUs do not have; `without_float64.py` emulates one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("without_float64.py")


@pytest.fixture(scope="module")
def outcomes():
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("room", ["loss", "train", "evaluation", "relations"])
def test_no_float64_on_an_accelerator(outcomes, room):
    cases = {name: error for name, error in outcomes.items() if name.startswith(room)}
    assert cases and set(cases.values()) == {None}, cases


@pytest.mark.parametrize("what", ["drawn in float64", "moved", "a double"])
def test_the_emulated_device_refuses_it(outcomes, what):
    assert outcomes[f"refused: {what}"] == "TypeError: the device has no float64"
