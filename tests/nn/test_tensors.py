import numpy as np
import torch

from pasticcio.nn.tensors import to_array, to_batch


def test_pictures_become_a_batch_and_come_back():
    pictures = [np.random.default_rng(i).random((3, 5, 3)) for i in range(2)]
    batch = to_batch(*pictures)
    assert (batch.shape, batch.dtype, batch.is_contiguous()) == ((2, 3, 3, 5), torch.float32, True)
    assert batch[1, 2, 0, 4] == np.float32(pictures[1][0, 4, 2])
    back = to_array(batch[1:].requires_grad_())
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, pictures[1].astype(np.float32))
