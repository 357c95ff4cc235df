"""The commands evaluate and experiment."""

import pytest

from pasticcio.cli.experiments import EXPERIMENTS
from pasticcio.experiments.run import NAMES


def test_the_help_knows_every_experiment():
    assert set(EXPERIMENTS) == set(NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("smoothness --seeds 2", "--seeds is only for the experiments count, "),
        ("knowledge --set steps=3", "--set is only for the experiments count, "),
        ("count --model other", "--model is only for experiments other than count, "),
        ("count --optimize 3", "--optimize is only for the experiment observed"),
        ("observed --iterations 3", "--iterations is only for --optimize of the experiment observed"),
        ("observd", "did you mean observed"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, here, tmp_path):
    code, said, error = here("experiment", *arguments.split(), "--data", ".", "--weights", ".")
    assert (code, said) == (2, "")
    assert error.count("\n") == 1
    assert message in error
    assert not any(tmp_path.iterdir())
