"""reco_core.config and reco_core.files."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_core.config import TrainConfig, from_dict, to_dict
from reco_core.errors import InputError
from reco_core.files import atomic_write, read_json, write_json
from reco_core.seeding import stream_generator, stream_seed


def test_a_configuration_survives_json():
    options = TrainConfig(method="reco+cutmix", seed=3)
    assert from_dict(TrainConfig, json.loads(json.dumps(to_dict(options)))) == options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sead": 1}, "unknown field 'sead' of TrainConfig"),
        ({"data": {"corp": [1, 2]}}, r"configuration.data: unknown field 'corp'"),
        ({"method": "recoo"}, "configuration.method: 'recoo' is not one of supervised"),
        ({"data": {"crop": [1]}}, r"configuration.data.crop: expected 2 values, got \[1\]"),
        ({"seed": "one"}, "configuration.seed: expected int, got 'one'"),
        ({"seed": True}, "configuration.seed: expected int, got True"),
        ({"optimiser": 3}, "configuration.optimiser: expected an object"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(InputError, match=message):
        from_dict(TrainConfig, change)


def test_methods():
    assert TrainConfig(method="reco+classmix").base_method == "classmix"
    assert TrainConfig(method="reco+supervised").uses_reco
    assert not TrainConfig(method="reco+supervised").uses_unlabelled
    assert not TrainConfig(method="cutout").uses_reco


def test_json_refuses_nan_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": 1} and list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_midway_leaves_nothing(tmp_path):
    def write(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    (tmp_path / "whole").write_bytes(b"old")
    with pytest.raises(InputError, match="whole: cannot be written: No space left on device; make room"):
        atomic_write(tmp_path / "whole", write)
    assert (tmp_path / "whole").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("text", "message"), [("{", "not valid JSON"), ("[1]", "expected a JSON object, got list")])
def test_unreadable_json(tmp_path, text, message):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(InputError, match=f"file.json: {message}"):
        read_json(tmp_path / "file.json")
    with pytest.raises(InputError, match="nothing.json: cannot be read"):
        read_json(tmp_path / "nothing.json")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_streams_differ_by_name_and_counter(seed, counter):
    seeds = {stream_seed(seed, "a", counter), stream_seed(seed, "b", counter), stream_seed(seed, "a", counter + 1)}
    assert len(seeds) == 3 and all(0 <= value < 2**63 for value in seeds)


def test_a_stream_is_a_constant():
    """Recorded runs depend on this value: another one means other crops, splits and weights for the same seed."""
    assert stream_generator(0, "labelled", 0).initial_seed() == stream_seed(0, "labelled", 0) == 2050929389993743072
