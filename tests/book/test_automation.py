"""What runs on a push, weekly or before a commit is what a person calls: targets of the Makefile, tools of .venv."""

import re

import pytest
import yaml
from shared import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_targets_of_the_makefile(path):
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert commands
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


@pytest.mark.parametrize("python", ["3.11", "3.14"])
@pytest.mark.parametrize("system", ["ubuntu", "macos"])
def test_every_promised_platform_is_tested(python, system):
    matrix = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    assert python in matrix["python"] and f"{system}-latest" in matrix["os"]


def test_before_a_commit_the_checks_of_make_test_run():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checks = (ROOT / "scripts" / "test.sh").read_text().replace("--check .", "--check").replace("check .", "check")
    assert {hook["entry"].removeprefix(".venv/bin/") for hook in hooks} <= set(checks.splitlines())
