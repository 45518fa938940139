"""ReCo written down class by class, with every query's keys gathered into one large tensor: what the benchmark beats.

The equations in the order of the paper, nothing shared and nothing saved. It draws as the published experiments did:
for every query, 512 keys of its own.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def plain_loss(
    representation: Tensor,
    labels: Tensor,
    confidence: Tensor,
    num_queries: int = 256,
    num_keys: int = 512,
    temperature: float = 0.5,
    relation_temperature: float = 0.5,
    strong_threshold: float = 0.97,
) -> Tensor:
    """Eq. 1 to 4 of the paper, mean over queries and present classes; shapes as in `RegionalContrastLoss`."""
    pixels = representation.permute(0, 2, 3, 1).flatten(0, 2)
    labels, confidence = labels.flatten(), confidence.flatten()
    classes = [c for c in labels.unique().tolist() if c != 255]
    members = [(labels == c).nonzero()[:, 0] for c in classes]
    prototypes = torch.stack([pixels[own].detach().mean(dim=0) for own in members])
    total = 0 * representation.sum()
    if len(classes) < 2:
        return total
    for c, own in enumerate(members):
        hard = own[confidence[own] < strong_threshold]
        if len(hard) == 0:
            continue
        queries = pixels[hard[torch.randint(len(hard), (num_queries,), device=hard.device)]]
        others = [k for k in range(len(classes)) if k != c]
        relation = F.cosine_similarity(prototypes[c][None], prototypes[others], dim=1)
        drawn = torch.multinomial((relation / relation_temperature).softmax(0), num_queries * num_keys, True)
        index = torch.empty_like(drawn)
        for place, k in enumerate(others):
            here = (drawn == place).nonzero()[:, 0]
            index[here] = members[k][torch.randint(len(members[k]), (len(here),), device=here.device)]
        keys = pixels[index].detach().view(num_queries, num_keys, -1)
        candidates = torch.cat([prototypes[c].expand(num_queries, 1, -1), keys], dim=1)
        logits = F.cosine_similarity(queries[:, None], candidates, dim=2) / temperature
        total = total + F.cross_entropy(logits, torch.zeros(num_queries, dtype=torch.int64, device=logits.device))
    return total / len(classes)
