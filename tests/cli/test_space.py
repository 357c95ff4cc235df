"""The commands about the space of styles, in this process."""

import pytest
from PIL import Image
from typer.testing import CliRunner

from pasticcio.cli.main import app
from pasticcio.errors import OptionError, OutputError, PasticcioError
from pasticcio.image.read import open_image
from pasticcio.space.embeddings import Embeddings
from pasticcio.style.style import Style


def call(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(done.exception, PasticcioError):
        raise done.exception
    return done


@pytest.fixture
def folder(photo, tmp_path):
    (tmp_path / "works").mkdir()
    for i in range(5):
        Image.fromarray(photo[40 * i : 40 * i + 100, 50 * i : 50 * i + 140]).save(tmp_path / "works" / f"w{i}.png")
    return tmp_path / "works"


def test_one_picture_or_folder_is_a_style_and_many_are_a_table(folder, tmp_path, model_folder):
    one, mean, table, each = (tmp_path / name for name in ("one.json", "mean.json", "table.npz", "each.json"))
    model = ("--model", model_folder)
    assert call("embed", folder / "w0.png", "-o", one, *model).exit_code == 0
    assert call("embed", folder, "-o", mean, *model).exit_code == 0
    assert Style.load(one).name == "w0.png"
    assert Style.load(mean).name == "works"
    (folder / "bad.png").write_text("no picture")
    done = call("embed", folder, "-o", table, *model)
    assert done.exit_code == 1
    assert "bad.png is not a picture" in done.output
    assert len(Embeddings.load(table)) == 5
    assert call("embed", folder / "w0.png", folder / "w1.png", "-o", each, *model).exit_code == 0
    assert call("embed", folder / "w0.png", "--each", "-o", tmp_path / "single.json", *model).exit_code == 0
    assert len(Embeddings.load(each)) == 2
    assert len(Embeddings.load(tmp_path / "single.json")) == 1
    with pytest.raises(OutputError, match="ends in"):
        call("embed", folder, "-o", tmp_path / "t.txt", *model)


def test_map_neighbors_and_grids(folder, tmp_path, model_folder, photo_file):
    table, model = tmp_path / "t.npz", ("--model", model_folder)
    call("embed", folder, "-o", table, *model)
    (tmp_path / "about.csv").write_text("name,kind\n" + "".join(f"w{i},k{i % 2}\n" for i in range(5)))
    about = ("--about", tmp_path / "about.csv", "--color", "kind")
    done = call("map", table, "--method", "pca", "-o", tmp_path / "m.html", *about)
    assert done.exit_code == 0, done.output
    assert '"columns":{"kind"' in (tmp_path / "m.html").read_text()
    assert call("map", folder, "--method", "pca", "-o", tmp_path / "m.png", *model).exit_code == 0
    assert open_image(tmp_path / "m.png").shape == (4096, 4096, 3)
    assert call("map", table, "--method", "pca", "--dots", "-o", tmp_path / "d.png", *about).exit_code == 0
    done = call("neighbors", "w3", "--in", table, "-k", 2, "-o", tmp_path / "n.png", *model)
    assert done.exit_code == 0
    assert len(done.output.splitlines()) == 3
    styles = [part for i in range(4) for part in ("-s", folder / f"w{i}.png")]
    for kind, given in (("styles", 8), ("strength", 2), ("mix", 4), ("square", 8), ("near", 2), ("walk", 0)):
        source = ("--in", table) if kind in ("near", "walk") else ()
        out = tmp_path / f"{kind}.png"
        steps = () if kind == "styles" else ("--steps", 3)
        done = call("grid", kind, photo_file, "-o", out, "--size", 48, *steps, *styles[:given], *source, *model)
        assert done.exit_code == 0, done.output
        assert out.exists()
    for arguments, message in (
        (("grid", "squares", photo_file), "did you mean square"),
        (("grid", "mix", photo_file), "needs styles"),
        (("grid", "directions", photo_file), "--in TABLE"),
    ):
        with pytest.raises(OptionError, match=message):
            call(*arguments, "-o", tmp_path / "x.png")
    with pytest.raises(OutputError, match=r"ends in \.html or \.png"):
        call("map", table, "-o", tmp_path / "m.svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("embed a.png -o a.json --split test", "--split is only for .csv tables"),
        ("map t.npz --method pca --seed 3", "--seed is only for --method tsne"),
        ("map t.npz -o m.png --title Map", "--title is only for a page, .html"),
        ("map t.npz -o m.png --color kind", "--color is only for a page, .html, or with --dots"),
        ("map t.npz --model other", "--model is only for pictures, and t.npz is a table of embeddings"),
        ("map t.npz --style-size 128", "--style-size is only for pictures, and t.npz is a table of embeddings"),
        ("map folder --split test", "--split is only for tables, and folder is none"),
        ("grid styles a.png -o o.png -s dance --steps 3", "--steps is only for all kinds of grid but styles"),
        ("grid mix a.png -o o.png -s dance --rows 3", "--rows is only for a grid of kind walk"),
        ("grid mix a.png -o o.png -s dance --seed 3", "--seed is only for a grid of kind near"),
        ("grid near a.png -o o.png -s dance --reach 3", "--reach is only for grids of kind walk and directions"),
        ("grid mix a.png -o o.png -s dance --in t.npz", "--in is only for grids of kind near, walk and directions"),
        ("grid walk a.png -o o.png --style-size 128", "--style-size is only for styles and pictures"),
        ("grid walk a.png b.png -o o.png", "a grid of kind walk takes one photo; 2 are given"),
        ("grid near a.png -o o.png -s dance -s kiss", "a grid of kind near takes one style; 2 are given"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(arguments, message):
    with pytest.raises(OptionError) as refused:
        call(*arguments.split())
    assert message in str(refused.value)


def test_a_color_in_its_old_spelling(folder, tmp_path):
    with pytest.raises(OptionError, match="no column 'kind'"):
        call("map", folder, "--method", "pca", "--colour", "kind", "-o", tmp_path / "m.html")
