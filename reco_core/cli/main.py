"""The command `reco`: train, evaluate, predict, reproduce, look at data sets. Only the rooms of `cli` print.

A package may add commands and recipes of its own through the entry points "reco.commands" and "reco.recipes"; the
book's adds `table`, toyscapes/... and camvid/...
"""

import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import tyro
from pydantic import ValidationError

from reco_core.cli.data import DATA_COMMANDS
from reco_core.cli.networks import evaluate, predict, relations
from reco_core.cli.training import Train, read_train, recipes, reproduce
from reco_core.config import explained
from reco_core.errors import InputError, TrainingError, one_line, printable


def data() -> None:
    """Data sets: info, preview, prepare, download (see `reco data --help`)."""


COMMANDS: dict[str, Callable[..., Any]] = {
    "train": Train,
    "evaluate": evaluate,
    "predict": predict,
    "reproduce": reproduce,
    "recipes": recipes,
    "relations": relations,
    "data": data,
}


def run(arguments: list[str]) -> None:
    """Read a command and run it.

    Raises:
        InputError, TrainingError: see `main`.
    """
    for entry in entry_points(group="reco.recipes"):
        entry.load()
    if arguments[:1] == ["train"]:
        read_train(arguments[1:])()
        return
    commands, prog = COMMANDS | {entry.name: entry.load() for entry in entry_points(group="reco.commands")}, "reco"
    if arguments[:1] == ["data"]:
        commands, prog, arguments = DATA_COMMANDS, "reco data", arguments[1:] or ["--help"]
    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(command)
    about = "ReCo: regional contrast for semantic segmentation."
    app.cli(args=arguments, prog=prog, description=about, config=(tyro.conf.OmitArgPrefixes,))


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
