"""reco_core.teacher."""

import pytest
import torch

from reco_core.models import deeplab_v3_plus
from reco_core.teacher import MeanTeacher


def network():
    return deeplab_v3_plus(3, "mobilenet_v2_035", representation_dim=8, width=16)


def test_average_follows_its_formula():
    """theta'_t = lambda_t theta'_{t-1} + (1 - lambda_t) theta_t with lambda_t = min(1 - 1/(t+1), 0.9), by hand."""
    student = torch.nn.Linear(1, 1, bias=False)
    student.weight.data.fill_(1.0)
    teacher = MeanTeacher(student, decay=0.9)
    expected, values = 1.0, [3.0, -2.0, 0.5] + [1.0] * 20
    for step, value in enumerate(values, start=1):
        student.weight.data.fill_(value)
        teacher.update(student, step)
        decay = min(1 - 1 / (step + 1), 0.9)
        expected = decay * expected + (1 - decay) * value
        assert teacher.network.weight.item() == pytest.approx(expected, rel=1e-6)


def test_own_and_copied_batch_norm_statistics():
    student, images = network(), torch.rand(2, 3, 32, 32)
    own, copied = MeanTeacher(student, batch_norm="own"), MeanTeacher(student, batch_norm="copy")
    student.train()(images * 0.1)
    valid = torch.ones(2, 32, 32, dtype=torch.bool)
    own.label(images, valid), copied.label(images, valid)
    for teacher in (own, copied):
        teacher.update(student, 1)
    key = "encoder.backbone.low.0.1.running_mean"
    assert torch.equal(copied.network.state_dict()[key], student.state_dict()[key])
    assert not torch.equal(own.network.state_dict()[key], student.state_dict()[key])
    assert own.network.training and not copied.network.training


def test_labels_are_the_argmax_and_padding_is_ignored():
    teacher = MeanTeacher(network(), batch_norm="copy")
    images, valid = torch.rand(2, 3, 32, 32), torch.ones(2, 32, 32, dtype=torch.bool)
    valid[:, :, 20:] = False
    labels, confidence = teacher.label(images, valid)
    assert (labels[:, :, 20:] == 255).all() and (confidence[:, :, 20:] == 0).all()
    assert (labels[:, :, :20] < 3).all() and (confidence[:, :, :20] >= 1 / 3).all()
    assert not confidence.requires_grad


def test_the_teacher_is_not_trained():
    teacher = MeanTeacher(network())
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_clear_errors():
    with pytest.raises(ValueError, match="decay"):
        MeanTeacher(torch.nn.Linear(1, 1), decay=1.0)
    with pytest.raises(ValueError, match="batch_norm"):
        MeanTeacher(torch.nn.Linear(1, 1), batch_norm="sometimes")
