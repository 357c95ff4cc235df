import numpy as np
import pytest

from pasticcio.errors import OptionError
from pasticcio.space.contact_sheet import contact_sheet


def test_a_contact_sheet_has_its_pictures_in_place():
    red, blue = np.zeros((40, 60, 3), np.float32), np.zeros((60, 40, 3), np.float32)
    red[..., 0], blue[..., 2] = 1, 1
    sheet = np.asarray(
        contact_sheet([[red, None], [blue, red]], columns=["a", "b"], rows=["one", "two words"], side=60)
    )
    is_red = (sheet == (255, 0, 0)).all(2)
    is_blue = (sheet == (0, 0, 255)).all(2)
    assert (is_red.sum(), is_blue.sum()) == (2 * 2400, 2400)
    assert np.argwhere(is_blue)[:, 0].min() > np.argwhere(is_red)[:, 0].min() + 40
    with pytest.raises(OptionError, match="at least one"):
        contact_sheet([])
