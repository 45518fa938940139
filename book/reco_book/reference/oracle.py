"""Eq. 1-4 of the paper in plain loops, float64: slow, literal, to be read beside the paper.

The library is tested against these functions, and chapter 3 prints them.
"""

import math
import random


def dot(a, b):
    """Normalised dot product of two vectors: the cosine."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def pixels_of(labels, c):
    """Positions whose label is class c (Eq. 2: R_q^c)."""
    return [u for u, y in enumerate(labels) if y == c]


def classes_of(labels):
    """The classes of the mini-batch; 255 is none."""
    return sorted({y for y in labels if y != 255})


def class_mean(r, labels, c):
    """Eq. 2, the positive key of class c: mean of its representations, not normalised."""
    members = [r[u] for u in pixels_of(labels, c)]
    return [sum(values) / len(members) for values in zip(*members, strict=True)]


def relation(r, labels, p, q):
    """Eq. 3: normalised dot product of two class means."""
    return dot(class_mean(r, labels, p), class_mean(r, labels, q))


def key_distribution(r, labels, c, temperature):
    """Below Eq. 3: softmax of the relations over the classes other than c."""
    others = [j for j in classes_of(labels) if j != c]
    weights = [math.exp(relation(r, labels, c, j) / temperature) for j in others]
    return {j: w / sum(weights) for j, w in zip(others, weights, strict=True)}


def hard_pixels(labels, confidence, c, threshold):
    """Eq. 4: pixels of class c whose own label has a confidence below delta_s."""
    return [u for u in pixels_of(labels, c) if confidence[u] < threshold]


def query_loss(query, positive, negatives, temperature):
    """The summand of Eq. 1: minus the log of the positive's share."""
    numerator = math.exp(dot(query, positive) / temperature)
    denominator = numerator + sum(math.exp(dot(query, k) / temperature) for k in negatives)
    return -math.log(numerator / denominator)


def reco_loss(r, labels, queries, keys, temperature):
    """Eq. 1 on given samples, averaged over a class's queries and then over the present classes.

    Args:
        r: list of N vectors.
        labels: list of N classes, 255 = ignore.
        queries: class -> list of pixels; a present class without a query adds zero and counts.
        keys: class -> list (one entry a query) of lists of pixels.
        temperature: tau.
    """
    present = classes_of(labels)
    total = 0.0
    for c in present:
        if not queries.get(c):
            continue
        positive = class_mean(r, labels, c)
        losses = [
            query_loss(r[u], positive, [r[k] for k in keys_of_u], temperature)
            for u, keys_of_u in zip(queries[c], keys[c], strict=True)
        ]
        total += sum(losses) / len(losses)
    return total / len(present) if len(present) > 1 else 0.0


def sampled_reco_loss(r, labels, confidence, num_queries, num_keys, temperature, relation_temperature, threshold, seed):
    """Eq. 1 with its own draws: hard queries, keys by relation, each query with keys of its own."""
    rng = random.Random(seed)
    queries, keys = {}, {}
    for c in classes_of(labels):
        hard = hard_pixels(labels, confidence, c, threshold)
        queries[c] = [rng.choice(hard) for _ in range(num_queries)] if hard else []
        distribution = key_distribution(r, labels, c, relation_temperature)
        drawn = [rng.choices(list(distribution), list(distribution.values()), k=num_keys) for _ in queries[c]]
        keys[c] = [[rng.choice(pixels_of(labels, j)) for j in classes] for classes in drawn]
    return reco_loss(r, labels, queries, keys, temperature)
