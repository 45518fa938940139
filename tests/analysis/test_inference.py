"""reco_core.analysis.inference: a trained network at work on image files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from shared import TINY, tiny_run

from reco_core.analysis.inference import load_trained, overlay, predict_files, segment
from reco_core.errors import InputError
from reco_core.runs.checkpoints import NAME


@pytest.fixture
def checkpoint(tmp_path):
    session = tiny_run(tmp_path / "run")
    session.run()
    return tmp_path / "run" / NAME, session


def test_the_loaded_network_is_the_trained_one(checkpoint):
    path, session = checkpoint
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = session.trainer.network.eval()(images).logits
        for which, state in (("last", session.trainer.network.state_dict()), ("best", session.best_state)):
            trained = load_trained(path, which)
            assert all(torch.equal(value, state[key]) for key, value in trained.network.state_dict().items())
        torch.testing.assert_close(load_trained(path).network(images).logits, expected)  # another memory format
    assert trained.classes == ("sky", "ground", "box") and trained.palette[0] == (120, 180, 255)


def test_overlays_and_indices_are_written(checkpoint, tmp_path):
    trained = load_trained(checkpoint[0])
    for name, size in (("wide.png", (48, 30)), ("grey.png", (33, 40))):
        pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert("L" if name == "grey.png" else "RGB").save(tmp_path / name)
    written = list(predict_files(trained, [tmp_path / "wide.png", tmp_path / "grey.png"], tmp_path / "out"))
    assert [path.name for path in written] == ["wide.png", "grey.png"]
    labels = np.array(Image.open(tmp_path / "out" / "wide.labels.png"))
    assert labels.shape == (30, 48) and labels.max() < 3
    assert Image.open(tmp_path / "out" / "wide.png").size == (48, 30)


def test_a_network_trained_on_resized_images_returns_the_files_own_size(checkpoint):
    trained = load_trained(checkpoint[0])
    resized = replace(trained, options=replace(TINY, data=replace(TINY.data, size=(32, 32))))
    assert segment(resized, torch.rand(3, 45, 70)).shape == (45, 70)


def test_overlay_mixes_by_opacity():
    image, labels = torch.zeros(3, 1, 2), torch.tensor([[0, 255]])
    mixed = overlay(image, labels, [(255, 0, 0)], opacity=0.6)
    torch.testing.assert_close(mixed[:, 0, 0], torch.tensor([0.6, 0, 0]))
    torch.testing.assert_close(mixed[:, 0, 1], torch.full((3,), 0.3))


def test_clear_errors(checkpoint, tmp_path):
    path, _ = checkpoint
    with pytest.raises(InputError, match="no such checkpoint; train one"):
        load_trained(tmp_path / "nothing.pt")
    trained = load_trained(path)
    with pytest.raises(InputError, match="a.labels.png: two results, or one and an image, would overwrite each other"):
        list(predict_files(trained, [tmp_path / "a.png", tmp_path / "b" / "a.png"], tmp_path))
    with pytest.raises(InputError, match="opacity 2 is not between"):
        list(predict_files(trained, [tmp_path / "a.png"], tmp_path, opacity=2))
    with pytest.raises(InputError, match="a.png: two results, or one and an image, would overwrite each other"):
        list(predict_files(trained, [tmp_path / "a.png"], tmp_path))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    with pytest.raises(InputError, match="broken.jpg"):
        list(predict_files(trained, [tmp_path / "broken.jpg"], tmp_path))
