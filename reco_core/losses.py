"""The ReCo loss (Section 3.1, :eq:`eq-reco`) and the cross-entropies of the objective (Section 3.3, :eq:`eq-total`)."""

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.sampling import (
    WIDE_DEVICES,
    FeatureBank,
    PixelGroups,
    class_prototypes,
    draw_pixels,
    gather_pixels,
    group_pixels,
    key_class_probabilities,
    pixel_rows,
    relation_graph,
)

CHOICES = {
    "query_sampling": ("hard", "random", "easy"),
    "key_sampling": ("relation", "uniform"),
    "key_sharing": ("class", "query"),
    "reduction": ("mean", "sum"),
}


def contrast(queries: Tensor, positive: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """The summand of :eq:`eq-reco`, as the cross-entropy of a choice among 1 + K keys whose right answer is number 0.

    Args:
        queries: (C, Q, D), unit vectors.
        positive: (C, D), unit vectors: the prototypes.
        keys: (C, K, D), unit vectors, shared by a class's queries.
        temperature: tau.

    Returns:
        (C, Q) losses.
    """
    keys = torch.cat([positive[:, None], keys], dim=1)
    # The C x Q x (1 + K) products are the largest tensor here: dividing the queries spares it a pass.
    logits = torch.einsum("cqd,ckd->cqk", queries / temperature, keys)
    return -logits.log_softmax(dim=-1)[..., 0]


def contrast_own_keys(queries: Tensor, positive: Tensor, table: Tensor, index: Tensor, temperature: float) -> Tensor:
    """`contrast` with keys of its own for each query (key_sharing="query"), never holding queries x keys x D numbers.

    Args:
        queries: (C, Q, D), unit vectors.
        positive: (C, D), unit vectors.
        table: (N, D), unit vectors that keys are rows of.
        index: (C, Q, K) int64 or int32, the rows.
        temperature: tau.

    Returns:
        (C, Q) losses; gradient flows to the queries alone.
    """
    apply = _OwnKeysContrast.apply
    if torch.compiler.is_compiling():  # the capture knows no sparse matrices; a decorator would import the compiler
        apply = torch.compiler.disable(apply)
    return apply(queries, positive, table, index, temperature)


class _OwnKeysContrast(torch.autograd.Function):
    """Forward and gradient of `contrast_own_keys` at once.

    A queries x keys x D tensor would be 134 MB a class at the paper's size. Two sparse operations touch each drawn
    row instead: one takes the products q . k that are needed, the other sums the keys by their softmax weights. Keys
    and positives are constants, so the gradient is known in the forward pass and nothing but it is kept.
    """

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, positive: Tensor, table: Tensor, index: Tensor, temperature: float
    ) -> Tensor:
        """(C, Q, D), (C, D), (N, D), (C, Q, K) -> (C, Q)."""
        shape, keys = queries.shape[:2], index.shape[-1]
        flat = queries.detach().flatten(0, 1)
        own = positive.repeat_interleave(shape[1], dim=0)
        push = _sampled_products(flat, table, index.view(-1, keys))
        pull = (flat * own).sum(dim=-1) / temperature
        logits = push.div_(temperature)
        total = torch.logaddexp(logits.logsumexp(dim=-1), pull)
        weights = logits.sub_(total[:, None]).exp_()  # in place: beside the table, tensors of this size are the memory
        mean_key = F.embedding_bag(index.view(-1, keys), table, mode="sum", per_sample_weights=weights)
        gradient = (mean_key + ((pull - total).exp() - 1)[:, None] * own) / temperature
        ctx.save_for_backward(gradient.view_as(queries))
        return (total - pull).view(shape)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return upstream[..., None] * gradient, None, None, None, None


