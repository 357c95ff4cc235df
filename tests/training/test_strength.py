import shutil

import numpy as np
import pytest
import torch

from pasticcio.errors import DataError, ModelError
from pasticcio.model.folder import SHIPPED, STRENGTH, Model
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import towards
from pasticcio.training.model_folder import save_model
from pasticcio.training.strength import REACH, StrengthCurve, add_strength, fit_way


def test_a_strength_leads_from_the_own_embedding_by_the_way_to_the_style():
    torch.manual_seed(0)
    matrix, offset, own, wanted = torch.randn(4, 4), torch.randn(4), torch.randn(3, 4), torch.randn(3, 4)
    curve = StrengthCurve(matrix, offset)
    found = curve(own, wanted, torch.tensor([[0.0], [1.0], [0.75]]))
    torch.testing.assert_close(found[0], own[0])
    torch.testing.assert_close(found[1], wanted[1])
    share = 1 - 0.25**2
    kept = wanted[2] + 0.25 * share * REACH * (wanted[2] @ matrix + offset)
    torch.testing.assert_close(found[2], own[2] + share * (kept - own[2]))
    torch.testing.assert_close(curve(own, wanted, torch.full((3, 1), 1.5)), own + 1.5 * (wanted - own))


def test_a_linear_way_is_found_in_any_basis():
    torch.manual_seed(0)
    forecast = Forecast(embedding=6, parts={"relu1_1": 3})
    basis = torch.randn(6, 6) + 3 * torch.eye(6)
    forecast.turn(basis)
    embeddings, matrix, offset = 30 * torch.randn(400, 6), torch.randn(6, 6), torch.randn(6)
    found, there, explained = fit_way(embeddings, embeddings @ matrix + offset, forecast)
    torch.testing.assert_close(found, matrix, atol=2e-2, rtol=2e-2)
    torch.testing.assert_close(there, offset, atol=2e-1, rtol=2e-2)
    assert explained > 0.99
    noise = fit_way(embeddings, torch.randn(400, 6), forecast)[2]
    assert noise < 0.1, "what is not there was explained for styles left out"


def test_a_model_with_a_forecast_gets_the_graph(tmp_path, pictures, caplog):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED / "default", folder)
    before = dict(Model.open(folder).config["sha256"])
    (folder / STRENGTH).unlink(missing_ok=True)
    assert add_strength(folder, [str(tmp_path / "broken.png"), str(pictures / "styles")], count=5) <= 1.0
    assert caplog.text.count("broken.png") == 1
    model = Model.open(folder)
    assert model.strength is not None
    assert {name: sha for name, sha in model.config["sha256"].items() if name != STRENGTH} == {
        name: sha for name, sha in before.items() if name != STRENGTH
    }
    stylizer = Stylizer(folder, runtime="onnxruntime")
    own, wanted = np.zeros(100, np.float32), np.ones(100, np.float32)
    assert np.abs(at_strength(stylizer, own, wanted, 0.5) - towards(own, wanted, 0.5)).max() > 0


def test_a_model_without_a_forecast_keeps_the_straight_line(tmp_path, pictures):
    save_model(tmp_path / "model", StyleNetwork(NetworkConfig(half=4, quarter=4, eighth=4)), "plain", {})
    with pytest.raises(ModelError, match="has no forecast"):
        add_strength(tmp_path / "model", [str(pictures / "styles")])


def test_few_styles_are_refused(tmp_path, pictures):
    with pytest.raises(DataError, match="1 styles are too few"):
        add_strength(SHIPPED / "default", [str(next((pictures / "styles").iterdir()))])
