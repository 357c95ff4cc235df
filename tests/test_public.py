import doctest
import io
import subprocess
import sys

import pytest

import pasticcio
from pasticcio import errors


def test_every_public_name_loads():
    assert pasticcio.__all__ == sorted(pasticcio.__all__)
    for name in pasticcio.__all__:
        assert getattr(pasticcio, name).__module__.startswith("pasticcio.")
    assert set(pasticcio.__all__) == set(pasticcio._HOME)


@pytest.mark.parametrize("name", pasticcio.__all__)
def test_every_public_name_has_an_example_that_works(name):
    value = getattr(pasticcio, name)
    examples = [
        test
        for test in doctest.DocTestFinder(recurse=False).find(
            value, name, globs=vars(sys.modules[value.__module__]).copy()
        )
        if test.examples
    ]
    assert examples or issubclass(value, errors.PasticcioError)  # not every error can be had in a line
    for test in examples:
        report = io.StringIO()
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.write)
        assert not report.getvalue()


def test_every_error_is_public_and_in_the_tree():
    names = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert names <= set(pasticcio.__all__)
    for name in names:
        assert name in (errors.__doc__ or "")


def loaded(code):
    """Names of the top-level packages that some code imports."""
    script = f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


HEAVY = {"torch", "onnxruntime", "openvino", "numpy", "PIL", "rich"}


def in_process(arguments):
    """Code that runs the command line and goes on."""
    code = f"import pasticcio.cli.main as c; sys.argv = {arguments!r}\ntry: c.main()\nexcept SystemExit: pass\n"
    return f"exec({code!r})"


def test_importing_is_light():
    assert not loaded("import pasticcio, pasticcio.cli.main") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["stylize", "--help"], ["train", "--help"]])
def test_help_is_light(arguments):
    assert not loaded(in_process(["pasticcio", *arguments])) & HEAVY


def test_stylizing_imports_no_torch(model_folder, photo_file, style_file, tmp_path):
    packages = loaded(
        in_process(
            ["pasticcio", "stylize", str(photo_file), "--style", str(style_file), "-o", str(tmp_path / "o.png"),
             "--model", str(model_folder)]
        )
    )  # fmt: skip
    assert "onnxruntime" in packages
    assert not packages & {"torch", "openvino", "rich", "urllib3"}
