"""What a person at the command line is meant to read in place of a traceback."""


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
