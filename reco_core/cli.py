"""The command `reco`: train, evaluate, predict, reproduce, and look at data sets.

Options are generated from the configuration's dataclasses and from the signatures below (tyro). This room and
`cli_*` are the ones that print.
"""

import argparse
import functools
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro
from tqdm import tqdm

from reco_core.cli_data import DATA_COMMANDS
from reco_core.cli_networks import evaluate, predict, relations
from reco_core.config import TrainConfig
from reco_core.errors import InputError, TrainingError, one_line, printable
from reco_core.experiments import default_seeds, recipe_names, twins
from reco_core.experiments import recipe as recipe_options
from reco_core.presets import Preset
from reco_core.reporting import Silent


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
    recipe: str | None = None,
    preset: Preset = "published",
    output: Path | None = None,
    resume: bool = True,
    record: Path | None = None,
) -> None:
    """Train a network; without options, ReCo + ClassMix on toyscapes with 20 labelled images, in minutes on two cores.

    Args:
        options: the run's configuration.
        recipe: start from a named configuration, such as table1/pascal_voc/60/reco+classmix (see `reco recipes`);
            other options change it.
        preset: of a recipe: what the published experiments did, or what the paper's text says.
        output: folder of the run; by default runs/<recipe>-seed<seed> or runs/<data set>-<labels>-<method>-seed<seed>.
        resume: go on from the folder's checkpoint, if it has one; with --no-resume, a folder in use is refused.
        record: the run's record; by default record.json in its folder.
    """
    from reco_core.checkpoints import NAME

    name = f"{recipe}-seed{options.seed}" if recipe else run_name(options)
    folder = output or Path("runs") / name
    if not resume and (folder / NAME).exists():
        raise InputError(f"{folder}: holds a run already: choose another --output, or leave out --no-resume")
    train_one(options, folder, record or folder / "record.json")


def train_one(options: TrainConfig, folder: Path, record: Path) -> None:
    """Train, record and tell."""
    from reco_core.files import check_place
    from reco_core.results import write_record
    from reco_core.trainers import Trainer

    trainer = Trainer(options, folder, reporter=Progress(options.optimiser.iterations))
    if not trainer.fabric.is_global_zero:
        trainer.reporter = Silent()
        trainer.fit()
        return
    check_place(record)
    print(f"{options.method} on {options.data.dataset}, {len(trainer.split.labelled)} labelled images"
          f" (split {trainer.split.digest}), {len(trainer.split.unlabelled)} without; seed {options.seed};"
          f" {trainer.fabric.device}; into {folder}")  # fmt: skip
    if trainer.split.missing_classes:
        print(f"no labelled image shows: {', '.join(trainer.split.missing_classes)}")
    finished = trainer.fit()
    path = write_record(finished, record)
    scores = finished["test"] or {"last": finished["val"]["last"], "best": finished["val"]["best"]}
    for which, values in scores.items():
        print(f"{which:>4} mIoU {100 * values['miou']:.2f} %")
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
    engine: Literal["sequential", "ray"] = "sequential",
    cpus_per_run: float = 1,
    gpus_per_run: float = 0,
) -> None:
    """Run a group of recipes: skips what is recorded, goes on with what was broken off; a failed run stops no other.

    Recipes of one configuration, such as the last bars of Fig. 7's panels, are run once.

    Args:
        group: recipes' common name, such as table1/pascal_voc or small/camvid/20; "small" is all that a laptop's
            recipes ask.
        methods: only these; by default all.
        seeds: of the runs; by default 0 to 2, to 4 of most of toyscapes, to 14 of CamVid's main comparison
            and to 4 of its longer runs.
        root: the data set's folder, for groups of one data set; by default $RECO_DATA/<name>.
        weights: "imagenet" or a path, instead of the recipes' pretrained weights; random ones stay random.
        preset: what the published experiments did, or what the paper's text says.
        output: folder of the runs.
        results: folder of the records.
        engine: one after another, or several at once with Ray (extra `cluster`), on this machine or its cluster.
        cpus_per_run: of a Ray run.
        gpus_per_run: of a Ray run; a fraction lets several share one.
    """
    from reco_core.sweeps import SweepRun, sweep

    chosen = [name for name in recipe_names(group) if not methods or name.rpartition("/")[2] in methods]
    if not chosen:
        raise InputError(f"{group!r} has no recipe of {', '.join(methods)}: see `reco recipes {group}`")
    runs = []
    for seed in seeds or range(max(map(default_seeds, chosen))):
        for position, name in enumerate(chosen):
            if not seeds and seed >= default_seeds(name):
                continue
            if set(twins(name)) & set(chosen[:position]):
                continue  # a run of the same configuration is in this list
            records = [results / f"{twin}-seed{seed}.json" for twin in twins(name)]
            record = next((path for path in records if path.exists()), records[0])
            runs.append(
                SweepRun(recipe_options(name, seed, root, weights, preset), output / f"{name}-seed{seed}", record)
            )
    failed = sweep(runs, train_one, engine, cpus_per_run, gpus_per_run, tell=print)
    if failed:
        raise InputError(f"{len(failed)} of {len(runs)} runs failed; the same command tries them again")