def _sampled_products(rows: Tensor, table: Tensor, index: Tensor) -> Tensor:
    """rows[i] . table[index[i, j]], touching only the named rows: (M, D), (N, D), (M, K) -> (M, K)."""
    # Where there are more draws than rows, all products are fewer, and a sparse row would overflow.
    if len(table) <= index.shape[1] or rows.device.type not in WIDE_DEVICES:
        return (rows @ table.T).gather(1, index.long())
    begins = torch.arange(0, index.numel() + 1, index.shape[1], device=index.device, dtype=index.dtype)
    values = torch.zeros(index.numel(), dtype=table.dtype, device=index.device)
    with warnings.catch_warnings():  # PyTorch says once a process that sparse matrices are young
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        # A row may name a column twice, since keys are drawn with replacement; the product does not mind.
        size = (len(rows), len(table))
        places = torch.sparse_csr_tensor(begins, index.flatten(), values, size, check_invariants=False)
        torch.sparse.sampled_addmm(places, rows, table.T, beta=0.0, out=places)
        return places.values().view_as(index)


class Draws(NamedTuple):
    """What a loss has drawn from a batch."""

    queries: Tensor
    """(C, Q) flat pixel indices into (B, h, w)."""
    keys: Tensor
    """(C, K), or (C, Q, K) int32 where each query has its own: flat pixel indices, or places in the feature bank."""
    positive: Tensor
    """(C, D) prototypes as unit vectors."""
    used: Tensor
    """(C,) bool: classes that have a query, where there is another class to contrast with."""
    present: Tensor
    """(C,) bool: classes of the batch."""


