"""reco_core.sampling against the oracle (:eq:`eq-sets`, :eq:`eq-relation`, :eq:`eq-hard`)."""

import math

import pytest
import torch
from examples import example, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reco_book.reference import oracle
from reco_core.sampling import (
    class_prototypes,
    draw_pixels,
    gather_pixels,
    group_pixels,
    key_class_probabilities,
    pixel_rows,
    relation_graph,
)


def test_prototypes_and_relations_equal_the_oracle():
    representation, labels, _ = example(classes=4)
    prototypes, counts = class_prototypes(representation, labels, 6)
    graph = relation_graph(prototypes, counts)
    flat, vectors = labels.flatten().tolist(), rows(representation)
    assert counts.tolist() == [len(oracle.pixels_of(flat, c)) for c in range(6)] and counts[4:].tolist() == [0, 0]
    for p in range(4):
        assert prototypes[p].tolist() == pytest.approx(oracle.class_mean(vectors, flat, p), abs=1e-12)
        for q in range(4):
            assert graph[p, q].item() == pytest.approx(oracle.relation(vectors, flat, p, q), abs=1e-12)
    assert graph[4:].isnan().all() and graph[:, 4:].isnan().all() and prototypes[4:].eq(0).all()


def test_prototypes_do_not_depend_on_memory_format_or_ignored_pixels():
    representation, labels, _ = example()
    expected = class_prototypes(representation, labels, 4)
    last = representation.to(memory_format=torch.channels_last)
    ignored = representation.clone().permute(0, 2, 3, 1)
    ignored[labels == 255] = 1e6
    for other in (last, ignored.permute(0, 3, 1, 2)):
        for ours, theirs in zip(class_prototypes(other, labels, 4), expected, strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_summed_in_float32(dtype):
    """1,000 pixels of 1.0 and one of 1,000: bfloat16 sums would lose them."""
    representation = torch.ones(1, 1, 1, 1001, dtype=dtype)
    representation[..., -1] = 1000
    prototypes, _ = class_prototypes(representation, torch.zeros(1, 1, 1001, dtype=torch.int64), 1)
    assert prototypes.dtype == torch.float32 and prototypes.item() == pytest.approx(2000 / 1001)


@pytest.mark.parametrize("temperature", [0.5, 0.1, None])
def test_key_classes_follow_the_softmax_of_the_relations(temperature):
    representation, labels, _ = example()
    prototypes, counts = class_prototypes(representation, labels, 5)
    probabilities = key_class_probabilities(
        relation_graph(prototypes, counts), counts, relation_temperature=temperature
    )
    for c in range(4):
        expected = oracle.key_distribution(rows(representation), labels.flatten().tolist(), c, temperature or 1.0)
        assert probabilities[c].tolist() == pytest.approx([expected.get(j, 0.0) for j in range(5)], abs=1e-12)
        assert probabilities[c, c] == 0 and probabilities[c, 4] == 0


def test_uniform_keys_are_as_likely_as_their_class_has_pixels():
    counts = torch.tensor([30.0, 0.0, 10.0, 60.0])
    probabilities = key_class_probabilities(torch.zeros(4, 4), counts, "uniform")
    assert probabilities[0].tolist() == pytest.approx([0, 0, 10 / 70, 60 / 70])
    assert probabilities[3].tolist() == pytest.approx([30 / 40, 0, 10 / 40, 0])


def test_a_lonely_class_gives_probabilities_without_nan():
    for counts in ([5.0, 0.0], [0.0, 0.0]):
        probabilities = key_class_probabilities(torch.full((2, 2), math.nan), torch.tensor(counts))
        assert probabilities.isfinite().all() and torch.allclose(probabilities.sum(1), torch.ones(2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_groups_are_exactly_the_sets_of_eq_4(seed, classes):
    _, labels, confidence = example(seed, classes)
    groups = group_pixels(labels, confidence < 0.5, classes)
    flat, sure = labels.flatten().tolist(), confidence.flatten().tolist()
    for c in range(classes):
        start, hard, total = (int(values[c]) for values in (groups.start, groups.hard, groups.total))
        run = groups.order[start : start + total].tolist()
        assert sorted(run) == oracle.pixels_of(flat, c)
        assert sorted(run[:hard]) == oracle.hard_pixels(flat, sure, c, 0.5)


def test_draws_are_uniform_within_a_class_and_reach_its_ends():
    order = torch.tensor([9, 4, 7, 1, 3])
    start, count = torch.tensor([0, 3]), torch.tensor([3, 2])
    shape = (2, 30_000)
    generator = torch.Generator().manual_seed(0)
    drawn = draw_pixels(order, start[:, None].expand(shape), count[:, None].expand(shape), generator)
    for row, members in zip(drawn, ([9, 4, 7], [1, 3]), strict=True):
        observed = [int((row == member).sum()) for member in members]
        assert sum(observed) == 30_000, "nothing from outside the class"
        assert stats.chisquare(observed).pvalue > 1e-3


def test_an_empty_class_draws_a_placeholder_inside_the_list():
    order = torch.tensor([5, 6])
    for start in (0, 2):
        drawn = draw_pixels(order, torch.tensor([start]), torch.tensor([0]))
        assert drawn.item() in (5, 6)


def test_gathered_rows_are_the_pixels():
    representation, _, _ = example()
    index = torch.tensor([[0, 83], [41, 42]])
    assert gather_pixels(representation, index).tolist() == [
        [rows(representation)[i] for i in r] for r in index.tolist()
    ]
    assert gather_pixels(representation.to(torch.bfloat16), index).dtype == torch.float32


@pytest.mark.parametrize("last", [False, True])
def test_pixel_rows_are_unit_vectors_and_leave_the_input_alone(last):
    representation, _, _ = example()
    if last:
        representation = representation.to(memory_format=torch.channels_last)
    before = representation.clone()
    unit = pixel_rows(representation)
    torch.testing.assert_close(unit, torch.nn.functional.normalize(torch.tensor(rows(before), dtype=unit.dtype), dim=1))
    assert torch.equal(representation, before)
    assert pixel_rows(representation.float().half()).dtype == torch.float32


def test_pixel_rows_of_a_single_image_lie_side_by_side():
    """Looked up by the million, rows must be contiguous; those of one image would otherwise be a strided view."""
    representation = torch.randn(1, 4, 3, 5)
    for source in (representation, representation.to(memory_format=torch.channels_last)):
        unit = pixel_rows(source)
        assert unit.is_contiguous()
        expected = torch.nn.functional.normalize(source[0].flatten(1).T, dim=1)
        torch.testing.assert_close(unit, expected)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_gathered_pixels_have_a_gradient_in_the_layout_of_their_source(memory_format):
    source = torch.randn(2, 4, 3, 5).to(memory_format=memory_format).requires_grad_()
    index = torch.tensor([[0, 16], [16, 29]])
    rows = gather_pixels(source, index)
    weights = torch.randn(2, 2, 4)
    (gradient,) = torch.autograd.grad((rows * weights).sum(), source)
    assert gradient.is_contiguous(memory_format=memory_format)
    plain = source.permute(0, 2, 3, 1).flatten(0, 2)[index]
    (expected,) = torch.autograd.grad((plain * weights).sum(), source)
    assert torch.equal(rows, plain)
    torch.testing.assert_close(gradient, expected)
