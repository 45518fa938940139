"""reco_core.losses: Eq. 1 against the oracle, its invariances, its levels, and every degenerate batch."""

import math

import pytest
import torch
from examples import example, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reco_book.reference import oracle
from reco_core.losses import (
    RegionalContrastLoss,
    contrast,
    contrast_own_keys,
    supervised_cross_entropy,
    unsupervised_cross_entropy,
)
from reco_core.sampling import FeatureBank, class_prototypes, key_class_probabilities, relation_graph


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws_of(loss, *batch, generator):
    """The loss's value and the pixels that it drew."""
    same = torch.Generator().set_state(generator.get_state())
    drawn = loss.draw(*batch, generator=same)
    return loss(*batch, generator=generator), drawn.queries, drawn.keys


@pytest.mark.parametrize("sharing", ["class", "query"])
@pytest.mark.parametrize("query_sampling", ["hard", "random", "easy"])
@pytest.mark.parametrize("key_sampling", ["relation", "uniform"])
@pytest.mark.parametrize("last", [False, True])
def test_equals_the_oracle_on_the_drawn_pixels(sharing, query_sampling, key_sampling, last):
    """:eq:`eq-reco`, to 1e-9 in float64; class 3 has no hard pixel, class 5 is absent."""
    representation, labels, confidence = example()
    confidence[labels == 3] = 0.99 if query_sampling == "hard" else 0.1
    if last:
        representation = representation.to(memory_format=torch.channels_last)
    loss = RegionalContrastLoss(
        6, 9, 0.3, strong_threshold=0.5, query_sampling=query_sampling, key_sampling=key_sampling,
        key_sharing=sharing, num_classes=6,
    )  # fmt: skip
    value, queries_at, keys_at = draws_of(loss, representation, labels, confidence, generator=seeded())
    flat, sure = labels.flatten().tolist(), confidence.flatten().tolist()
    queries, keys = {}, {}
    for c in range(4):
        hard = set(oracle.hard_pixels(flat, sure, c, 0.5))
        allowed = {
            "hard": hard,
            "random": set(oracle.pixels_of(flat, c)),
            "easy": set(oracle.pixels_of(flat, c)) - hard,
        }
        queries[c] = queries_at[c].tolist() if allowed[query_sampling] else []
        assert set(queries[c]) <= allowed[query_sampling]
        keys[c] = keys_at[c].tolist() if sharing == "query" else [keys_at[c].tolist()] * 6
        assert all(flat[k] not in (c, 255) for each in keys[c] for k in each)
    expected = oracle.reco_loss(rows(representation), flat, queries, keys, 0.3)
    assert value.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_agrees_with_the_oracles_own_draws_in_the_mean(sharing):
    """Loss and gradient over many seeds, within four standard errors: sampling is right, not only arithmetic."""
    representation, labels, confidence = example(shape=(1, 3, 4, 5), classes=3)
    representation.requires_grad_()
    loss = RegionalContrastLoss(5, 7, 0.4, 0.3, 0.6, key_sharing=sharing, num_classes=3)
    flat, sure, vectors = labels.flatten().tolist(), confidence.flatten().tolist(), rows(representation)
    ours, gradients = [], []
    for seed in range(600):
        value = loss(representation, labels, confidence, generator=seeded(seed))
        (gradient,) = torch.autograd.grad(value, representation)
        ours.append(value.item())
        gradients.append(gradient.flatten())
    theirs = [oracle.sampled_reco_loss(vectors, flat, sure, 5, 7, 0.4, 0.3, 0.6, seed) for seed in range(600)]
    error = math.sqrt((torch.tensor(ours).var() + torch.tensor(theirs).var()).item() / 600)
    assert abs(sum(ours) / 600 - sum(theirs) / 600) < 4 * error
    expected = expected_gradient(representation.detach(), labels, confidence, loss)
    mean, spread = torch.stack(gradients).mean(0), torch.stack(gradients).std(0) / 600**0.5
    assert ((mean - expected).abs() < 4.5 * spread + 1e-9).all()


