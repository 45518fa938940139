"""How long a chapter may take: `RECO_PROFILE` = smoke, demo (the default) or full.

`smoke` runs every cell in seconds, for tests; `demo` is what the built book shows, minutes on a laptop; `full` trains
for as many steps as the paper, on a GPU. A notebook reads the profile in one line:

    from reco_book.profiles import PROFILE
"""

import os
from dataclasses import dataclass

from reco_core.errors import InputError


@dataclass(frozen=True)
class Profile:
    """What differs between the profiles."""

    name: str
    iterations: int
    """Training steps of a run in a chapter."""
    seeds: int
    """Repetitions of a comparison."""
    train_images: int
    """Images of a toyscapes training split."""
    eval_images: int
    """Images that are scored."""
    samples: int
    """Draws, pixels or repetitions of a small numerical experiment."""

    @property
    def is_smoke(self) -> bool:
        """Whether only execution is tested, and results mean nothing."""
        return self.name == "smoke"


PROFILES = {
    "smoke": Profile("smoke", iterations=4, seeds=1, train_images=32, eval_images=4, samples=200),
    "demo": Profile("demo", iterations=240, seeds=1, train_images=200, eval_images=50, samples=5000),
    "full": Profile("full", iterations=40_000, seeds=3, train_images=2000, eval_images=100, samples=50_000),
}


def profile(name: str | None = None) -> Profile:
    """The profile of that name, by default the environment's.

    Raises:
        InputError: an unknown name.
    """
    name = name or os.environ.get("RECO_PROFILE", "demo")
    if name not in PROFILES:
        raise InputError(f"RECO_PROFILE={name!r} is not one of {', '.join(PROFILES)}")
    return PROFILES[name]


PROFILE = profile()
