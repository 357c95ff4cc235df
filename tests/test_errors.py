import pickle

import pytest

from pasticcio import errors
from pasticcio.errors import MissingExtraError, PasticcioError, nearest

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PasticcioError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_leaves_a_worker_process(kind):
    error = MissingExtraError("the demo", "demo") if kind is MissingExtraError else kind("no such file: a.jpg")
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found)) == (kind, str(error))


def test_a_missing_extra_is_said_with_the_remedy():
    assert str(MissingExtraError("the demo", "demo")) == (
        "the demo needs packages that are not installed: pip install 'pasticcio[demo]'"
    )


def test_the_nearest_names_are_said_or_all():
    assert nearest("defualt", ["other", "default"]) == "did you mean default?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "none is known"
