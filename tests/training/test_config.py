from pathlib import Path

import pytest

from pasticcio.errors import ConfigError
from pasticcio.training.config import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def write(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_is_valid(recipe):
    assert all(config.name == recipe.stem for config in read_recipe(recipe))


def test_stages_build_on_each_other(tmp_path):
    first, second = read_recipe(
        write(tmp_path, "batch = 3\n[[stage]]\nsteps = 5\n[[stage]]\nsteps = 7\n[stage.data]\ncrop = 64\n")
    )
    assert (first.batch, first.steps, first.start) == (3, 5, "")
    assert (second.batch, second.steps, second.data.crop) == (3, 7, 64)
    assert second.start == f"{first.out}/model"


def test_a_stage_inherits_from_the_stage_before_it(tmp_path):
    text = """
        steps = 5
        [loss]
        pixel = 1.0
        [[stage]]
        start = "somewhere"
        branch = "weights"
        inception = ""
        frozen = ["heads"]
        rates = { transfer = 0.5 }
        network.predictor_directions = 4
        loss.grid = 2.0
        loss.restyled = { relu1_1 = 1.0 }
        [[stage]]
        frozen = []
        rates = {}
        loss.restyled = { relu2_1 = 1.0 }
        [[stage]]
        loss.pixel = 3.0
    """
    first, second, third = read_recipe(write(tmp_path, text))
    assert (first.start, first.branch, first.rates) == ("somewhere", "weights", {"transfer": 0.5})
    assert (second.start, second.branch) == (f"{first.out}/model", "")
    assert (second.frozen, second.rates, second.loss.restyled) == ((), {}, {"relu2_1": 1.0})
    assert (third.steps, third.network.predictor_directions, third.loss.grid, third.loss.pixel) == (5, 4, 2.0, 3.0)
    assert third.loss.restyled == {"relu2_1": 1.0}
    assert [config.out.rsplit("/", 1)[1] for config in (first, second, third)] == ["stage-1", "stage-2", "stage-3"]


def test_the_stages_of_the_default_recipe():
    stages = read_recipe(RECIPES / "fast.toml")
    assert [stage.steps for stage in stages] == [5450, 330, 820, 430, 2380, 840, 2450, 200, 7000, 1200]
    assert [stage.reuse for stage in stages] == [1, 1, *[3] * 8]
    assert [stage.loss.grid for stage in stages] == [1e4, 1e4, 4e4, 3e5, 1e5, 1e5, *[2.5e5] * 4]
    assert [stage.data.crop for stage in stages] == [128, 128, 144, 144, *[128] * 6]
    assert [stage.data.photo_short[1] for stage in stages] == [288, 288, *[448] * 4, 512, 512, 448, 448]
    assert [bool(stage.branch) for stage in stages] == [number == 5 for number in range(1, 11)]
    assert [bool(stage.frozen) for stage in stages] == [number in (5, 6, 7, 9, 10) for number in range(1, 11)]
    assert [bool(stage.rates) for stage in stages] == [number == 8 for number in range(1, 11)]
    assert {stage.loss_network.padding for stage in stages} == {"reflect"}


def test_the_old_spelling_of_a_key_is_read(tmp_path):
    (config,) = read_recipe(write(tmp_path, "[data]\ngrey = 0.25\n"))
    assert config.data.gray == 0.25


def test_set_overrides_every_stage(tmp_path):
    recipe = write(tmp_path, "[[stage]]\nsteps = 5\n[[stage]]\nsteps = 7\n")
    configs = read_recipe(recipe, ["steps=9", "data.crop = 32", "data.photos=some folder", "network.margin=16"])
    assert [c.steps for c in configs] == [9, 9]
    assert {(c.data.crop, c.data.photos, c.network.margin) for c in configs} == {(32, ("some folder",), 16)}


def test_layers_of_a_stage_replace_the_common_ones(tmp_path):
    (config,) = read_recipe(
        write(tmp_path, "[loss]\nstyle = { relu1_1 = 1 }\n[[stage]]\n[stage.loss]\nstyle = { relu2_1 = 2 }\n")
    )
    assert config.loss.style == {"relu2_1": 2.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 5", "unknown key stepz; did you mean steps"),
        ("[data]\ncorp = 5", r"unknown key data.corp; did you mean crop"),
        ('steps = "many"', "steps is 'many'; it must be int"),
        ("steps = 0", "steps is 0"),
        ('[network]\ntransfer = "huge"', "'paper' or 'fast'"),
        ("[network]\nmargin = 5", "margin is 5"),
        ("[data]\ncrop = 512", "below data.crop 512"),
        ("ema = 1.5", "ema is 1.5"),
        ('cache = "x"', "every picture varies"),
        ("balance = -1", "balance is -1; it is 0, or more where a predictor learns"),
        ("balance = 9\nfrozen = ['predictor']", "balance is 9; it is 0, or more where a predictor learns"),
        ("whiten = 5", "whiten is 5; it is 0, or more for network.predictor"),
        ("forecast = 5", "forecast is 5; it is 0, or more for network.predictor"),
        ("forecast = 5\n[network]\npredictor = 'statistics'", "set loss.relative and loss.logarithmic"),
        (
            "forecast = 5\nidentity = 0.95\n[network]\npredictor = 'statistics'\n"
            "[loss]\nrelative = true\nlogarithmic = true",
            "identity 0.95 every photo of a batch is its own style",
        ),
        (
            "[network]\npredictor = 'statistics'\npredictor_forecast = { relu1_1 = 3 }",
            "set forecast = 20000 instead",
        ),
        (
            "forecast = 5\n[network]\npredictor = 'statistics'\n[loss]\nrelative = true\nlogarithmic = true\n"
            "[loss_network]\nname = 'vgg19-small'",
            "set loss_network.name to another",
        ),
        ("[data]\ntexture = 1.5", "data.texture is 1.5; it must be between 0 and 1"),
        ("[data]\ntexture = 0.5\nresident = true", "data.texture is 0.5; it needs data.resident = false"),
        ("steps = [", "is not TOML"),
    ],
)
def test_bad_recipes_are_explained(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(write(tmp_path, text))


def test_missing_recipe_and_bad_setting(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="no '='"):
        read_recipe(write(tmp_path, ""), ["steps"])
