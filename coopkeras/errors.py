"""What a person at the command line is meant to read in place of a traceback."""

import os


class UserError(ValueError):
    """A mistake in what was asked for: said in one line, without a traceback.

    The message says what was given, what is expected and what to do. `coopkeras.run` prints it
    and exits with code 2.

    Example:
        >>> raise UserError("`size` should be at least 16; received 8. Use --set=size=16.")
        Traceback (most recent call last):
        coopkeras.errors.UserError: `size` should be at least 16; received 8. Use --set=size=16.
    """


class Interrupted(SystemExit):
    """Training was asked to stop (Ctrl-C or SIGTERM) and has saved itself.

    Attributes:
        code: 128 + the signal's number, the exit code that a shell expects.
    """

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.code = 128 + signal_number


def unreadable(path, kind, error):
    """Return the `UserError` of a file that a decoder would not read.

    Args:
        path: of the file.
        kind: what it should be, "image".
        error: what the decoder raised.

    Example:
        >>> print(unreadable("in.png", "image", ValueError("truncated")))
        `in.png` is not a whole image that can be read (truncated).
    """
    reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0]
    if os.path.exists(path) and not os.path.getsize(path):
        reason = "it has 0 bytes"
    return UserError(
        f"`{path}` is not a whole {kind} that can be read ({reason or type(error).__name__})."
    )
