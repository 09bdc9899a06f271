"""Laws of what is kept apart: one grammar, of which each medium knows a part."""

import pytest

from coopkeras.data import held_out
from coopkeras.errors import UserError

ALL = ("last", "first", "share", "glob")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("last:30", ("last", 30)),
        ("first:4", ("first", 4)),
        ("0.25", ("share", 0.25)),
        (0.25, ("share", 0.25)),
        ("test/*.png", ("glob", "test/*.png")),
    ],
)
def test_each_form_is_understood(text, meant):
    assert held_out.parse(text, ALL, "images") == meant


@pytest.mark.parametrize("kinds", [("last", "share"), ("share",), ("last", "first", "share")])
@pytest.mark.parametrize("text", ["some", "last:x", "last:-3", "0", "1", "1.5", "-0.2", "nan"])
def test_what_is_no_form_of_the_medium_is_refused_and_the_forms_are_named(text, kinds):
    with pytest.raises(UserError) as caught:
        held_out.parse(text, kinds, "a clip (frames)")
    message = str(caught.value)
    assert message.startswith("`held_out` of a clip (frames) should be ")
    assert message.endswith(f"; received {text}.")
    assert "\n" not in message
    for kind in held_out.FORMS:
        assert (held_out.FORMS[kind] in message) == (kind in kinds)


def test_a_share_is_no_glob():
    with pytest.raises(UserError, match="received 1.5"):
        held_out.parse("1.5", ALL, "images")
