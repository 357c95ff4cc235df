"""Fast: frames rendered at half their size, and enlarged with the detail of the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pasticcio.video.motion import Floats, Frame, Room, opencv, top_of

SMALLER = 2  # times, in height and in width; strokes become as many times larger
COARSER = 2  # times smaller still is the picture that slopes are computed on
RADIUS = 4  # pixels of the small frame: windows in which frame and output are compared reach so far
EVEN = 1e-3  # added to the variance of brightness (epsilon of the guided filter): even places get little detail
MOST = 1.5  # largest factor on the contrast of the frame's detail


def halved(picture: NDArray[np.generic]) -> Frame:
    """A frame, (H, W, 3), or a mask, (H, W), at half the height and width, rounded up."""
    size = tuple(-(-side // SMALLER) for side in picture.shape[1::-1])
    small: Frame = opencv().resize(picture, size, interpolation=opencv().INTER_AREA)
    return small


class Enlarger:
    """Enlarges an output, and adds the detail that its frame lost when it was made smaller.

    The detail is added times the contrast that the style gives to coarser detail in the same place: the slope of the
    output's colors over the frame's brightness in a window, as in a guided filter (He et al. 2013, "Guided image
    filtering", equation 5). If the style flattens the frame there, the detail is flattened too; if it turns dark to
    light, so is the detail. Slopes are computed on a picture that is smaller still (He and Sun 2015, "Fast guided
    filter"). One thread at a time may use an object, as it keeps its arrays.
    """

    def __init__(self) -> None:
        self._room = Room()

    def __call__(self, output: Frame, small: Frame, frame: Frame) -> Frame:
        """Enlarge an output.

        Args:
            output: (h, w, 3), the stylized frame.
            small: (h, w, 3), the frame at that size.
            frame: (H, W, 3), the frame at its full size; all uint8, or all uint16.

        Returns:
            (H, W, 3), of the same dtype.
        """
        cv2, room, size = opencv(), self._room, frame.shape[1::-1]
        light = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        coarse = cv2.resize(light, size, interpolation=cv2.INTER_CUBIC)
        finer = room("finer", frame.shape[:2])
        cv2.subtract(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), coarse, finer, dtype=cv2.CV_32F)
        finer = cv2.cvtColor(finer, cv2.COLOR_GRAY2RGB, room("finer, thrice", frame.shape))
        slope = cv2.resize(_slope(light, output), size, room("slope", frame.shape), interpolation=cv2.INTER_LINEAR)
        detail = cv2.multiply(slope, finer, slope)
        depth = cv2.CV_8U if output.dtype == np.uint8 else cv2.CV_16U
        result: Frame = cv2.resize(output, size, interpolation=cv2.INTER_CUBIC)
        cv2.add(result, detail, result, dtype=depth)
        return result


def _slope(light: Frame, output: Frame) -> Floats:
    """Slope of each stylized color over the frame's brightness in the window around every pixel.

    Args:
        light: (h, w), the frame's brightness.
        output: (h, w, 3).

    Returns:
        (h / COARSER, w / COARSER, 3), rounded up.
    """
    cv2, side = opencv(), RADIUS // COARSER * 2 + 1
    size = tuple(-(-side // COARSER) for side in light.shape[::-1])

    def mean(values: Floats) -> Floats:
        blurred: Floats = cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE)
        return blurred

    top = np.float32(top_of(output))
    light, output = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (light, output))
    bright, colors = light.astype(np.float32) / top, output.astype(np.float32) / top
    level = mean(bright)
    variance = mean(bright * bright) - level * level + np.float32(EVEN)
    shared = mean(bright[..., None] * colors)
    slopes = (shared - level[..., None] * mean(colors)) / variance[..., None]
    return mean(np.clip(slopes, -MOST, MOST))
