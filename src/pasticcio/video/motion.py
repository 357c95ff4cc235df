"""The motion between two frames of a clip: dense optical flow, how far it can be trusted, the camera's, and cuts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pasticcio.extras import extra

Frame = NDArray[Any]  # (H, W, 3), uint8, or uint16 over its whole range; RGB
Floats = NDArray[np.float32]

SIDE = 216  # short side in pixels of the gray pictures that flow is computed on, at most
LEAST = 32  # pixels a side; smaller frames are enlarged for the flow
DESCENT = 12  # steps of gradient descent for each patch, of 25 that the preset has: more give no better flow
BACK = 0.7  # pixels of the gray picture: where forward and backward flow differ by that, trust is 1/e
CHANGE = 14.0  # levels of 255: where brightness along the flow differs by that, trust is 1/e
CUT = 0.25  # mean trust below which two frames show different scenes
ALIKE = 0.6  # pixels of the gray picture: flow this near to its median moves as the camera does
THIN = 2  # one in so many rows, and columns, of the gray picture is looked at for the camera's motion
CAMERA = 0.5  # share of the trusted pixels that move alike, below which the camera's motion is no translation


@dataclass(frozen=True)
class Motion:
    """How a frame relates to the one before.

    Attributes:
        back: (H, W, 2), pixels, right and down: what to add to a place in this frame to find it in the one before.
        trust: (H, W) in [0, 1]: how far `back` can be trusted; 0 where the frame before does not show the place.
        camera: pixels, right and down, that the scene moved by on the screen; (0, 0) where it did not move as a whole.
        cut: whether the two frames show different scenes.
        still: whether nothing moved at all.
        ahead: if it was asked for: what to add to a place in the frame before to find it in this one, and how far that
            can be trusted, as `back` and `trust`.
    """

    back: Floats
    trust: Floats
    camera: tuple[float, float]
    cut: bool
    still: bool = False
    ahead: tuple[Floats, Floats] | None = None


class Watcher:
    """Computes the motion between each frame and the one before.

    The flow is dense inverse search (Kroeger et al. 2016, "Fast optical flow using dense inverse search"), in both
    directions. It is trusted where the two agree and where the brightness along it stays.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self) -> None:
        cv2 = opencv()
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._dis.setGradientDescentIterations(DESCENT)
        self._last: Frame | None = None
        self._size: tuple[int, ...] = ()

    def __call__(self, frame: Frame, ahead: bool = False) -> Motion | None:
        """The motion from the frame before to this one.

        Args:
            frame: (H, W, 3).
            ahead: see `Motion`.

        Returns:
            None for the first frame, and for one of another size than the frame before.
        """
        last, size = self._last, self._size
        gray = self._last = _gray(frame)
        self._size = frame.shape
        if last is None or size != frame.shape:
            return None
        if np.array_equal(last, gray):
            height, width = frame.shape[:2]
            flow, trust = np.zeros((height, width, 2), np.float32), np.ones((height, width), np.float32)
            return Motion(flow, trust, (0.0, 0.0), cut=False, still=True, ahead=(flow, trust) if ahead else None)
        return self._between(last, gray, frame.shape[:2], ahead)

    def _between(self, last: Frame, gray: Frame, size: tuple[int, int], ahead: bool) -> Motion:
        back, forward = (cast(Floats, self._dis.calc(*pair, None)) for pair in ((gray, last), (last, gray)))
        trust, seen = _trust(back, forward, gray, last)
        height, width = gray.shape
        scale = np.array([size[1] / width, size[0] / height], np.float32)
        camera = -_translation(last, gray, back, trust) * scale
        return Motion(
            _resized(back * scale, size),
            _resized(trust, size),
            (float(camera[0]), float(camera[1])),
            cut := bool(trust.mean() < CUT * seen) or not seen,
            ahead=(_resized(forward * scale, size), _resized(_trust(forward, back, last, gray)[0], size))
            if ahead and not cut
            else None,
        )


def _trust(flow: Floats, back: Floats, here: Frame, there: Frame) -> tuple[Floats, float]:
    """How far a flow from one frame to another can be trusted, (h, w), and the share of places that the other shows.

    Args:
        flow, back: there and back.
        here, there: the frames, gray.
    """
    cv2, (height, width) = opencv(), here.shape
    places = cv2.add(_places(height, width), flow)
    apart = cv2.add(_sample(back, places), flow)
    change = cv2.subtract(_sample(there, places), here, dtype=cv2.CV_32F)
    change = cv2.GaussianBlur(change, (0, 0), 1.0)
    trust = np.exp(-np.square(apart).sum(2) / np.float32(BACK**2) - np.square(change) / np.float32(CHANGE**2))
    inside = cv2.inRange(places, (-0.5, -0.5), (width - 0.5, height - 0.5))
    trust[inside == 0] = 0
    return trust, cv2.countNonZero(inside) / inside.size