def expected_gradient(representation, labels, confidence, loss, draws=4000):
    """Mean gradient by an independent route: autograd through `contrast` with keys drawn anew for every query."""
    generator, dim = seeded(99), representation.shape[1]
    flat, table = labels.flatten(), representation.permute(0, 2, 3, 1).reshape(-1, dim).clone().requires_grad_()
    prototypes, counts = class_prototypes(representation, labels, 3)
    chances = key_class_probabilities(relation_graph(prototypes, counts), counts, "relation", 0.3)
    total, unit = 0.0, torch.nn.functional.normalize(table.detach(), dim=1)
    for c in range(3):
        hard = ((flat == c) & (confidence.flatten() < 0.6)).nonzero()[:, 0]
        if len(hard) == 0:
            continue
        per_pixel = torch.zeros(len(flat), dtype=torch.float64)
        for j in range(3):
            if counts[j]:
                per_pixel[flat == j] = chances[c, j].item() / counts[j].item()
        query = hard[torch.randint(len(hard), (draws,), generator=generator)]
        keys = torch.multinomial(per_pixel, draws * 7, replacement=True, generator=generator).view(draws, 7)
        q = torch.nn.functional.normalize(table[query], dim=1)[:, None]
        p = torch.nn.functional.normalize(prototypes[c], dim=0).expand(draws, dim)
        total = total + contrast(q, p, unit[keys], loss.temperature).mean()
    (gradient,) = torch.autograd.grad(total / 3, table)
    return gradient.T.reshape(1, dim, *representation.shape[2:]).flatten()


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_gradcheck_with_the_draws_and_constants_held(sharing):
    """The gradient is that of Eq. 1 with prototypes and keys held constant."""
    queries = torch.nn.functional.normalize(torch.randn(2, 3, 4, dtype=torch.float64), dim=-1).requires_grad_()
    positive, table = torch.randn(2, 4, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)
    if sharing == "class":
        keys = table[torch.randint(9, (2, 5))]
        assert torch.autograd.gradcheck(lambda q: contrast(q, positive, keys, 0.5), queries)
    else:
        index = torch.randint(9, (2, 3, 5))
        assert torch.autograd.gradcheck(lambda q: contrast_own_keys(q, positive, table, index, 0.5), queries)


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_gradient_reaches_the_queries_alone(sharing):
    representation, labels, confidence = example()
    representation.requires_grad_()
    loss = RegionalContrastLoss(4, 8, strong_threshold=0.5, key_sharing=sharing, num_classes=4)
    value, queries_at, _ = draws_of(loss, representation, labels, confidence, generator=seeded())
    value.backward()
    moved = representation.grad.permute(0, 2, 3, 1).flatten(0, 2).abs().sum(1).nonzero()[:, 0].tolist()
    assert set(moved) == set(queries_at.flatten().tolist())
    # A cosine does not change along the vector itself.
    along = (representation.grad * representation.detach()).sum(1).abs().max()
    assert along < 1e-12


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_key_classes_are_drawn_by_relation_and_keys_uniformly(sharing):
    representation, labels, confidence = example(dtype=torch.float32)
    loss = RegionalContrastLoss(40, 400, key_sharing=sharing, num_classes=4)
    _, _, keys_at = draws_of(loss, representation, labels, confidence, generator=seeded(5))
    flat = labels.flatten()
    prototypes, counts = class_prototypes(representation, labels, 4)
    expected = key_class_probabilities(relation_graph(prototypes, counts), counts)
    for c in range(4):
        pixels = keys_at[c].flatten()
        observed = torch.bincount(flat[pixels], minlength=4).double()
        others = [j for j in range(4) if j != c]
        chance = torch.nn.functional.normalize(expected[c, others].double(), p=1, dim=0).numpy() * len(pixels)
        assert observed[c] == 0 and stats.chisquare(observed[others].numpy(), chance).pvalue > 1e-3
        inside = torch.bincount(pixels[flat[pixels] == others[0]], minlength=len(flat))[flat == others[0]]
        assert stats.chisquare(inside.numpy()).pvalue > 1e-3


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 100))
def test_renaming_classes_changes_nothing(order, seed):
    """The expected loss is equivariant; on few classes and many draws its value is too, within the sampling error."""
    representation, labels, confidence = example(seed)
    renamed = torch.where(labels == 255, labels, torch.tensor(order)[labels.clamp(max=3)])
    loss = RegionalContrastLoss(400, 400, num_classes=4)
    values = [[loss(representation, y, confidence, seeded(s)).item() for s in range(3)] for y in (labels, renamed)]
    assert sum(values[0]) / 3 == pytest.approx(sum(values[1]) / 3, abs=0.1)


