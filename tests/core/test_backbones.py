"""reco_core.backbones: timm's extractors, and which normalisation weights get. Offline: all weights are random."""

import sys

import pytest
import timm
import torch
import torchvision

from reco_core.backbones import IMAGENET_NORMALISATION, SYMMETRIC_NORMALISATION, build_backbone
from reco_core.config import ModelConfig
from reco_core.errors import InputError
from reco_core.models import build_model, deeplab_v2, deeplab_v3_plus
from reco_core.runs.session import normalisation_of

SMALL = {"test_resnet": 4, "test_convnext": 4, "test_efficientnet": 4, "test_vit": 16, "test_vit2": 16}
"""timm's own test networks, and the stride of their finest features from 4 on."""


@pytest.mark.parametrize("name", SMALL)
def test_extractors_of_every_kind_train(name):
    """Convolutions and transformers, on sides that no patch divides; a ViT pads them."""
    network = deeplab_v3_plus(3, f"timm:{name}", representation_dim=8, width=16)
    output = network(torch.rand(2, 3, 72, 100))
    side = [-(-length // SMALL[name]) for length in (72, 100)]
    assert list(output.logits.shape) == [2, 3, *side] and list(output.representation.shape) == [2, 8, *side]
    (output.logits.mean() + output.representation.mean()).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.encoder.backbone.parameters())


def test_features_with_channels_last_are_turned():
    network = deeplab_v3_plus(3, "timm:swin_tiny_patch4_window7_224", representation_dim=8, width=16).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, 64, 96)).logits.shape == (1, 3, 16, 24)


@pytest.mark.parametrize(("build", "stride"), [(deeplab_v3_plus, 16), (deeplab_v2, 8)])
def test_convolutions_are_dilated_to_the_stride(build, stride):
    backbone = build(3, "timm:test_resnet").encoder.backbone.eval()
    assert backbone(torch.rand(1, 3, 64, 64))[1].shape[-1] == 64 // stride


@pytest.mark.parametrize("name", ["test_resnet", "resnet18", "mobilevit_xxs"])
def test_timm_says_what_its_weights_expect(name):
    _, (mean, std) = build_backbone(f"timm:{name}", None, 16)
    known = timm.get_pretrained_cfg(name)
    assert (tuple(mean), tuple(std)) == (known.mean, known.std)


def test_a_file_of_timm_weights(tmp_path):
    torch.manual_seed(0)
    whole = timm.create_model("test_resnet", pretrained=False)
    torch.save(whole.state_dict(), tmp_path / "w.pth")
    loaded, _ = build_backbone("timm:test_resnet", tmp_path / "w.pth", 16)
    assert torch.equal(loaded.network.state_dict()["layer1.0.conv1.weight"], whole.layer1[0].conv1.weight)


@pytest.mark.parametrize("name", ["timm:test_resnet", "timm:test_vit", "resnet18"])
def test_code_in_a_file_of_weights_is_not_run(tmp_path, name):
    class Acts:
        def __reduce__(self):
            return (tmp_path / "acted").touch, ()

    torch.save({"conv1.weight": Acts()}, tmp_path / "w.pth")
    with pytest.raises(InputError):
        build_backbone(name, tmp_path / "w.pth", 16)
    assert not (tmp_path / "acted").exists()


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("timm:no_such_network", None, "timm:no_such_network cannot be built"),
        ("timm:test_resnet", "nothing.pth", "nothing.pth: no such weights file"),
        ("vgg", None, "unknown backbone 'vgg'.*timm:NAME"),
    ],
)
def test_clear_errors(name, weights, message):
    with pytest.raises(InputError, match=message):
        deeplab_v3_plus(3, name, weights=weights)


def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'reco-core\[timm\]'"):
        deeplab_v3_plus(3, "timm:test_resnet")


FILES = {
    "mobilenet_v2": ("mobilenet_v2", {}, IMAGENET_NORMALISATION),
    "mobilenet_v2_035": ("mobilenet_v2", {"width_mult": 0.35}, SYMMETRIC_NORMALISATION),
    "resnet18": ("resnet18", {}, IMAGENET_NORMALISATION),
}


@pytest.mark.parametrize("backbone", FILES)
@pytest.mark.parametrize("option", [None, "imagenet", "symmetric"])
def test_a_file_gets_the_normalisation_of_its_source_or_the_one_that_is_asked_for(tmp_path, backbone, option):
    """Torchvision's file the same as torchvision's weights by name."""
    constructor, options, expected = FILES[backbone]
    torch.save(getattr(torchvision.models, constructor)(**options).state_dict(), tmp_path / "w.pth")
    model = ModelConfig(backbone=backbone, weights=str(tmp_path / "w.pth"), normalisation=option, width=8)
    network = build_model(model, 3)
    used = network.normalise
    expected = {None: expected, "imagenet": IMAGENET_NORMALISATION, "symmetric": SYMMETRIC_NORMALISATION}[option]
    assert used.mean.flatten().tolist() == pytest.approx(expected[0])
    assert used.std.flatten().tolist() == pytest.approx(expected[1])
    assert normalisation_of(network) == ("imagenet" if expected == IMAGENET_NORMALISATION else "symmetric")
