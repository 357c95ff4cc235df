import importlib

import pytest

from pasticcio.errors import MissingExtraError
from pasticcio.extras import extra


def test_a_missing_package_is_named_with_the_extra_that_installs_it():
    with pytest.raises(MissingExtraError) as found, extra("train", "training"):
        importlib.import_module("package_that_is_not_there")
    assert str(found.value) == (
        "training (package_that_is_not_there) needs packages that are not installed: pip install 'pasticcio[train]'"
    )


def test_a_missing_module_of_the_package_itself_is_no_missing_extra():
    with pytest.raises(ModuleNotFoundError, match=r"pasticcio\.nowhere") as found, extra("train", "training"):
        importlib.import_module("pasticcio.nowhere")
    assert not isinstance(found.value, MissingExtraError)