def test_absent_classes_and_ignored_pixels_do_not_matter():
    representation, labels, confidence = example()
    representation.requires_grad_()
    loss = RegionalContrastLoss(16, 32, num_classes=4, query_sampling="random")
    expected = loss(representation, labels, confidence, seeded())
    wild = representation.detach().clone()
    wild.permute(0, 2, 3, 1)[labels == 255] = 1e3
    assert loss(wild, labels, confidence, seeded()).item() == pytest.approx(expected.item(), abs=1e-12)
    many = [RegionalContrastLoss(64, 128, num_classes=n, query_sampling="random") for n in (4, 9)]
    means = [sum(one(representation, labels, confidence, seeded(s)).item() for s in range(20)) / 20 for one in many]
    assert means[0] == pytest.approx(means[1], abs=0.05)


def test_the_class_count_can_be_read_from_the_labels():
    representation, labels, confidence = example()
    values = [
        RegionalContrastLoss(8, 8, num_classes=n)(representation, labels, confidence, seeded()) for n in (4, None)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_known_levels(sharing):
    """ln(1 + K) for identical features; 4.25 for orthogonal and 4.14 for 19 simplex classes; 2.34 is the floor."""
    labels = torch.arange(19).repeat_interleave(4).view(1, 4, 19)
    sure = torch.zeros(1, 4, 19)
    loss = RegionalContrastLoss(8, 512, key_sharing=sharing, num_classes=19)

    def level(classes):
        return loss(classes[labels].permute(0, 3, 1, 2), labels, sure, seeded()).item()

    tau = 0.5
    assert level(torch.ones(19, 20)) == pytest.approx(math.log(513), abs=1e-5)
    assert (
        level(torch.eye(19))
        == pytest.approx(math.log1p(512 * math.exp(-1 / tau)), abs=1e-5)
        == pytest.approx(4.25, abs=0.005)
    )
    simplex = torch.eye(19) - 1 / 19
    expected = math.log1p(512 * math.exp((-1 / 18 - 1) / tau))
    assert level(simplex) == pytest.approx(expected, abs=1e-5) == pytest.approx(4.14, abs=0.005)
    two = RegionalContrastLoss(8, 512, key_sharing=sharing, num_classes=2)
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    lowest = two(opposite[labels % 2].permute(0, 3, 1, 2), labels % 2, sure, seeded()).item()
    assert lowest == pytest.approx(math.log1p(512 * math.exp(-2 / tau)), abs=1e-5) == pytest.approx(2.34, abs=0.005)


@pytest.mark.parametrize("sharing", ["class", "query"])
@pytest.mark.parametrize("case", ["one class", "all ignored", "all easy", "zero vectors"])
def test_degenerate_batches_give_an_attached_zero_or_a_number(sharing, case):
    representation, labels, confidence = example()
    if case == "one class":
        labels = torch.where(labels == 2, 2, 255)
    elif case == "all ignored":
        labels = torch.full_like(labels, 255)
    elif case == "all easy":
        confidence = torch.ones_like(confidence)
    elif case == "zero vectors":
        representation = torch.zeros_like(representation)
    for num_classes in (4, None):
        source = representation.clone().requires_grad_()
        loss = RegionalContrastLoss(4, 8, key_sharing=sharing, num_classes=num_classes)
        value = loss(source, labels, confidence, seeded())
        value.backward()
        assert value.isfinite() and source.grad.isfinite().all()
        if case != "zero vectors":
            assert value == 0 and source.grad.eq(0).all()


def test_two_classes_and_a_class_without_hard_pixels_counts_in_the_divisor():
    representation, labels, confidence = example(classes=2)
    loss = RegionalContrastLoss(300, 300, num_classes=2)
    both = loss(representation, labels, torch.zeros_like(confidence), seeded()).item()
    one = loss(representation, labels, torch.where(labels == 0, 1.0, 0.0), seeded()).item()
    alone = RegionalContrastLoss(300, 300, num_classes=2, reduction="sum")
    total = alone(representation, labels, torch.where(labels == 0, 1.0, 0.0), seeded()).item()
    assert one == pytest.approx(total / 300 / 2) and 0 < one < both


def test_hard_means_strictly_below_the_threshold():
    representation, labels, _ = example()
    loss = RegionalContrastLoss(4, 4, strong_threshold=0.5, num_classes=4)
    at = torch.full(labels.shape, 0.5, dtype=torch.float64)
    assert loss(representation, labels, at, seeded()) == 0
    assert loss(representation, labels, at - 1e-9, seeded()) > 0


def test_repeatable_from_a_generator_and_different_without():
    representation, labels, confidence = example()
    loss = RegionalContrastLoss(8, 8, num_classes=4)
    assert loss(representation, labels, confidence, seeded(1)) == loss(representation, labels, confidence, seeded(1))
    assert loss(representation, labels, confidence) != loss(representation, labels, confidence)


def test_float32_inside_autocast():
    representation, labels, confidence = example(dtype=torch.float32)
    loss = RegionalContrastLoss(8, 8, num_classes=4)
    expected = loss(representation.bfloat16(), labels, confidence, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(representation.bfloat16(), labels, confidence, seeded())
    assert value.dtype == torch.float32 and value == expected


@pytest.mark.slow
@pytest.mark.parametrize("sharing", ["class", "query"])
def test_compiled(sharing):
    representation, labels, confidence = example(dtype=torch.float32)
    representation.requires_grad_()
    loss = RegionalContrastLoss(8, 8, num_classes=4, key_sharing=sharing)
    compiled = torch.compile(loss, backend="aot_eager")
    value = compiled(representation, labels, confidence)
    value.backward()
    assert 0 < value < math.log(9) + 2 / 0.5 and representation.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_queries": 0}, "num_queries must be positive, got 0"),
        ({"temperature": -1.0}, "temperature must be positive, got -1.0"),
        ({"relation_temperature": 0.0}, "relation_temperature must be positive or None, got 0.0"),
        ({"query_sampling": "wild"}, "query_sampling must be one of hard, random, easy, got 'wild'"),
        ({"key_sharing": "image"}, "key_sharing must be one of class, query"),
    ],
)
def test_options_outside_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        RegionalContrastLoss(**options)