class RegionalContrastLoss(nn.Module):
    """ReCo, :eq:`eq-reco`: pulls sampled pixels of each class to its mean and pushes them from pixels of other classes.

    Gradient flows through the queries alone; prototypes and keys are constants (published experiments). Computed in
    float32, also inside autocast. The loss starts at about ln(1 + num_keys) and never reaches zero, because cosines
    are bounded: chapter 3 derives its levels.

    Args:
        num_queries: queries drawn from each class, with replacement.
        num_keys: negative keys of a query, drawn with replacement.
        temperature: tau.
        relation_temperature: of the softmax over the relation graph (below :eq:`eq-relation`); None: the text's, none.
        strong_threshold: delta_s of :eq:`eq-hard`; a pixel is hard if its confidence is strictly below.
        query_sampling: "hard" (confidence below delta_s), "random" (all valid pixels) or "easy".
        key_sampling: "relation" (classes by their relation to the query's) or "uniform" (any pixel of another class).
        key_sharing: "class": the queries of a class share its keys; "query": each draws its own. The expected loss and
            gradient are the same; sharing costs far less.
        reduction: "mean" over a class's queries, then over the present classes, of which one without a query adds zero;
            "sum" over classes and queries, as Eq. 1 is written.
        num_classes: C. None reads the greatest label of each batch, for which a GPU must wait; give it in training.
        bank: draw prototypes and keys from a feature bank (Appendix B) instead of from the batch.
        debug: look at the labels on a GPU too, which makes it wait, and name those that are neither a class nor 255.

    Raises:
        ValueError: for an option outside its range.
    """

    def __init__(
        self,
        num_queries: int = 256,
        num_keys: int = 512,
        temperature: float = 0.5,
        relation_temperature: float | None = 0.5,
        strong_threshold: float = 0.97,
        query_sampling: str = "hard",
        key_sampling: str = "relation",
        key_sharing: str = "class",
        reduction: str = "mean",
        num_classes: int | None = None,
        bank: FeatureBank | None = None,
        debug: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("num_queries", num_queries), ("num_keys", num_keys), ("temperature", temperature)):
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if relation_temperature is not None and not relation_temperature > 0:
            raise ValueError(f"relation_temperature must be positive or None, got {relation_temperature}")
        chosen = {
            "query_sampling": query_sampling, "key_sampling": key_sampling, "key_sharing": key_sharing,
            "reduction": reduction,
        }  # fmt: skip
        for name, choices in CHOICES.items():
            if chosen[name] not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {chosen[name]!r}")
        self.num_queries, self.num_keys = num_queries, num_keys
        self.temperature, self.relation_temperature = temperature, relation_temperature
        self.strong_threshold = strong_threshold
        self.query_sampling, self.key_sampling, self.key_sharing = query_sampling, key_sampling, key_sharing
        self.reduction, self.num_classes, self.bank, self.debug = reduction, num_classes, bank, debug

    def forward(
        self, representation: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The loss of a batch.

        Args:
            representation: (B, D, h, w), not normalised, any memory format.
            labels: (B, h, w) int64, true or trusted pseudo-labels, 255 = ignore.
            confidence: (B, h, w), the student's probability of each pixel's own label.
            generator: on the representation's device; makes the draws repeatable.

        Returns:
            A scalar, attached to the graph; zero with fewer than two classes or no query.

        Raises:
            ValueError: shapes that do not fit; labels that are neither 0 to C - 1 nor 255 (on a GPU with `debug`).
        """
        draws = self.draw(representation, labels, confidence, generator)
        with torch.autocast(representation.device.type, enabled=False):
            queries = F.normalize(gather_pixels(representation, draws.queries), dim=-1)
            if self.key_sharing == "class":
                losses = contrast(queries, draws.positive, self._keys(representation, draws.keys), self.temperature)
            else:
                table = self._keys(representation)
                losses = contrast_own_keys(queries, draws.positive, table, draws.keys, self.temperature)
            if self.reduction == "sum":
                return torch.where(draws.used, losses.sum(dim=1), 0.0).sum()
            return torch.where(draws.used, losses.mean(dim=1), 0.0).sum() / draws.present.sum().clamp(min=1)

    @torch.no_grad()
    def draw(
        self, representation: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None
    ) -> Draws:
        """The sampling alone: what `forward` draws, given a generator in the same state. Arguments as there.

        With a feature bank, each call adds the batch to it.
        """
        self._check(representation, labels, confidence)
        num_classes = self.num_classes or int(labels.masked_fill(labels == IGNORE_INDEX, 0).max()) + 1
        if self.debug or (labels.device.type == "cpu" and not torch.compiler.is_compiling()):
            check_labels(labels, num_classes)
        else:  # a label C would count as "ignore": an index out of bounds is refused by the device itself
            labels = labels.masked_fill(labels == num_classes, -1)
        with torch.autocast(representation.device.type, enabled=False):
            groups = group_pixels(labels, confidence < self.strong_threshold, num_classes)
            if self.bank is None:
                prototypes, counts = class_prototypes(representation, labels, num_classes)
            else:
                self.bank.push(representation, groups, generator)
                prototypes, counts = self.bank.prototypes(), self.bank.counts
            queries, has_query = self._draw_queries(groups, generator)
            keys = self._draw_keys(relation_graph(prototypes, counts), counts, groups, generator)
            used = has_query & ((counts > 0).sum() > 1)
            return Draws(queries, keys, F.normalize(prototypes, dim=-1), used, present=groups.total > 0)

    def _draw_queries(self, groups: PixelGroups, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Pixels (C, Q) drawn from :eq:`eq-hard`'s sets, and which classes (C,) have any."""
        start, count = {
            "hard": (groups.start, groups.hard),
            "easy": (groups.start + groups.hard, groups.total - groups.hard),
            "random": (groups.start, groups.total),
        }[self.query_sampling]
        shape = (len(count), self.num_queries)
        index = draw_pixels(groups.order, start[:, None].expand(shape), count[:, None].expand(shape), generator)
        return index, count > 0

    def _draw_keys(
        self, graph: Tensor, counts: Tensor, groups: PixelGroups, generator: torch.Generator | None
    ) -> Tensor:
        """Where the keys are, (C, K) or (C, Q, K): first their classes, then a pixel of each."""
        probabilities = key_class_probabilities(graph, counts, self.key_sampling, self.relation_temperature)
        shape = (self.num_keys,) if self.key_sharing == "class" else (self.num_queries, self.num_keys)
        draws = self.num_keys if self.key_sharing == "class" else self.num_queries * self.num_keys
        key_class = torch.multinomial(probabilities, draws, replacement=True, generator=generator)
        key_class = key_class.view(len(counts), *shape)
        if self.bank is not None:
            return self.bank.draw(key_class, generator)
        # C x Q x K indices: 32 bits each are half the memory
        order = groups.order.int() if self.key_sharing == "query" else groups.order
        return draw_pixels(order, groups.start[key_class], groups.total[key_class], generator)

    @torch.no_grad()
    def _keys(self, representation: Tensor, index: Tensor | None = None) -> Tensor:
        """Unit vectors that keys are drawn from, all of them (N, D), or those at the drawn places (C, K, D)."""
        if index is None:
            return pixel_rows(representation) if self.bank is None else self.bank.rows()
        if self.bank is None:
            return F.normalize(gather_pixels(representation, index), dim=-1)
        return self.bank.rows()[index]

    def _check(self, representation: Tensor, labels: Tensor, confidence: Tensor) -> None:
        expected = (representation.shape[0], *representation.shape[2:])
        for name, tensor in (("labels", labels), ("confidence", confidence)):
            if representation.ndim != 4 or tuple(tensor.shape) != expected:
                raise ValueError(
                    f"{name} of shape {tuple(tensor.shape)} do not fit a representation (B, D, h, w) of"
                    f" {tuple(representation.shape)}: reduce them to (B, h, w)"
                )


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse labels that are neither 0 to C - 1 nor 255. Waits for a GPU.

    Raises:
        ValueError: with the labels and what to do.
    """
    wrong = labels[(labels != IGNORE_INDEX) & ((labels < 0) | (labels >= num_classes))]
    if len(wrong):
        raise ValueError(
            f"labels must be 0 to {num_classes - 1}, or {IGNORE_INDEX} to be ignored, but {len(wrong)} pixels have"
            f" {', '.join(map(str, wrong.unique().tolist()[:5]))}: count classes from 0, and write {IGNORE_INDEX} for"
            " what has none"
        )


def supervised_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """L_supervised of :eq:`eq-total`: mean cross-entropy over labelled pixels; an attached zero if there is none.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64, 255 = ignore.
    """
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE_INDEX, reduction="sum")
    return total / (labels != IGNORE_INDEX).sum().clamp(min=1)


def unsupervised_cross_entropy(
    logits: Tensor, pseudo_labels: Tensor, confidence: Tensor, strong_threshold: float = 0.97, eta: str = "image"
) -> Tensor:
    """eta * L_unsupervised of :eq:`eq-total`: cross-entropy with pseudo-labels, weighted by the confident share.

    Args:
        logits: (B, C, H, W).
        pseudo_labels: (B, H, W) int64, 255 = ignore.
        confidence: (B, H, W) of the teacher.
        strong_threshold: delta_s; a pixel is confident from there on.
        eta: "image" (published experiments: each image's share, then the mean over pixels with a loss above zero) or
            "batch" (the text: one share for all pixels).

    Raises:
        ValueError: another eta.
    """
    if eta not in ("image", "batch"):
        raise ValueError(f"eta must be 'image' or 'batch', got {eta!r}")
    losses = F.cross_entropy(logits.float(), pseudo_labels, ignore_index=IGNORE_INDEX, reduction="none")
    valid = pseudo_labels != IGNORE_INDEX
    confident = (confidence >= strong_threshold) & valid
    if eta == "batch":
        pixels = valid.sum().clamp(min=1)
        return confident.sum() / pixels * losses.sum() / pixels
    share = confident.sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp(min=1)
    weighted = share[:, None, None] * losses
    return weighted.sum() / (weighted > 0).sum().clamp(min=1)
