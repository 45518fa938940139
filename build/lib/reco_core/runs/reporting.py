"""How a run tells how it goes: the library never prints, it calls a reporter."""

from typing import Protocol

from reco_core.evaluation import Scores


class Reporter(Protocol):
    """Hears how a run goes; the library itself never prints."""

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        """Mean losses since the last report; `step` steps are done."""

    def on_scores(self, step: int, scores: Scores) -> None:
        """Scores on the evaluation split after `step` steps."""


class Silent:
    """A reporter that ignores everything."""

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        """Nobody wants to hear them."""

    def on_scores(self, step: int, scores: Scores) -> None:
        """Nobody wants to hear them."""
