"""Errors that a user can act on."""

import signal


class InputError(ValueError):
    """Bad input from outside (a file, an option, a data set): one line that names the place, the value and the fix.

    The command line prints the message alone, without a traceback. A file name, or what another library says of a
    damaged file, may hold line breaks and signs that a terminal obeys: `printable` takes them out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class InUse(InputError):
    """Another process is at it."""


class TrainingError(RuntimeError):
    """A run that cannot go on."""


class Interrupted(KeyboardInterrupt):
    """A run that was stopped from the keyboard, after it saved what it had."""


def ignore_interruption(worker: int) -> None:
    """For loader processes, which get the terminal's Ctrl-C too: the run itself ends them when it has saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def printable(text: str) -> str:
    """Text for a line: line breaks become blanks, and signs that cannot be seen or written become escapes."""
    signs = " ".join(text.splitlines())
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in signs)


def one_line(error: BaseException, most: int = 120) -> str:
    """The first line of what an error says, or its type's name."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__
