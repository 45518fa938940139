"""reco_book.snapshots, bench and trained: arrays of a network in training, and what a run's picture is drawn from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from reco_book import bench, snapshots, trained
from reco_core import datasets
from reco_core.config import DataConfig, TrainConfig
from reco_core.errors import InputError
from reco_core.evaluation import evaluate, predict
from reco_core.runs.records import put
from reco_core.runs.session import Session
from reco_core.sampling import relation_graph
from reco_core.trainers import Trainer

OPTIONS = TrainConfig(method="classmix", data=DataConfig(num_labelled=4, crop=(64, 64), test_split=None))
OPTIONS = replace(OPTIONS, optimisation=replace(OPTIONS.optimisation, iterations=3, batch_size=2), eval_every=3)


def scenes(split, length):
    return datasets.load("toyscapes", split=split, length=length)


@pytest.fixture
def small(monkeypatch):
    """Few scenes and steps."""
    load = datasets.load
    monkeypatch.setattr(
        snapshots.datasets, "load", lambda name, split, length=25: load(name, split=split, length=length)
    )
    monkeypatch.setattr(snapshots, "MOMENTS", (0, 3))
    monkeypatch.setattr(snapshots, "recipe", lambda name: OPTIONS)
    monkeypatch.setattr(snapshots, "Trainer", lambda options: Trainer(options, scenes("train", 12)))


def test_a_snapshot_is_what_the_networks_say(small, tmp_path):
    snapshots.record("classmix", tmp_path)
    found = snapshots.load_snapshot("classmix", tmp_path)
    again = Trainer(OPTIONS, scenes("train", 12))
    again.fit()
    val, test = scenes("val", 25), scenes("test", 25)
    images = torch.stack([test[index][0] for index in range(snapshots.SCENES)])
    assert found.steps.tolist() == [0, 3]
    assert np.array_equal(found.teacher_labels[-1], predict(again.network.eval(), images).numpy())
    assert np.array_equal(found.predicted[: snapshots.SCENES], found.teacher_labels[-1])
    expected = evaluate(again.network, val).iou.numpy()
    assert np.allclose(np.nan_to_num(found.iou[-1]), np.nan_to_num(expected), atol=1e-6)
    assert 0 <= found.student_confidence.min() and found.teacher_confidence.max() <= 1
    assert (found.teacher_confidence >= 1 / len(val.classes) - 0.01).all(), "the most probable of ten classes"
    means = torch.stack([torch.from_numpy(found.pixels_z[found.pixel_labels == c]).mean(0) for c in (0, 1)])
    own = relation_graph(means, torch.ones(2))
    assert abs(own[0, 1].item() - found.graph_z[-1][0, 1]) < 0.2, "a sample of the pixels that the graph averages"
    assert np.bincount(found.pixel_labels).max() == snapshots.PIXELS


def test_a_runs_picture_and_its_score(tmp_path, capsys):
    trainer = Trainer(OPTIONS, scenes("train", 12))
    record = Session(trainer, tmp_path / "run", val=scenes("val", 4)).run()
    put(record, tmp_path / "run" / "record.jsonl")
    picture = trained.report(tmp_path / "run", tmp_path / "none")
    assert f"{record.miou():6.2f} % mIoU  this run" in capsys.readouterr().out
    with Image.open(picture) as file:
        assert file.width > 500


def test_a_run_on_other_images_has_no_picture(tmp_path, monkeypatch):
    other = replace(OPTIONS, data=replace(OPTIONS.data, dataset="camvid"))
    monkeypatch.setattr(trained, "load_trained", lambda path: type("Trained", (), {"options": other}))
    with pytest.raises(InputError, match=r"camvid.*toyscapes"):
        trained.report(tmp_path)


def test_pieces_show_mostly_their_class():
    data = datasets.load("toyscapes", split="test", length=12, resolution=128)
    found = bench.pieces(data, ("building", "road"), per_class=3, side=24)
    assert [len(kept) for kept in found.values()] == [3, 3]
    assert all(piece.shape == (3, 24, 24) for kept in found.values() for piece in kept)


def test_a_share_of_the_gap_by_hand():
    scores = {"supervised": {0: 40.0, 1: 44.0}, "all labels": {0: 62.0}}
    assert bench.share_of_gap(5.0, scores) == pytest.approx(25.0)
