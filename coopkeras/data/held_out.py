"""What is kept apart for judging: one grammar for images, clips and sounds.

last:30 | first:30 | 0.25 (a share) | a glob of names
"""

from typing import NamedTuple

from coopkeras.errors import UserError

FORMS = {
    "last": "last:30",
    "first": "first:30",
    "share": "a share between 0 and 1 such as 0.25",
    "glob": "a glob of names",
}


class HeldOut(NamedTuple):
    """What is kept apart.

    Attributes:
        kind: "last", "first", "share" or "glob".
        amount: a number of examples, frames or the like; a share; or a glob.
    """

    kind: str
    amount: int | float | str


def parse(text, kinds, of):
    """Understand the setting `held_out`.

    Args:
        text: the setting, or a number, a share.
        kinds: those of `FORMS` that the medium has.
        of: what is kept apart, for messages: "a clip (frames)".

    Returns:
        held_out: a `HeldOut`.

    Raises:
        UserError: if it is understood otherwise, or a share is not between 0 and 1.

    Example:
        >>> parse("last:30", ("last", "share"), "a clip (frames)")
        HeldOut(kind='last', amount=30)
    """
    kind, _, count = str(text).partition(":")
    if kind in kinds and kind in ("first", "last") and count.isdigit():
        return HeldOut(kind, int(count))
    try:
        share = float(text)
    except ValueError:
        if "glob" in kinds:
            return HeldOut("glob", str(text))
        share = None
    if share is None or not 0 < share < 1:
        expected = " or ".join(FORMS[kind] for kind in kinds)
        raise UserError(f"`held_out` of {of} should be {expected}; received {text}.")
    return HeldOut("share", share)
