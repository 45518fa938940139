"""The commands that train: train, reproduce, recipes. Options are generated from the dataclasses (tyro)."""

import argparse
import contextlib
import functools
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_args

import tyro
from pydantic import ValidationError
from tqdm import tqdm

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.evaluation import Scores
from reco_core.runs.recipes import Preset, default_seeds, is_run_of, recipe, recipe_names, twins
from reco_core.runs.records import labels_of
from reco_core.runs.sweeps import SweepRun, sweep


class Progress:
    """A progress bar with live losses and mean IoU; a line for every evaluation."""

    def __init__(self, total: int) -> None:
        self.miou = ""
        self.bar = tqdm(total=total, unit="step", dynamic_ncols=True, file=sys.stderr)

    def on_note(self, text: str) -> None:
        """Show a line."""
        self.bar.write(text, file=sys.stderr)

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        """Advance the bar."""
        self.bar.update(step - self.bar.n)
        text = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self.bar.set_postfix_str(text + self.miou)

    def on_scores(self, step: int, scores: Scores) -> None:
        """Show the mean IoU from now on."""
        self.miou = f" mIoU {100 * scores.miou:.1f} %"
        self.bar.write(f"step {step}: mIoU {100 * scores.miou:.2f} %", file=sys.stderr)


@dataclass(frozen=True)
class Train:
    """Train a network; without options, ReCo + ClassMix on toyscapes with 20 labels, in minutes on two cores."""

    options: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    recipe: str | None = None
    """Start from a named configuration, such as table1/pascal_voc/60/reco+classmix (see `reco recipes`); other options
    change it."""
    preset: Preset = "published"
    """Of a recipe: what the published experiments did, or what the paper's text says."""
    output: Path | None = None
    """Folder of the run, which goes on from its checkpoint if it has one; by default runs/<recipe>-seed<seed> or
    runs/<data set>-<labels>-<method>-seed<seed>."""
    record: Path | None = None
    """File of JSON lines that the run's record goes to; by default record.jsonl in its folder."""

    def __call__(self) -> None:
        """Run the command."""
        options, named = self.options, self.recipe
        own = f"{options.data.dataset}-{labels_of(options.data)}-{options.method}"
        folder = self.output or Path("runs") / f"{named or own}-seed{options.seed}"
        if named and not is_run_of(options, named, self.preset):
            named = None  # other options were given: the record must not pass for one of the recipe
        train_one(options, folder, self.record or folder / "record.jsonl", named, self.preset)


def read_train(arguments: list[str]) -> Train:
    """The command as given; a --recipe sets the defaults of all other options.

    Raises:
        InputError: an unknown recipe or preset.
        ValidationError: a value that an option does not take.
    """
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("--recipe")
    reader.add_argument("--preset", default="published")
    given, _ = reader.parse_known_args(arguments)
    start = Train()
    if given.recipe is not None:
        if given.preset not in get_args(Preset):
            raise InputError(f"preset {given.preset!r} is not one of {', '.join(get_args(Preset))}")
        start = Train(recipe(given.recipe, preset=given.preset), given.recipe, given.preset)
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(
                Train, args=arguments, default=start, prog="reco train", config=(tyro.conf.OmitArgPrefixes,)
            )
    except SystemExit as end:
        cause: BaseException | None = end
        while cause is not None and not isinstance(cause, ValidationError):
            cause = cause.__context__
        if cause is not None:  # one line says it, where tyro draws a box
            raise cause from None
        sys.stderr.write(told.getvalue())
        raise


