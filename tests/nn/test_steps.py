import numpy as np
import torch

from pasticcio.nn.steps import Steps
from pasticcio.render.adapt import KEPT, LENGTHS, _Mean
from pasticcio.render.slope import Slopes


def test_plain_steps_are_those_of_gradient_descent_with_momentum():
    torch.manual_seed(0)
    steps, mean = Steps(5, 4), _Mean(LENGTHS[0], KEPT[0])
    steps.plain(LENGTHS[0], KEPT[0])
    gradients = torch.zeros(1, 4, 5)
    for step in range(4):
        gradients[0, step] = torch.nn.functional.normalize(torch.randn(5), dim=0)
        row = gradients[:, step].numpy().astype(np.float64)
        wanted = mean(Slopes(0.0, row, row), step, 4)
        torch.testing.assert_close(
            steps(gradients, torch.randn(1, 5), torch.tensor([step])), torch.from_numpy(wanted).float()
        )


def test_a_step_depends_on_what_is_known_then():
    torch.manual_seed(0)
    steps = Steps(3, 2)
    for weights in steps.parameters():
        torch.nn.init.normal_(weights)
    gradients, start, last = torch.randn(4, 2, 3), torch.randn(4, 3), torch.tensor([1])
    found = steps(gradients, start, last)
    longer = torch.cat([5 * gradients[:, :1], gradients[:, 1:]], 1)
    torch.testing.assert_close(steps(longer, start, last), found, msg="of earlier gradients the direction counts alone")
    assert not torch.allclose(steps(gradients * torch.tensor([[[1.0], [0.5]]]), start, last), found)
    assert not torch.allclose(steps(gradients, 2 * start, last), found)
    assert not torch.allclose(steps(gradients, start, torch.tensor([0])), found)
    assert steps(torch.zeros(1, 2, 3), start[:1], last).isfinite().all()
