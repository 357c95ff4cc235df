import numpy as np

import pasticcio
from pasticcio.render.stylize import stylize


def test_one_model_is_kept_between_calls(model_folder, style_file, photo):
    small = photo[:40, :50]
    first = stylize(small, style_file, model=model_folder)
    assert np.array_equal(first, stylize(small, style_file, model=str(model_folder)))
    assert pasticcio.stylize is stylize