def train_one(
    options: TrainConfig, folder: Path, record: Path, recipe: str | None = None, preset: Preset = "published"
) -> None:
    """Train, record and tell.

    Args:
        options: of the run.
        folder: of its checkpoints.
        record: the file of JSON lines that its record goes to.
        recipe, preset: whose configuration it is.
    """
    from reco_core.datasets.inventory import by_reason
    from reco_core.files import check_place
    from reco_core.runs.records import load_records, put
    from reco_core.runs.session import Session
    from reco_core.trainers import Trainer

    trainer = Trainer(options)
    session = Session(trainer, folder, recipe=recipe, preset=preset)
    if not trainer.fabric.is_global_zero:
        session.run()
        return
    check_place(record)
    load_records(record)  # what is damaged there must be known before there is something to add
    split = trainer.split
    print(f"{options.method} on {options.data.dataset}, {len(split.labelled)} labelled images"
          f" (split {split.digest}), {len(split.unlabelled)} without; seed {options.seed};"
          f" {trainer.fabric.device}; into {folder}")  # fmt: skip
    if options.model.weights is not None:
        scale = trainer.network.normalise
        mean, std = ([round(value, 3) for value in part.flatten().tolist()] for part in (scale.mean, scale.std))
        print(f"{options.model.backbone} from {options.model.weights}; images minus {mean}, over {std}")
    if split.missing_classes:
        print(f"no labelled image shows: {', '.join(split.missing_classes)}")
    if session.left_out:
        told = "; ".join(f"{reason}: {files}" for reason, files in by_reason(session.left_out, most=1).items())
        print(f"left out: {told} (see `reco data info {options.data.dataset}`)")
    at_once, size = session.eval_memory
    print(f"evaluation: {at_once} image(s) at once, about {size / 1e9:.1f} GB beside the training (--eval-batch-size)")
    session.reporter = progress = Progress(options.optimisation.iterations)
    with contextlib.closing(progress.bar):  # an error begins a line of its own
        finished = session.run()
    path = put(finished, record)
    print(f"mIoU {finished.miou():.2f} % on {'test' if finished.test else 'validation'} images")
    print(f"best on validation images: {100 * finished.best.miou:.2f} % after step {finished.best.step}")
    print(f"record: {path}")


def reproduce(
    group: Annotated[str, tyro.conf.Positional],
    methods: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (),
    root: str | None = None,
    weights: str | None = None,
    preset: Preset = "published",
    output: Path = Path("runs"),
    results: Path = Path("results"),
) -> None:
    """Run a group of recipes: skips what is recorded, goes on with what was broken off; a failed run stops no other.

    Several processes with the same command, on one machine or on many with a common disk, share the work. Recipes of
    one configuration, such as the last bars of Fig. 7's panels, are run once.

    Args:
        group: recipes' common name, such as table1/pascal_voc or camvid/20; "primary" is all that the
            book's primary claims ask.
        methods: only these; by default all.
        seeds: of the runs; by default 0 to 2, or as many as the package of a recipe says.
        root: the data set's folder, for groups of one data set; by default $RECO_DATA/<name>.
        weights: "imagenet" or a path, instead of the recipes' pretrained weights; random ones stay random.
        preset: what the published experiments did, or what the paper's text says.
        output: folder of the runs.
        results: folder of the records.
    """
    chosen = [name for name in recipe_names(group) if not methods or name.rpartition("/")[2] in methods]
    if not chosen:
        raise InputError(f"{group!r} has no recipe of {', '.join(methods)}: see `reco recipes {group}`")
    runs = planned(chosen, seeds, root, weights, preset, output)
    failed = sweep(
        runs,
        lambda run: train_run(run, results),
        lambda run: is_recorded(run, results),
        functools.partial(print, flush=True),
    )
    if failed:
        raise InputError(f"{len(failed)} of {len(runs)} runs failed; the same command tries them again")


def planned(
    names: list[str], seeds: tuple[int, ...], root: str | None, weights: str | None, preset: Preset, output: Path
) -> list[SweepRun]:
    """The runs of some recipes, seed by seed; arguments as of `reproduce`."""
    runs = []
    for seed in seeds or range(max(map(default_seeds, names))):
        for position, name in enumerate(names):
            if not seeds and seed >= default_seeds(name):
                continue
            if set(twins(name)) & set(names[:position]):
                continue  # a run of the same configuration is in this list
            folder = output / f"{name}-seed{seed}"
            runs.append(SweepRun(recipe(name, seed, root, weights, preset), folder, name, preset))
    return runs


def is_recorded(run: SweepRun, results: Path) -> bool:
    """Whether there is a record of a run, or of one with the same configuration, below `results`."""
    from reco_core.runs.records import load_records

    abouts = (record.about for record in load_records(results))
    names, rest = twins(run.recipe), (run.preset, run.options.seed)
    return any(about.recipe in names and (about.preset, about.seed) == rest for about in abouts)


def train_run(run: SweepRun, results: Path) -> None:
    """Train one run of a sweep; its record goes to its group's file below `results`."""
    group = run.recipe.rpartition("/")[0]
    train_one(run.options, run.folder, results / f"{group}.jsonl", run.recipe, run.preset)


def recipes(group: Annotated[str, tyro.conf.Positional] = "") -> None:
    """List the named recipes of a group, such as table1 or camvid; without a group, all."""
    print("\n".join(recipe_names(group)))