def test_shapes_that_do_not_fit():
    representation, labels, confidence = example()
    with pytest.raises(ValueError, match=r"labels of shape \(2, 3, 7\) do not fit a representation .* \(2, 5, 6, 7\)"):
        RegionalContrastLoss()(representation, labels[:, :3], confidence)


def test_bank_keeps_the_newest_and_drops_the_oldest():
    bank = FeatureBank(2, 1, size=4, per_step=3)
    for step in range(3):
        rows_of = torch.tensor([[[10.0 * step + i] for i in range(3)]] * 2)
        bank.append(rows_of, torch.tensor([3, 1]))
    assert bank.counts.tolist() == [4, 3]
    assert sorted(bank.store[0].flatten().tolist()) == [12, 20, 21, 22], "0, 1, 2, 10, 11 made room"
    assert bank.store[1, :3].flatten().tolist() == [0, 10, 20]
    assert bank.prototypes().flatten().tolist() == pytest.approx([75 / 4, 10])
    with pytest.raises(ValueError, match="per_step must be from 1 to size = 4, got 5"):
        FeatureBank(2, 1, size=4, per_step=5)


@pytest.mark.parametrize("sharing", ["class", "query"])
def test_keys_come_from_the_bank(sharing):
    """Class 1 is not in the batch but in the bank: it serves as negative, and class 0 alone has queries."""
    bank = FeatureBank(2, 3, size=8, per_step=4)
    bank.append(torch.tensor([[[0.0, 1, 0]] * 4] * 2), torch.tensor([0, 4]))
    representation = torch.zeros(1, 3, 2, 2)
    representation[:, 0] = 1
    labels = torch.zeros(1, 2, 2, dtype=torch.int64)
    loss = RegionalContrastLoss(4, 16, key_sharing=sharing, num_classes=2, bank=bank)
    value = loss(representation.requires_grad_(), labels, torch.zeros(1, 2, 2), seeded())
    assert value.item() == pytest.approx(math.log1p(16 * math.exp(-2)), abs=1e-5)
    assert bank.counts.tolist() == [4, 4] and value.requires_grad


