"""What the book adds to the command `reco`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


def table(
    key: Annotated[str, tyro.conf.Positional],
    results: tuple[Path, ...] = (Path("results"), Path("runs")),
    which: Literal["last", "best"] = "last",
) -> None:
    """The paper's numbers of a table or figure beside every recorded run; what has no record is marked.

    Args:
        key: 1 to 5, 7a to 7e, or B.
        results: folders of the records; of two records of one run the first folder's counts.
        which: the network of the last step, or of the best evaluation.
    """
    from reco_book.compare import beside_the_paper

    print(beside_the_paper(key, results, which))
