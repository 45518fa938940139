"""What the book adds to the command `reco`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from reco_core.cli.networks import Of
from reco_core.cli.progress import counted


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


def gates(bench: Annotated[str, tyro.conf.Positional], results: Path = Path("results")) -> None:
    """Whether a data set can show what unlabelled images are worth; ends with an error if a gate fails.

    Args:
        bench: a data set of results/plan.toml, such as toyscapes.
        results: folder of the records.
    """
    from reco_book.gates import gates as judged
    from reco_book.gates import table
    from reco_book.plan import data_set
    from reco_core.errors import InputError

    found = judged(data_set(bench), results)
    print(table(found))
    failed = [gate.question for gate in found if not gate.holds]
    if failed:
        raise InputError(f"{len(failed)} of {len(found)} gates fail on {data_set(bench).name}: {'; '.join(failed)}")


def boundaries(subject: Of, widths: tuple[int, ...] = (1, 2, 4, 8), output: Path | None = None) -> None:
    """Score a checkpoint over all pixels and near boundaries between classes (trimap and Boundary IoU).

    Args:
        subject: network and images.
        widths: distances to a boundary, pixels.
        output: add the scores to this file of JSON lines.
    """
    from reco_book.boundaries import boundary_scores
    from reco_book.evaluations import Evaluation, put_evaluation
    from reco_core.evaluation import evaluate
    from reco_core.runs.records import RecordedScores

    trained, data = subject.load()
    with counted("image", len(data)) as on_batch:
        scores = evaluate(trained.network, data, device=subject.device, on_batch=on_batch)
    near = boundary_scores(trained.network, data, widths, subject.device)
    print(f"mean IoU  {100 * scores.miou:.2f} %")
    for kind, values in near.items():
        print(f"{kind} IoU  " + ", ".join(f"{100 * value:.2f} % at {pixels} px" for pixels, value in values.items()))
    if output is not None:
        named = {kind: {str(pixels): value for pixels, value in values.items()} for kind, values in near.items()}
        about = subject.about(trained)
        line = Evaluation(about, subject.which, subject.split, tuple(data.classes), RecordedScores.of(scores), **named)
        print(put_evaluation(line, output))
