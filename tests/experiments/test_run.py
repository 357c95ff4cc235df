import pytest

from pasticcio.errors import OptionError
from pasticcio.experiments.run import NAMES, TRAINED, run


def test_an_unknown_experiment_is_refused(context):
    assert set(TRAINED) < set(NAMES)
    with pytest.raises(OptionError, match="did you mean knowledge"):
        run("knowlege", context)
    assert not context.results.exists()
