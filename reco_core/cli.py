"""The command `reco`: train, evaluate, predict, and look at data sets.

Options are generated from the configuration's dataclasses and from the signatures below (tyro). This is the one room
that prints.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.experiments import COMPARED, recipe

Images = Annotated[list[Path], tyro.conf.Positional]
Name = Annotated[str, tyro.conf.Positional]


class Progress:
    """A progress bar with live losses and mean IoU; a line for every evaluation."""

    def __init__(self, total: int) -> None:
        self.total, self.miou, self.bar = total, "", None

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        """Advance the bar."""
        if self.bar is None:
            self.bar = tqdm(total=self.total, unit="step", initial=0, dynamic_ncols=True, file=sys.stderr)
        self.bar.update(step - self.bar.n)
        text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self.bar.set_postfix_str(text + self.miou)

    def on_scores(self, step: int, scores) -> None:
        """Show the mean IoU from now on."""
        self.miou = f" mIoU {100 * scores.miou:.1f} %"
        if self.bar is not None:
            self.bar.write(f"step {step}: mIoU {100 * scores.miou:.2f} %", file=sys.stderr)


def train(
    options: Annotated[TrainConfig, tyro.conf.arg(name="")],
    output: Path | None = None,
    resume: bool = True,
    record: Path | None = None,
) -> None:
    """Train a network; without options, ReCo + ClassMix on toyscapes with 20 labelled images, in minutes on two cores.

    Args:
        options: the run's configuration.
        output: folder of the run; by default runs/<data set>-<labels>-<method>-seed<seed>.
        resume: go on from the folder's checkpoint, if it has one; with --no-resume, a folder in use is refused.
        record: the run's record; by default record.json in its folder.
    """
    from reco_core.checkpoints import NAME
    from reco_core.results import write_record
    from reco_core.trainers import Trainer

    folder = output or Path("runs") / run_name(options)
    if not resume and (folder / NAME).exists():
        raise InputError(f"{folder}: holds a run already: choose another --output, or leave out --no-resume")
    trainer = Trainer(options, folder, reporter=Progress(options.optimiser.iterations))
    print(f"{options.method} on {options.data.dataset}, {len(trainer.split.labelled)} labelled images"
          f" (split {trainer.split.digest}), {len(trainer.split.unlabelled)} without; seed {options.seed};"
          f" {trainer.fabric.device}; into {folder}")  # fmt: skip
    if trainer.split.missing_classes:
        print(f"no labelled image shows: {', '.join(trainer.split.missing_classes)}")
    finished = trainer.fit()
    path = write_record(finished, record or folder / "record.json")
    scores = finished["test"] or {"last": finished["val"]["last"]}
    for which, values in scores.items():
        print(f"{which:>4} mIoU {100 * values['miou']:.2f} %, pixel accuracy {100 * values['pixel_accuracy']:.2f} %")
    print(f"record: {path}")


def reproduce(
    group: Annotated[str, tyro.conf.Positional],
    methods: tuple[str, ...] = COMPARED,
    seeds: tuple[int, ...] = (0, 1, 2),
    root: str | None = None,
    weights: str | None = None,
    output: Path = Path("runs"),
    results: Path = Path("results"),
) -> None:
    """Run a group of recipes one after another: skips what is recorded, goes on with what was broken off.

    Args:
        group: recipes' common name, such as small/camvid/20.
        methods: compared methods.
        seeds: of the runs.
        root: the data set's folder.
        weights: the backbone's initial weights: "imagenet" or a path; by default random.
        output: folder of the runs.
        results: folder of the records.
    """
    runs = [recipe(f"{group}/{method}", seed, root, weights) for seed in seeds for method in methods]
    for number, options in enumerate(runs, start=1):
        record = results / group / f"{options.method}-seed{options.seed}.json"
        print(f"[{number}/{len(runs)}] {record}" + (" is there" if record.exists() else ""))
        if not record.exists():
            train(options, output / group / f"{options.method}-seed{options.seed}", record=record)


def run_name(options: TrainConfig) -> str:
    """Folder name of a run."""
    return f"{options.data.dataset}-{options.data.num_labelled or 'all'}-{options.method}-seed{options.seed}"


def evaluate(
    checkpoint: Annotated[Path, tyro.conf.Positional],
    split: str = "val",
    dataset: str | None = None,
    root: str | None = None,
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
) -> None:
    """Score a checkpoint on a split of a data set and print the IoU of every class.

    Args:
        checkpoint: a run's checkpoint.pt.
        split: train, val, test, as the data set has them.
        dataset: by default the one that the network was trained on.
        root: the data set's folder.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core import datasets
    from reco_core.evaluation import evaluate as score
    from reco_core.inference import load_trained

    trained = load_trained(checkpoint, which)
    settings = trained.options.data
    data = datasets.load(dataset or settings.dataset, root or settings.root, split, size=settings.size)
    if tuple(data.classes) != trained.classes:
        raise InputError(f"{checkpoint}: trained on other classes than those of {data.name}: name its own --dataset")
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        scores = score(trained.network.to(device), data, device=device, on_batch=lambda done: bar.update(done - bar.n))
    width = max(map(len, data.classes))
    for name, iou in zip(data.classes, scores.iou.tolist(), strict=True):
        print(f"{name:<{width}}  {'absent' if iou != iou else f'{100 * iou:6.2f} %'}")
    print(f"{'mean IoU':<{width}}  {100 * scores.miou:6.2f} %   (pixel accuracy {100 * scores.pixel_accuracy:.2f} %)")