def test_bank_stores_the_pixels_of_each_class():
    representation, labels, confidence = example(dtype=torch.float32)
    bank = FeatureBank(4, 5, size=16, per_step=8)
    RegionalContrastLoss(4, 4, num_classes=4, bank=bank)(representation, labels, confidence, seeded())
    pixels = torch.tensor(rows(representation))
    for c in range(4):
        own = pixels[labels.flatten() == c]
        for row in bank.store[c, : bank.counts[c]]:
            assert (own - row).abs().sum(1).min() < 1e-6


def test_supervised_cross_entropy():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    labels = torch.randint(3, (2, 4, 4))
    labels[0] = 255
    expected = torch.nn.functional.cross_entropy(logits[1:], labels[1:])
    torch.testing.assert_close(supervised_cross_entropy(logits, labels), expected)
    nothing = supervised_cross_entropy(logits, torch.full_like(labels, 255))
    nothing.backward()
    assert nothing == 0 and logits.grad.eq(0).all()


def test_unsupervised_cross_entropy_by_hand():
    """Image 0: half of its pixels are confident; image 1: all; each pixel's cross-entropy is ln 2 (:eq:`eq-total`)."""
    logits = torch.zeros(2, 2, 1, 4, requires_grad=True)
    pseudo = torch.tensor([[[0, 1, 0, 1]], [[0, 1, 255, 255]]])
    confidence = torch.tensor([[[0.97, 0.99, 0.5, 0.6]], [[1.0, 1.0, 1.0, 1.0]]])
    value = unsupervised_cross_entropy(logits, pseudo, confidence)
    assert value.item() == pytest.approx(math.log(2) * (4 * 0.5 + 2 * 1.0) / 6)
    whole = unsupervised_cross_entropy(logits, pseudo, confidence, eta="batch")
    assert whole.item() == pytest.approx(math.log(2) * 4 / 6)
    for nothing in (torch.zeros_like(confidence), confidence):
        target = pseudo if nothing.max() == 0 else torch.full_like(pseudo, 255)
        for eta in ("image", "batch"):
            zero = unsupervised_cross_entropy(logits, target, nothing, eta=eta)
            zero.backward()
            assert zero == 0
    with pytest.raises(ValueError, match="eta must be"):
        unsupervised_cross_entropy(logits, pseudo, confidence, eta="pixel")
