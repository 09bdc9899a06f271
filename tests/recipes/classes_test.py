"""Laws of classes: the labels of a batch are those asked for, or all in turn."""

import pytest

import coopkeras as ck
from coopkeras.recipes import classes

NAMES = ("cat", "dog", "owl")


def model(names):
    network = ck.networks.generator((16, 16, 1), 2, (2,), classes=names)
    return ck.Generator(network)


def test_a_model_knows_the_names_of_its_classes():
    assert tuple(classes.names(model(NAMES))) == NAMES
    assert tuple(classes.names(model(()))) == ()
    assert classes.names(ck.Descriptor(ck.networks.descriptor((16, 16, 1), (2,)))) == ()


def test_labels_are_all_in_turn_or_the_one_asked_for():
    assert classes.labels(model(NAMES), "", 5).tolist() == [0, 1, 2, 0, 1]
    assert classes.labels(model(NAMES), "", 5, alike=2).tolist() == [0, 0, 1, 1, 2]
    assert classes.labels(model(NAMES), "owl", 2).tolist() == [2, 2]
    assert classes.labels(model(()), "", 5) is None


def test_a_class_that_was_not_learned_is_refused():
    with pytest.raises(ck.UserError, match="`label` should be one of cat, dog, owl; received 'co"):
        classes.labels(model(NAMES), "cow", 1)
    with pytest.raises(ck.UserError, match="no classes were learned; received 'cat'"):
        classes.labels(model(()), "cat", 1)
