"""The motion between two frames of a clip: dense optical flow, how far it can be trusted, the camera's, and cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pasticcio.extras import extra

Frame = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE = 270  # short side in pixels of the gray pictures that flow is computed on, at most
LEAST = 32  # pixels a side; smaller frames are enlarged for the flow
BACK = 0.7  # pixels of the gray picture: where forward and backward flow differ by that, trust is 1/e
CHANGE = 14.0  # levels of 255: where brightness along the flow differs by that, trust is 1/e
CUT = 0.25  # mean trust below which two frames show different scenes
ALIKE = 0.6  # pixels of the gray picture: flow this near to its median moves as the camera does
CAMERA = 0.5  # share of the trusted pixels that move alike, below which the camera's motion is no translation


@dataclass(frozen=True)
class Motion:
    """How a frame relates to the one before.

    Attributes:
        back: (H, W, 2), pixels, right and down: what to add to a place in this frame to find it in the one before.
        trust: (H, W) in [0, 1]: how far `back` can be trusted; 0 where the frame before does not show the place.
        camera: pixels, right and down, that the scene moved by on the screen; (0, 0) where it did not move as a whole.
        cut: whether the two frames show different scenes.
    """

    back: Floats
    trust: Floats
    camera: tuple[float, float]
    cut: bool


class Watcher:
    """Computes the motion between each frame and the one before.

    The flow is dense inverse search (Kroeger et al. 2016, "Fast optical flow using dense inverse search"), in both
    directions. It is trusted where the two agree and where the brightness along it stays.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self) -> None:
        with extra("video", "following motion"):
            import cv2
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._last: Frame | None = None
        self._size: tuple[int, ...] = ()

    def __call__(self, frame: Frame) -> Motion | None:
        """The motion from the frame before to this one.

        Args:
            frame: (H, W, 3).

        Returns:
            None for the first frame, and for one of another size than the frame before.
        """
        last, size = self._last, self._size
        gray = self._last = _gray(frame)
        self._size = frame.shape
        if last is None or size != frame.shape:
            return None
        return self._between(last, gray, frame.shape[:2])

    def _between(self, last: Frame, gray: Frame, size: tuple[int, int]) -> Motion:
        import cv2

        start = np.zeros((*gray.shape, 2), np.float32)
        back, forward = (cast(Floats, self._dis.calc(*pair, start.copy())) for pair in ((gray, last), (last, gray)))
        places = pixel_places(gray.shape) + back
        apart = np.square(_sample(forward, places) + back).sum(2)
        change = np.square(cv2.GaussianBlur(_sample(last, places).astype(np.float32) - gray, (0, 0), 1.0))
        trust = np.exp(-apart / BACK**2 - change / CHANGE**2)
        height, width = gray.shape
        inside = (places > -0.5).all(2) & (places[..., 0] < width - 0.5) & (places[..., 1] < height - 0.5)
        trust = np.where(inside, trust, 0).astype(np.float32)
        scale = np.array([size[1] / width, size[0] / height], np.float32)
        camera = -_translation(last, gray, back, trust) * scale
        return Motion(
            _resized(back, size) * scale,
            _resized(trust, size),
            (float(camera[0]), float(camera[1])),
            bool(trust.mean() < CUT * inside.mean()) or not inside.any(),
        )


def pixel_places(size: tuple[int, ...]) -> Floats:
    """The place of each pixel, (H, W, 2), right and down."""
    height, width = size[:2]
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), 2)


def carried(picture: NDArray[Any], back: Floats) -> Floats:
    """A picture of the frame before, moved to where its content is in this frame.

    Args:
        picture: (H, W, C), uint8 or float32.
        back: see `Motion`.

    Returns:
        (H, W, C), float32, by bicubic interpolation: values may lie outside the range of `picture`.
    """
    import cv2

    places = pixel_places(back.shape) + back
    return _sample(picture.astype(np.float32), places, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)


def _gray(frame: Frame) -> Frame:
    """Brightness at the size that flow is computed at."""
    import cv2

    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    factor = min(1.0, SIDE / min(height, width))
    size = max(LEAST, round(width * factor)), max(LEAST, round(height * factor))
    return cast(Frame, gray if size == (width, height) else cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _sample(picture: NDArray[Any], places: Floats, kind: int = 1, border: int = 1) -> NDArray[Any]:
    """What a picture shows at these places, by OpenCV's numbers: by default bilinear, the border repeated."""
    import cv2

    return cast(NDArray[Any], cv2.remap(picture, places[..., 0], places[..., 1], kind, borderMode=border))


def _resized(picture: Floats, size: tuple[int, int]) -> Floats:
    import cv2

    if picture.shape[:2] == size:
        return picture
    return cast(Floats, cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR))


def _translation(last: Frame, gray: Frame, back: Floats, trust: Floats) -> Floats:
    """The flow that most trusted pixels share, to some hundredths of a pixel; (0, 0) where there is none.

    Their mean is refined by two steps of least squares on brightness (Lucas and Kanade 1981).
    """
    trusted = trust > 0.5
    shift = np.zeros(2, np.float32)
    if not trusted.any():
        return shift
    apart = np.abs(back - np.median(back[trusted], axis=0)).max(2)
    alike = trusted & (apart < ALIKE)
    if alike.sum() < CAMERA * trusted.sum():
        return shift
    shift = cast(Floats, back[alike].mean(0, dtype=np.float32))
    now = gray.astype(np.float32)
    for _ in range(2):
        moved = _sample(last.astype(np.float32), pixel_places(gray.shape) + shift)
        slopes = np.stack([slope[alike] for slope in np.gradient((moved + now) / 2)[::-1]], 1)
        step: Floats = np.linalg.lstsq(slopes, (now - moved)[alike], rcond=1e-3)[0]
        if np.abs(step).max() > ALIKE:
            break
        shift = shift + step
    return shift
