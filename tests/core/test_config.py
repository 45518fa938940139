"""reco_core.config, files and seeding."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reco_core.config import DataConfig, OptimisationConfig, ReCoConfig, TrainConfig, from_dict, to_dict
from reco_core.errors import InputError
from reco_core.files import atomic_write
from reco_core.runs.records import put_json_line, read_json_lines
from reco_core.seeding import stream_generator, stream_seed


def test_a_configuration_survives_json():
    options = TrainConfig(method="reco+cutmix", seed=3)
    assert from_dict(TrainConfig, json.loads(json.dumps(to_dict(options)))) == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sead": 1}, "unknown field 'sead': correct its name"),
        ({"data": {"corp": [1, 2]}}, r"unknown field 'data.corp': correct its name"),
        ({"optimiser": "sgd"}, "unknown field 'optimiser'"),
        ({"model": {"architecture": "vgg"}}, "model.architecture: 'vgg': .*'deeplab_v3_plus' or 'deeplab_v2'"),
        ({"data": {"crop": [1]}}, r"data.crop.1: .*required"),
        ({"data": {"crop": [96, 96.5]}}, r"data.crop.1: 96.5: .*integer"),
        ({"seed": "one"}, "seed: 'one': .*integer"),
        ({"seed": True}, "seed: True: .*integer"),
        ({"seed": -1}, "seed: -1: .*greater than or equal to 0"),
        ({"reco": {"temperature": 0}}, "reco.temperature: 0: .*greater than 0"),
        ({"weak_threshold": math.nan}, "weak_threshold: nan: .*finite"),
        ({"teacher_decay": 1.0}, "teacher_decay: 1.0: .*less than 1"),
        ({"optimisation": 3}, "optimisation: 3: .*object"),
        ({"data": {"scale": [1.5, 0.5]}}, r"scale \(1.5, 0.5\) runs backwards: give the smaller"),
        ({"optimisation": {"momentum": 0.0}}, "nesterov needs momentum above 0: .*--no-nesterov"),
        ({"seed": torch.tensor(1)}, "Tensor"),
        ([1], "object"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(InputError, match=message) as caught:
        from_dict(TrainConfig, change, "checkpoint.pt")
    assert str(caught.value).startswith("checkpoint.pt: ") and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (TrainConfig, {"seed": -1}),
        (TrainConfig, {"seed": 1.0}),
        (TrainConfig, {"weak_threshold": math.inf}),
        (OptimisationConfig, {"iterations": 0}),
        (OptimisationConfig, {"optimiser": "adam"}),
        (DataConfig, {"unlabelled_share": 0.0}),
        (DataConfig, {"unlabelled_share": 1.01}),
        (DataConfig, {"size": (0, 96)}),
        (DataConfig, {"scale": (1.5, 0.5)}),
        (ReCoConfig, {"relation_temperature": 0.0}),
        (ReCoConfig, {"no_such_field": 1}),
    ],
)
def test_a_configuration_is_checked_when_it_is_built(kind, change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        kind(**change)


def test_the_bounds_themselves_are_allowed():
    assert DataConfig(unlabelled_share=1.0, scale=(1.0, 1.0), num_labelled=1).scale == (1.0, 1.0)
    assert OptimisationConfig(momentum=0.0, nesterov=False, weight_decay=0).momentum == 0
    assert TrainConfig(teacher_decay=0.0, weak_threshold=0.0, seed=0).weak_threshold == 0


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        TrainConfig().seed = 1
    with pytest.raises(ValidationError, match="seed"):
        replace(TrainConfig(), seed=-1)


def test_methods():
    assert TrainConfig(method="reco+classmix").base_method == "classmix"
    assert TrainConfig(method="reco+supervised").uses_reco
    assert not TrainConfig(method="reco+supervised").uses_unlabelled
    assert not TrainConfig(method="cutout").uses_reco


def test_a_write_that_fails_midway_leaves_nothing(tmp_path):
    def write(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    (tmp_path / "whole").write_bytes(b"old")
    with pytest.raises(InputError, match="whole: cannot be written: No space left on device; make room"):
        atomic_write(tmp_path / "whole", write)
    assert (tmp_path / "whole").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ("[1]", "expected a JSON object, got list"), ('{"a": NaN}', "NaN is no JSON number")],
)
def test_unreadable_json(tmp_path, text, message):
    path = tmp_path / "file.jsonl"
    path.write_text('{"a": 1}\n' + text)
    for action in (lambda: read_json_lines(path), lambda: put_json_line(path, {"b": 2}, lambda other: False)):
        with pytest.raises(InputError, match=f"file.jsonl, line 2: .*{message}"):
            action()
    with pytest.raises(InputError, match=r"nothing\.jsonl: cannot be read"):
        read_json_lines(tmp_path / "nothing.jsonl")


def test_nan_is_not_written_and_the_old_file_stays(tmp_path):
    path = tmp_path / "file.jsonl"
    put_json_line(path, {"a": 1}, lambda other: False)
    with pytest.raises(ValueError):
        put_json_line(path, {"a": float("nan")}, lambda other: False)
    assert read_json_lines(path) == [{"a": 1}] and list(tmp_path.iterdir()) == [path]


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_streams_differ_by_name_and_counter(seed, counter):
    seeds = {stream_seed(seed, "a", counter), stream_seed(seed, "b", counter), stream_seed(seed, "a", counter + 1)}
    assert len(seeds) == 3 and all(0 <= value < 2**63 for value in seeds)


def test_a_stream_is_a_constant():
    """Recorded runs depend on this value: another one means other crops, splits and weights for the same seed."""
    assert stream_generator(0, "labelled", 0).initial_seed() == stream_seed(0, "labelled", 0) == 2050929389993743072


@pytest.mark.parametrize("seed", [2**32 - 1, 2**32, 2**70])
def test_large_seeds_are_taken_whole(seed):
    low, high = np.random.SeedSequence([seed, *b"crop", 3]).generate_state(2, dtype=np.uint32)
    assert stream_seed(seed, "crop", 3) == (int(high) << 31) ^ int(low)
