from dataclasses import replace

import pytest

from pasticcio.baselines.settings import Settings
from pasticcio.errors import OptionError
from pasticcio.nn.losses import LossConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 8}, "size is 8"),
        ({"iterations": 0}, "iterations is 0"),
        ({"method": "sgd"}, "method is 'sgd'"),
        ({"start": "nois"}, "did you mean noise"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"pooling": "min"}, "pooling is 'min'"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"colors": "none"}, "colors is 'none'"),
        ({"seed": -1}, "seed is -1"),
        ({"loss": LossConfig(content={}, style={})}, "the loss has no layers"),
    ],
)
def test_bad_settings_are_explained(change, message):
    with pytest.raises(OptionError, match=message):
        Settings(**change)


def test_the_other_spelling_of_colors_means_the_same():
    assert Settings(colours="match") == Settings(colors="match")
    assert replace(Settings(colours="match"), size=64).colors == "match"
    assert replace(Settings(colours="match"), colors="style").colors == "style"
    with pytest.raises(OptionError, match="colors is 'none'"):
        Settings(colours="none")
