"""A bar that counts on the terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def counted(unit: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Gives a function to be called with how many are done and, if that is known only then, of how many."""
    with tqdm(total=total, unit=unit, file=sys.stderr) as bar:

        def show(done: int, of: int | None = total) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield show
