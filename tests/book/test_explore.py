"""reco_book.explore: what is written is self-contained, what is computed agrees with other code."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from explorables import CLASSES, HTML, MADE, PALETTE, SIDE, STEPS, TREE, relation_graphs

from reco_book import explore
from reco_book.explore import circle, keys, mixing, paint, seeds, shell, thresholds
from reco_book.power import paired_power
from reco_core import losses
from reco_core import mixing as library


@pytest.mark.parametrize("name", HTML)
def test_is_self_contained(name):
    text = HTML[name]().data
    assert len(text.encode()) <= shell.MOST_BYTES and text == HTML[name]().data
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.findall(r"""\s(?:id|src)=["']""", text), "an id would clash with the same explorable further down"
    assert text.count("</script>") == 1 and "<figcaption>" in text


def test_too_much_data_is_refused():
    noise = np.random.default_rng(0).random((3, 1, 200, 200))
    snapshot = SimpleNamespace(
        steps=np.array(STEPS), teacher_labels=(4 * noise).astype(np.uint8), teacher_confidence=noise,
        student_confidence=noise,
    )  # fmt: skip
    with pytest.raises(ValueError, match="at most 100,000"):
        explore.two_thresholds(noise[:1].repeat(3, 1), np.zeros((1, 200, 200)), snapshot, CLASSES, PALETTE)


def test_data_cannot_end_the_script():
    page = shell.explorable("circle", "t", "l", "<svg></svg>", "c", {"name": "</script>", "missing": float("nan")})
    assert page.data.count("</script>") == 1 and '"missing":null' in page.data


def test_few_colours_keep_an_image():
    image = np.linspace(0, 1, 3 * SIDE * SIDE).reshape(3, SIDE, SIDE)
    numbers, table = shell.few_colours(image)
    assert np.abs(table[numbers].transpose(2, 0, 1) / 255 - image).max() < 0.1


# What is computed, against other code


@pytest.mark.parametrize("temperature, copies", [(0.5, 1), (0.1, 8)])
def test_circle_is_the_loss_and_its_gradient(temperature, copies):
    angle = torch.tensor([70.0], dtype=torch.float64, requires_grad=True)
    negatives = [20.0, 130.0, -100.0]
    many = torch.tensor(negatives + negatives[:1] * (copies - 1), dtype=torch.float64)
    query, positive, others = (
        torch.stack([turn.cos(), turn.sin()], dim=-1)[None]
        for turn in (torch.deg2rad(angle), torch.deg2rad(torch.tensor(5.0, dtype=torch.float64)), torch.deg2rad(many))
    )
    loss = losses.contrast(query, positive, others, temperature).sum()
    loss.backward()
    found = circle.circle(70.0, 5.0, negatives, temperature, copies)
    assert found.loss == pytest.approx(loss.item(), rel=1e-9)
    assert found.gradient == pytest.approx(math.degrees(angle.grad.item()), rel=1e-9)
    assert sum(found.weights) == pytest.approx(1) and sum(found.forces) == pytest.approx(-found.gradient)


def test_steps_along_the_circle_reach_the_lowest_loss():
    angle, (best, least) = 100.0, circle.lowest(30.0, [75.0, 165.0, -95.0], 0.5)
    for _ in range(200):
        gradient = circle.circle(angle, 30.0, [75.0, 165.0, -95.0], 0.5).gradient
        angle = circle.stepped(angle, gradient)
    assert angle == pytest.approx(best, abs=0.5)
    assert circle.circle(angle, 30.0, [75.0, 165.0, -95.0], 0.5).loss <= least


def test_key_shares_leave_out_absent_classes():
    shares = keys.key_shares(relation_graphs()[0])
    assert np.allclose(shares.sum(axis=1), [1, 1, 1, 0]) and not shares[:, 3].any()
    assert keys.spread(shares[0]) == pytest.approx(2)


def test_tree_lines_lead_to_every_leaf():
    order, lines = keys.tree_lines(TREE, (*CLASSES, "cat"))
    assert order == [0, 1, 2, 3, 4]
    ends = sorted((y1, leaves) for (_, _, x1, y1), leaves in lines if x1 == 1.0 and len(leaves) == 1)
    assert ends == [(0.0, [0]), (1.0, [1]), (2.0, [2]), (3.0, [3])]


def test_roles_of_pixels():
    roles = thresholds.pixel_roles([[0.5, 0.8, 0.8]], [[0.1, 0.96, 0.99]])
    assert roles.tolist() == [[thresholds.IGNORED, thresholds.HARD, thresholds.KEY]]
    counts = thresholds.role_counts([[1, 1, 0]], [[0.5, 0.8, 1.0]], [[0.1, 0.96, 0.99]], [[0, 1, 255]])
    assert counts == (1, 1, 1, pytest.approx(1 / 3), 1.0, 0.0)


def test_masks_are_those_of_the_library(generator):
    sampled = library.half_area_boxes(20, (SIDE, SIDE), generator).numpy()
    for mask in sampled:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert np.array_equal(mask, mixing.box_mask((SIDE, SIDE), int(rows[0]), int(columns[0]), len(rows)))
    chosen = mixing.half_of_classes(MADE.truth[0])
    assert len(chosen) == len(set(np.unique(MADE.truth[0])) - {255}) // 2


def test_seam_of_a_square():
    labels = np.zeros((6, 6), dtype=int)
    labels[2:4, 2:4] = 1
    assert mixing.seam(labels == 1, labels) == (8, 1.0)
    assert mixing.seam(mixing.box_mask((6, 6), 0, 0, 6), labels) == (6, pytest.approx(0.0))


def test_presets_are_what_their_names_say():
    found = paint.presets(paint.street(), paint.STREET_CLASSES)
    scores = {name: paint.score(paint.street(), labels, 5) for name, labels in found.items()}
    assert scores["All road"].miou == pytest.approx(111 / 144 / 5) and scores["Perfect"].miou == 1
    assert scores["Perfect without car"].iou[3] == 0 and len(found) == 5


def test_simulated_power_is_that_of_the_formula():
    tally = seeds.simulate(1000, 1.0, 1.0, 5)
    assert tally.power / 1000 == pytest.approx(paired_power(1.0, 1.0, 5), abs=0.04)
    assert tally.alarms / 1000 == pytest.approx(0.05, abs=0.02)
    stopped = seeds.simulate(400, 1.0, 1.0, 10, stop=True)
    assert stopped.alarms > 40 and stopped.shown_gain > 1.1
