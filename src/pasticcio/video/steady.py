"""Steady: frames rendered one by one, without flicker between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError, OptionError
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.fast import SMALLER, Enlarger, halved
from pasticcio.video.motion import Floats, Frame, Motion, Room, Watcher, carried, opencv, top_of
from pasticcio.video.sharpness import Lines, gain_of, share_of

Render = Callable[..., Frame]  # called with a frame and the masks that are padded like it; see `Steady.draw`

GRID = 8  # pixels: the network halves height and width three times
SHARPNESS = 1.0  # of frames rendered alone
SPARE = 0.95  # of the sharpness asked for, below which the last output gets a smaller share
FINE = 1.0  # pixels: standard deviation of the blur that detail is the difference from
LEAST = 1e-3  # added to the trust of two outputs of which a frame between is made: their mean where none is trusted
BLUR = 7  # pixels: side of its window


@dataclass(frozen=True)
class Steadiness:
    """What is done against flicker.

    Attributes:
        anchor: let the network's grid of `grid` pixels follow the camera, see `Steady`.
        carry: share, in [0, 1), that the last output, carried along the motion, has of each output; 0 for none.
        sharpness: of the mean square difference of neighboring pixels that a frame has when it is rendered alone, how
            much is to remain, in [0, 1]: blending averages detail away, which is then enhanced, and where that does
            not suffice the share of the last output is lowered.
        grid: pixels by which a photo must move for the network to move its output likewise; the stroke scale times 8.
        smaller: times that frames are rendered and blended smaller, in height and in width: 1 or 2. Outputs are then
            enlarged with the detail of the frame, see `fast`.
        between: render every second frame, and make those between of the outputs before and after, see `Steady.middle`.

    Raises:
        OptionError: a value outside its limits.
    """

    anchor: bool = True
    carry: float = 0.8
    sharpness: float = SHARPNESS
    grid: int = GRID
    smaller: int = 1
    between: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.carry < 1:
            raise OptionError(f"carry is {self.carry}; it must be 0 or more and less than 1")
        if not 0 <= self.sharpness <= 1:
            raise OptionError(f"sharpness is {self.sharpness}; it must be between 0 and 1")
        if self.grid < 1:
            raise OptionError(f"grid is {self.grid}; it must be 1 or more")
        if self.smaller not in (1, SMALLER):
            raise OptionError(f"smaller is {self.smaller}; it must be 1 or {SMALLER}")


@dataclass(frozen=True)
class State:
    """What `Steady` carries from one output to the next.

    Attributes:
        place: of the scene on the screen since the last cut, pixels right and down, of the size that is rendered.
        last: the last output at that size, (h, w, 3), float32 from 0 to 255, or an integer; None before the first.
        rows: embeddings that are fitted to this scene, see `looks.Scenes`; None where none are.
    """

    place: tuple[float, float] = (0.0, 0.0)
    last: NDArray[Any] | None = None
    rows: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Placed:
    """A frame on its way: padded, so that the scene is where it was on the network's grid, and then made smaller.

    Attributes:
        pictures: the frame, (h, w, 3), and the masks, (h, w) each, as they are rendered.
        part: rows and columns of `pictures` that are the frame, and no more padding than makes sides even.
        whole: that part of the frame at its own size, where it is rendered smaller; else the frame.
        inside: rows and columns of `whole` that are the frame.
        place: see `State`, after this frame.
        motion: since the frame before; None where outputs begin anew.
    """

    pictures: tuple[NDArray[Any], ...]
    part: tuple[slice, slice]
    whole: Frame
    inside: tuple[slice, slice]
    place: tuple[float, float]
    motion: Motion | None

    def rendered(self, render: Render) -> Frame:
        """The frame's output, as large as `part`, rendered alone; any thread may do it."""
        return render(*self.pictures)[self.part]


