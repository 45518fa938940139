"""Random streams that depend on (seed, name, counter) alone.

A run's every random choice comes from a stream named after its purpose and numbered by its step, so that a run
continued from a checkpoint, or loaded by any number of workers, makes the same choices: there is no hidden state.
"""

import numpy as np
import torch


def stream_seed(seed: int, *stream: int | str) -> int:
    """A 63-bit seed for the stream, from the run's seed and the stream's name and counters."""
    words: list[int] = [seed]
    for part in stream:
        words.extend(part.encode() if isinstance(part, str) else (part,))
    entropy = np.array(words, dtype=np.uint32) if max(words) < 2**32 else words  # the same, at a fifth of the time
    low, high = np.random.SeedSequence(entropy).generate_state(2, dtype=np.uint32)
    return (int(high) << 31) ^ int(low)


def stream_generator(seed: int, *stream: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on `device` for the stream."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, *stream))