def recipes(group: Annotated[str, tyro.conf.Positional] = "") -> None:
    """List the named recipes of a group, such as table1 or small/camvid; without a group, all."""
    print("\n".join(recipe_names(group)))


def table(
    key: Annotated[str, tyro.conf.Positional],
    results: Path = Path("results"),
    which: Literal["last", "best"] = "last",
) -> None:
    """The paper's numbers of a table or figure beside every recorded run; what has no record is marked.

    Args:
        key: 1 to 5, 7a to 7e, or B.
        results: folder of the records.
        which: the network of the last step, or of the best evaluation.
    """
    from reco_core.compare import beside_the_paper

    print(beside_the_paper(key, results, which))


def run_name(options: TrainConfig) -> str:
    """Folder name of a run."""
    return f"{options.data.dataset}-{options.data.num_labelled or 'all'}-{options.method}-seed{options.seed}"


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "reproduce": reproduce,
    "recipes": recipes,
    "table": table,
    "relations": relations,
}


def data() -> None:
    """Data sets: info, preview, prepare, download (see `reco data --help`)."""


def with_recipe(arguments: list[str]) -> Callable[..., None]:
    """`train`, its defaults taken from --recipe, --seed, --preset if they are given."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("--recipe")
    reader.add_argument("--preset", default="published")
    given, _ = reader.parse_known_args(arguments)
    if given.recipe is None:
        return train
    if given.preset not in get_args(Preset):
        raise InputError(f"preset {given.preset!r} is not one of {', '.join(get_args(Preset))}")
    start = recipe_options(given.recipe, preset=given.preset)

    @functools.wraps(train)
    def from_recipe(*values, **named) -> None:
        train(*values, **named)

    signature = inspect.signature(train)
    first, *others = signature.parameters.values()
    from_recipe.__signature__ = signature.replace(parameters=[first.replace(default=start), *others])
    return from_recipe


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Bad input ends with one line on standard error and exit code 2, a run that cannot go on with 1, Ctrl-C with 130, an
    output that nobody reads with 141.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    commands, prog = {**COMMANDS, "data": data}, "reco"
    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal cannot show must not end a run
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments[:1] == ["data"]:
        commands, prog, arguments = DATA_COMMANDS, "reco data", arguments[1:] or ["--help"]
    try:
        if arguments[:1] == ["train"]:
            commands["train"] = with_recipe(arguments)
        app = tyro.extras.SubcommandApp()
        for name, command in commands.items():
            app.command(name=name)(command)
        app.cli(
            args=arguments,
            prog=prog,
            description="ReCo: regional contrast for semantic segmentation.",
            config=(tyro.conf.OmitArgPrefixes,),
        )
        sys.stdout.flush()
    except InputError as error:
        sys.exit(_fail(f"reco: {error}", 2))
    except TrainingError as error:
        sys.exit(_fail(f"reco: {error}", 1))
    except BrokenPipeError:  # such as `reco recipes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_fail("reco: nobody reads the output any more", 141))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        reason = printable(f"{place}{error.strerror or one_line(error)}")
        sys.exit(_fail(f"reco: {reason}: mend that, then run the same command again", 2))
    except KeyboardInterrupt as error:
        sys.exit(_fail(f"reco: {str(error) or 'interrupted; the same command goes on from the last checkpoint'}", 130))


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
