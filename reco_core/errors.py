"""Errors that a user can act on."""


class InputError(ValueError):
    """Bad input from outside (a file, an option, a data set): one line that names the place, the value and the fix.

    The command line prints the message alone, without a traceback. Line breaks become blanks: a file name, or what
    another library says of a damaged file, may hold some.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split("\n")))


class TrainingError(RuntimeError):
    """A run that cannot go on."""


class Interrupted(KeyboardInterrupt):
    """A run that was stopped from the keyboard, after it saved what it had."""


def one_line(error: BaseException, most: int = 120) -> str:
    """The first line of what an error says, or its type's name."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__