class Steady:
    """Renders the frames of a clip, in order, so that what does not change does not flicker.

    The output of a convolutional network with strides is not the same when the photo moves by less than its grid of 8
    pixels. So each frame is padded by reflection on the left and at the top by as many whole pixels, from 0 to 7, as
    puts the scene on the same places of the grid as before (anchoring). Then the last output, carried along the optical
    flow, is blended with the new one where the flow can be trusted (Ruder et al. 2016, "Artistic style transfer for
    videos", section 4, have the same in their loss). Cuts begin anew.

    >>> import numpy as np
    >>> steady = Steady()
    >>> frames = np.zeros((3, 64, 64, 3), np.uint8)
    >>> [steady(frame, lambda picture: 255 - picture).shape for frame in frames]
    [(64, 64, 3), (64, 64, 3), (64, 64, 3)]

    Raises:
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self, how: Steadiness | None = None) -> None:
        self.how = how or Steadiness()
        self._watcher = Watcher()
        self._place = np.zeros(2)  # of the last frame placed, see `State`
        self._size: tuple[int, ...] | None = None  # of that frame
        self._state = State()
        self._room = Room()  # for what `blend` needs but for a moment
        self._enlarger = Enlarger()

    def __call__(self, frame: Frame, render: Render) -> Frame:
        """The next frame's output: `draw` of what `watch` sees."""
        return self.draw(frame, self.watch(frame), render)

    def watch(self, frame: Frame, ahead: bool = False, cuts: bool = False) -> Motion | None:
        """The motion since the frame before; None where there is none, or none is needed.

        It may run in another thread than `draw`, and ahead of it, as long as either gets the frames in order.

        Args:
            frame: (H, W, 3).
            ahead: whether the motion from the frame before to this one is wanted too, see `Motion`.
            cuts: whether it is needed in any case, as scenes are told apart by it.

        Raises:
            ImageError: no (H, W, 3) of uint8 or uint16.
        """
        _check(frame)
        if not (self.how.anchor or self.how.carry or self.how.between or cuts):
            return None
        return self._watcher(frame if self.how.smaller == 1 else _small(frame), ahead)

    @property
    def state(self) -> State:
        """The state after the last output; it stays as it is when further frames are drawn."""
        return self._state

    def go_on(self, state: State, before: Frame) -> None:
        """Draw the frames that follow as if those before had been drawn by this object.

        Args:
            state: after the last output.
            before: the frame of that output, (H, W, 3).
        """
        self._place[:], self._state = state.place, state
        self._size = None if state.last is None else before.shape[:2]
        self.watch(before, cuts=state.rows is not None)

    def draw(
        self, frame: Frame, motion: Motion | None, render: Render, masks: Sequence[NDArray[np.uint8]] = ()
    ) -> Frame:
        """The output of the next frame: it is placed, rendered, blended and finished.

        Args:
            frame, motion, masks: see `place`.
            render: from (h, w, 3) to the same, at most two grid steps larger than the frame, or than half of it. It
                may be another one for each frame, as where the style changes with time. See `still` for its options.

        Returns:
            (H, W, 3).
        """
        placed = self.place(frame, motion, masks)
        return self.finish(placed, self.blend(placed, placed.rendered(render)))

    def place(self, frame: Frame, motion: Motion | None, masks: Sequence[NDArray[np.uint8]] = ()) -> Placed:
        """The next frame, padded, and as small as it is rendered.

        It may run in another thread than `watch` and `blend`, and ahead of `blend`, as long as each gets the frames in
        order.

        Args:
            frame: (H, W, 3).
            motion: see `watch`.
            masks: (H, W) each, fixed to the screen; `render` is called with them too, padded like the frame.
        """
        size = frame.shape[:2]
        if motion is None or motion.cut or self._size != size:
            self._place[:], motion = 0, None
        else:
            self._place += motion.camera
        self._size, place = size, (float(self._place[0]), float(self._place[1]))
        times = self.how.smaller
        corner = self._corner(place)
        pictures = tuple(self._padded(one, corner) for one in (frame, *masks))
        even = tuple(side // times + times - 1 for side in size)  # the part that is rendered; with room for a shift
        rows, columns = (slice(start // times, start // times + side) for start, side in zip(corner, even, strict=True))
        if times == 1:
            return Placed(pictures, (rows, columns), frame, (slice(None), slice(None)), place, motion)
        whole = pictures[0][rows.start * times : rows.stop * times, columns.start * times : columns.stop * times]
        down, right = (slice(start % times, start % times + side) for start, side in zip(corner, size, strict=True))
        return Placed(tuple(map(halved, pictures)), (rows, columns), whole, (down, right), place, motion)

    def _corner(self, place: tuple[float, float]) -> tuple[int, int]:
        """Row and column where a frame begins in its padding, in its own pixels."""
        times = self.how.smaller
        if not self.how.anchor:
            return 0, 0
        # The scene moved right by `place`; padding that grows by the opposite, modulo the grid, keeps it on its places.
        left, top = (int(shift) for shift in np.rint(-np.array(place) * times).astype(int) % (self.how.grid * times))
        return top, left

    def _padded(self, picture: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """A picture, padded by reflection to a size that is the same for all corners."""
        cv2, (top, left), times = opencv(), corner, self.how.smaller
        grid = self.how.grid * times if self.how.anchor else times
        if grid == 1:
            return picture
        bottom, right = (
            -(-(side + grid - 1) // grid) * grid - side - start
            for side, start in zip(picture.shape[:2], corner, strict=True)
        )
        border = top, bottom, left, right, cv2.BORDER_REFLECT_101
        return cast(NDArray[Any], cv2.copyMakeBorder(picture, *border))

    def blend(self, placed: Placed, output: Frame) -> Frame:
        """The output of the next frame, with the last output blended in where it can be.

        Args:
            placed: see `place`.
            output: see `Placed.rendered`.

        Returns:
            Of the output's shape and dtype.
        """
        last = self._state.last
        if not self.how.carry:
            self._state = State(placed.place, output)  # whose shape alone is used
            return output
        scale, alone = top_of(output) / 255, self._room("alone", output.shape)
        np.copyto(alone, output)
        if scale != 1:
            alone /= np.float32(scale)
        if placed.motion is None or last is None:
            blended = shown = alone.copy()
        else:
            blended, shown = self._blended(alone, last, placed)
        self._state = State(placed.place, blended)
        cv2 = opencv()
        if scale != 1:
            return cast(Frame, cv2.multiply(shown, scale, dtype=cv2.CV_16U))
        return cast(Frame, cv2.add(shown, 0, dtype=cv2.CV_8U))  # rounded, from 0 to 255

    def skip(self, placed: Placed) -> None:
        """Pass over the next frame: the last output is carried along, and no new one blended in.

        Args:
            placed: see `place`; with a motion.
        """
        assert placed.motion is not None
        last = self._state.last
        if last is not None and self.how.carry and not placed.motion.still:
            back = self._back(placed, self._state.place)
            last = np.clip(carried(last, back, self._room), 0, 255)
        self._state = State(placed.place, last)

    def middle(self, before: tuple[Placed, Frame], placed: Placed, after: tuple[Placed, Frame] | None) -> Frame:
        """The output of a frame that was passed over, of those of the frames before and after, along the motion.

        Each is taken where its motion can be trusted, as where it shows what the other does not.

        Args:
            before, after: with their outputs. There may be no frame after, or one of another scene.
            placed: with a motion.
        """
        motion, output = placed.motion, before[1]
        assert motion is not None
        if motion.still:
            return output
        one = carried(output, self._back(placed, before[0].place))
        if after is not None and (then := after[0].motion) is not None and then.ahead is not None:
            ahead, trust = then.ahead
            shift = self._shift(placed.place, after[0].place)
            other = carried(after[1], ahead + shift if shift.any() else ahead)
            least = np.float32(LEAST)
            one = cast(Floats, opencv().blendLinear(one, other, motion.trust + least, trust + least))
        top = top_of(output)
        return np.rint(np.clip(one, 0, top)).astype(output.dtype)

    def finish(self, placed: Placed, output: Frame) -> Frame:
        """The output of a frame at its own size, (H, W, 3).

        It may run in another thread than the rest, one frame at a time.

        Args:
            placed: see `place`.
            output: blended.
        """
        if self.how.smaller == 1:
            return output
        large = self._enlarger(output, placed.pictures[0][placed.part], placed.whole)
        return np.ascontiguousarray(large[placed.inside])

    def _back(self, placed: Placed, last: tuple[float, float]) -> Floats:
        """The motion from a frame to its place in the output before, which was at the place `last`."""
        assert placed.motion is not None
        back, shift = placed.motion.back, self._shift(placed.place, last)
        return back + shift if shift.any() else back

    def _shift(self, place: tuple[float, float], last: tuple[float, float]) -> Floats:
        """Where an output is, right and down, beside one at this place, by what was lost in making them smaller."""
        times = self.how.smaller
        (top, left), (last_top, last_left) = self._corner(place), self._corner(last)
        lost = [last_left % times - left % times, last_top % times - top % times]
        return np.array(lost, np.float32) / np.float32(times)

    def _blended(self, output: Floats, last: Floats, placed: Placed) -> tuple[Floats, Floats]:
        """The new output with the last one blended in, as it is carried on and as it is shown, with its detail.

        The second is an array that is used again.
        """
        cv2, room, motion = opencv(), self._room, placed.motion
        assert motion is not None
        sharpness, trust = self.how.sharpness, motion.trust
        before = last
        if not motion.still:
            before = carried(last, self._back(placed, self._state.place), room)
            np.clip(before, 0, 255, out=before)
        blended = self._mixed(output, before, trust, self.how.carry, np.empty_like(output))
        soft = cast(Floats, cv2.GaussianBlur(blended, (BLUR, BLUR), FINE, room("soft", output.shape)))
        lines = Lines(output.shape)
        whole, base = lines.of(output), lines.of(blended)
        detail = lines.of_product(trust, blended, soft)
        gain = gain_of(whole, base, detail, sharpness)
        share = share_of(whole, base + np.float32(gain) * detail - whole, sharpness * SPARE)
        shown = self._mixed(blended, soft, trust, -gain, room("shown", output.shape)) if gain else blended
        if share < 1:
            shown, blended = (
                cast(Floats, cv2.addWeighted(output, 1 - share, one, share, 0)) for one in (shown, blended)
            )
        return blended, shown

    def _mixed(self, one: Floats, other: Floats, trust: Floats, share: float, result: Floats) -> Floats:
        """one + trust * share * (other - one) at each pixel, written to `result`; `share` may be below 0."""
        others = np.multiply(trust, np.float32(share), out=self._room("others", trust.shape))
        own = np.subtract(np.float32(1), others, out=self._room("own", trust.shape))
        return cast(Floats, opencv().blendLinear(one, other, own, others, result))


def still(options: Options) -> Options:
    """Options of frames: without what is fixed to the screen and would not move with the scene, the texture of even
    areas, and without strokes that grow by themselves, which would take two passes a frame."""
    return replace(options, texture=0.0, stroke=options.stroke or 1.0)


def renderer(stylizer: Stylizer, style: Style, options: Options | None = None) -> Render:
    """The render function of one style, for `Steady`."""
    how = still(options or Options())

    def render(frame: Frame) -> Frame:
        return stylizer.stylize(frame, style, how)

    return render


def _small(frame: Frame) -> Frame:
    """A frame at half its size, of which there is a pixel more than half as many, at the right and at the bottom."""
    cv2, (height, width) = opencv(), frame.shape[:2]
    if height % SMALLER or width % SMALLER:
        border = 0, height % SMALLER, 0, width % SMALLER
        frame = cv2.copyMakeBorder(frame, *border, cv2.BORDER_REPLICATE)
    border = 0, 1 - height % SMALLER, 0, 1 - width % SMALLER
    return cast(Frame, cv2.copyMakeBorder(halved(frame), *border, cv2.BORDER_REPLICATE))


def _check(frame: Frame) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"a frame has shape {frame.shape} and is {frame.dtype}; it must be (H, W, 3) of uint8 or uint16"
        )
