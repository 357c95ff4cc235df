import json

import numpy as np
import pytest

from pasticcio.model.folder import list_models
from pasticcio.style.named import list_styles, read_named_styles


def test_named_styles_are_read_from_their_file(tmp_path):
    work = {"title": "T", "artist": "A", "year": "1900", "embedding": [1, 2]}
    (tmp_path / "mine.json").write_text(json.dumps({"model": "abc", "styles": {"t": work}}))
    style = read_named_styles(tmp_path / "mine.json")["t"]
    assert (style.model, style.title, style.artist, style.year) == ("abc", "T", "A", "1900")
    assert style.embedding.tolist() == [1, 2]


def test_other_models_have_no_named_styles():
    assert list_styles("no such model") == {}


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.name)
def test_shipped_styles_belong_to_the_shipped_model(model):
    styles = list_styles(model.name)
    assert styles.keys() == list_styles().keys()
    assert len(styles) >= 24
    for name, style in styles.items():
        assert style.model == model.fingerprint
        assert style.embedding.shape == (model.embedding,)
        assert style.title
        assert style.artist
        assert int(style.year) < 1928
        assert name == name.lower()
    together = np.stack([style.embedding for style in styles.values()])
    assert np.linalg.matrix_rank(together - together.mean(0)) == len(styles) - 1  # no two are the same