def predict(
    images: Images,
    checkpoint: Path,
    output: Path = Path("predictions"),
    opacity: float = 0.6,
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
) -> None:
    """Segment image files; writes for each a colour overlay (NAME.png) and the class indices (NAME.labels.png).

    Args:
        images: image files.
        checkpoint: a run's checkpoint.pt.
        output: folder of the results.
        opacity: of the colours over the image, 0 to 1.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core.inference import load_trained, predict_files

    if not images:
        raise InputError("no image given: name one or more image files")
    trained = load_trained(checkpoint, which)
    for path in tqdm(predict_files(trained, images, output, opacity, device), total=len(images), unit="image"):
        tqdm.write(str(path))


def info(name: Name, root: str | None = None) -> None:
    """Describe a data set: where it comes from, its splits, classes and their share of the pixels."""
    from reco_core import datasets

    for key, value in datasets.info(name, root).items():
        if isinstance(value, dict):
            print(f"{key}:")
            for inner, entry in value.items():
                print(f"  {inner}: {entry:.3f}" if isinstance(entry, float) else f"  {inner}: {entry}")
        else:
            print(f"{key}: {value}")


def preview(name: Name, root: str | None = None, split: str = "train", output: Path | None = None) -> None:
    """Draw some images of a data set with their labels into a PNG file.

    Args:
        name: the data set.
        root: its folder.
        split: train, val, test, as the data set has them.
        output: the picture; by default NAME-SPLIT.png.
    """
    from reco_core import datasets

    figure = datasets.preview(datasets.load(name, root, split))
    path = output or Path(f"{name}-{split}.png")
    figure.savefig(path, dpi=150, bbox_inches="tight", facecolor="white")
    print(path)


def download(name: Name, root: Path | None = None) -> None:
    """Fetch a data set's public archive: with progress, resumed where it broke off, verified, unpacked safely."""
    from reco_core import datasets

    bar = tqdm(unit="B", unit_scale=True, file=sys.stderr)

    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        folder = datasets.download(name, root, progress=show)
    print(folder)


COMMANDS = {"train": train, "evaluate": evaluate, "predict": predict, "reproduce": reproduce}
DATA_COMMANDS = {"info": info, "preview": preview, "download": download}


def data() -> None:
    """Data sets: info, preview, download (see `reco data --help`)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; bad input ends with one line on standard error and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    commands, prog = {**COMMANDS, "data": data}, "reco"
    if arguments[:1] == ["data"]:
        commands, prog, arguments = DATA_COMMANDS, "reco data", arguments[1:] or ["--help"]
    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(command)
    try:
        app.cli(
            args=arguments,
            prog=prog,
            description="ReCo: regional contrast for semantic segmentation.",
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except InputError as error:
        sys.exit(_fail(f"reco: {error}", 2))
    except KeyboardInterrupt:
        sys.exit(_fail("reco: interrupted; the same command goes on from the last checkpoint", 130))


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