def opencv() -> Any:
    """The module cv2.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    with extra("video", "following motion"):
        import cv2
    return cv2


def pixel_places(size: tuple[int, ...]) -> Floats:
    """The place of each pixel, (H, W, 2), right and down."""
    return _places(size[0], size[1]).copy()


@lru_cache(4)
def _places(height: int, width: int) -> Floats:
    places = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), 2)
    places.setflags(write=False)
    return places


def carried(picture: NDArray[Any], back: Floats, room: Room | None = None) -> Floats:
    """A picture of the frame before, moved to where its content is in this frame.

    Args:
        picture: (H, W, C), uint8 or float32.
        back: see `Motion`.
        room: for the result, "carried", which the next call then overwrites; by default it is a new array.

    Returns:
        (H, W, C), float32, by bicubic interpolation: values may lie outside the range of `picture`.
    """
    cv2 = opencv()
    room = Room() if room is None else room
    places = cv2.add(_places(*back.shape[:2]), back, room("places", back.shape))
    given, result = picture.astype(np.float32, copy=False), room("carried", (*back.shape[:2], picture.shape[2]))
    return cast(Floats, cv2.remap(given, places, None, cv2.INTER_CUBIC, result, cv2.BORDER_REFLECT))


class Room:
    """Arrays of float32 that are used again and again, each by its name: new ones of a frame's size cost time."""

    def __init__(self) -> None:
        self._arrays: dict[str, Floats] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Floats:
        """The array of that name, with any values; a new one where the shape is another."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape:
            array = self._arrays[name] = np.empty(shape, np.float32)
        return array


def _gray(frame: Frame) -> Frame:
    """Brightness at the size that flow is computed at, (h, w), uint8."""
    cv2 = opencv()
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    factor = min(1.0, SIDE / min(height, width))
    size = max(LEAST, round(width * factor)), max(LEAST, round(height * factor))
    if size != (width, height):
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return cast(Frame, gray if gray.dtype == np.uint8 else cv2.convertScaleAbs(gray, alpha=255 / top_of(gray)))


def top_of(picture: NDArray[Any]) -> int:
    """White in the dtype of a picture: 255 or 65535."""
    return int(np.iinfo(picture.dtype).max)


def _sample(picture: NDArray[Any], places: Floats, kind: int = 1, border: int = 1) -> NDArray[Any]:
    """What a picture shows at these places, by OpenCV's numbers: by default bilinear, the border repeated."""
    cv2 = opencv()
    return cast(NDArray[Any], cv2.remap(picture, places, None, kind, borderMode=border))


def _resized(picture: Floats, size: tuple[int, int]) -> Floats:
    cv2 = opencv()
    if picture.shape[:2] == size:
        return picture
    return cast(Floats, cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR))


def _translation(last: Frame, gray: Frame, back: Floats, trust: Floats) -> Floats:
    """The flow that most trusted pixels share, to some hundredths of a pixel; (0, 0) where there is none.

    Their mean is refined by two steps of least squares on brightness (Lucas and Kanade 1981).
    """
    thin = slice(None, None, THIN), slice(None, None, THIN)
    trusted = trust[thin].ravel() > 0.5
    flow = np.stack([back[..., 0][thin].ravel(), back[..., 1][thin].ravel()])
    shift = np.zeros(2, np.float32)
    if not trusted.any():
        return shift
    across, down = np.abs(flow - np.median(flow[:, trusted], axis=1, keepdims=True))
    alike = np.flatnonzero(trusted & (across < ALIKE) & (down < ALIKE))
    if len(alike) < CAMERA * np.count_nonzero(trusted):
        return shift
    shift = flow[:, alike].mean(1)
    before, now = last.astype(np.float32), gray.astype(np.float32)
    for _ in range(2):
        moved = _shifted(before, shift)
        middle: Floats = (moved + now) / np.float32(2)
        slopes = np.stack([_slope(middle, *way)[thin].ravel()[alike] for way in ((1, 0), (0, 1))])
        change = (now - moved)[thin].ravel()[alike]
        step = np.linalg.lstsq(slopes @ slopes.T, slopes @ change, rcond=1e-6)[0]
        if np.abs(step).max() > ALIKE:
            break
        shift = cast(Floats, shift + step)
    return shift


def _shifted(picture: Floats, shift: Floats) -> Floats:
    """What a picture shows that much further right and down; the border is repeated."""
    cv2 = opencv()
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(
        Floats, cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    )


def _slope(picture: Floats, right: int, down: int) -> Floats:
    """Half the difference of the two neighbors."""
    cv2 = opencv()
    return cast(
        Floats, cv2.Sobel(picture, cv2.CV_32F, right, down, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    )
