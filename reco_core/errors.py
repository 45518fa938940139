"""Errors that a user can act on."""


class InputError(ValueError):
    """Bad input from outside (a file, an option, a data set): one line that names the place, the value and the fix.

    The command line prints the message alone, without a traceback.
    """


class TrainingError(RuntimeError):
    """A run that cannot go on."""
