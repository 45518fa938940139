"""The command `reco`: train, evaluate, predict, reproduce, look at data sets. Only the rooms of `cli` print.

A package may add commands and recipes of its own through the entry points "reco.commands" and "reco.recipes"; the
book's adds `table`, toyscapes/... and camvid/... Only the command that is asked for is imported.
"""

import os
import pkgutil
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import tyro
from pydantic import ValidationError

from reco_core.errors import InputError, TrainingError, one_line, printable

COMMANDS = {
    "train": ("reco_core.cli.training:Train", "Train a network."),
    "evaluate": ("reco_core.cli.networks:evaluate", "Score a checkpoint on a split of a data set."),
    "predict": ("reco_core.cli.networks:predict", "Segment image files."),
    "reproduce": ("reco_core.cli.training:reproduce", "Run a group of recipes."),
    "recipes": ("reco_core.cli.training:recipes", "List the named recipes."),
    "relations": ("reco_core.cli.networks:relations", "Relation graphs and dendrograms of a checkpoint."),
    "data": ("reco_core.cli.data:DATA_COMMANDS", "Data sets: info, preview, prepare, download."),
}
"""Where each is, and what the list of commands says of it."""


def run(arguments: list[str]) -> None:
    """Read a command and run it.

    Raises:
        InputError, TrainingError: see `main`.
    """
    added = {entry.name: (entry.value, f"From {entry.module}.") for entry in entry_points(group="reco.commands")}
    known, asked = COMMANDS | added, arguments[0] if arguments else ""
    if asked == "--version":
        from reco_core.runs.records import environment, source_revision

        print(
            " ".join(f"{name}={value}" for name, value in environment("cpu").items()), f"revision={source_revision()}"
        )
        return
    if asked in known:
        for entry in entry_points(group="reco.recipes"):
            entry.load()
    if asked == "train":
        pkgutil.resolve_name("reco_core.cli.training:read_train")(arguments[1:])()
        return
    prog, commands = "reco", {name: _announced(summary) for name, (_, summary) in known.items()}
    if asked == "data":
        prog, commands, arguments = "reco data", pkgutil.resolve_name(known[asked][0]), arguments[1:] or ["--help"]
    elif asked in known:
        commands[asked] = pkgutil.resolve_name(known[asked][0])
    elif asked.startswith("--tyro-"):  # shell completion, which knows the options too
        commands |= {name: pkgutil.resolve_name(place) for name, (place, _) in known.items() if name != "data"}
    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(command)
    about = "ReCo: regional contrast for semantic segmentation."
    app.cli(args=arguments, prog=prog, description=about, config=(tyro.conf.OmitArgPrefixes,))


def _announced(summary: str) -> Callable[[], Any]:
    """A command in the list of commands, not imported."""

    def command() -> None:
        pass

    command.__doc__ = summary
    return command


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Bad input ends with one line on standard error and exit code 2, a run that cannot go on with 1, Ctrl-C with 130, an
    output that nobody reads with 141.
    """
    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal cannot show must not end a run
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except InputError as error:
        sys.exit(_fail(f"reco: {error}", 2))
    except ValidationError as error:
        from reco_core.config import explained

        sys.exit(_fail(f"reco: {explained(error)}", 2))
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
