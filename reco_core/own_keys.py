"""Eq. 1 where each query has negative keys of its own, without ever holding queries x keys x D numbers."""

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.compiler.disable
def contrast_own_keys(queries: Tensor, positive: Tensor, table: Tensor, index: Tensor, temperature: float) -> Tensor:
    """`contrast` with keys of its own for each query (key_sharing="query").

    Args:
        queries: (C, Q, D), unit vectors.
        positive: (C, D), unit vectors.
        table: (N, D), unit vectors that keys are rows of.
        index: (C, Q, K) int64 or int32, the rows.
        temperature: tau.

    Returns:
        (C, Q) losses; gradient flows to the queries alone.
    """
    return _OwnKeysContrast.apply(queries, positive, table, index, temperature)


class _OwnKeysContrast(torch.autograd.Function):
    """Forward and gradient of `contrast_own_keys` at once.

    A queries x keys x D tensor would be 134 MB a class at the paper's size. Two sparse operations touch each drawn
    row instead: one takes the products q . k that are needed, the other sums the keys by their softmax weights. Keys
    and positives are constants, so the gradient is known in the forward pass and nothing but it is kept.
    """

    @staticmethod
    def forward(ctx, queries: Tensor, positive: Tensor, table: Tensor, index: Tensor, temperature: float) -> Tensor:
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
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return upstream[..., None] * gradient, None, None, None, None


def _sampled_products(rows: Tensor, table: Tensor, index: Tensor) -> Tensor:
    """rows[i] . table[index[i, j]], touching only the named rows: (M, D), (N, D), (M, K) -> (M, K)."""
    if len(table) <= index.shape[1]:  # more draws than rows: all products are fewer, and a sparse row would overflow
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
