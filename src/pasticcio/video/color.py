"""Colors of a clip: between the kinds of YUV that files hold and RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError

HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}
"""Transfer functions of high dynamic range, by their numbers in ITU-T H.273, table 3."""

UNKNOWN = 2  # of each of H.273's numbers
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # H.273, table 4: what FFmpeg's scaler calls them
WIDE = 576  # lines above which a clip that does not name its matrix has BT.709's, as players take it
LIMITED, FULL = 1, 2  # FFmpeg's numbers of the ranges 16 to 235 and 0 to 255
# FFmpeg's scaler. Written frames are bicubic, with chroma at full width and exact rounding; frames that are read are a
# level darker on average without these, and take a tenth of the time.
READ, READ_SMALLER, WRITTEN = 2, 32 | 8192 | 262144, 4 | 8192 | 262144
RGB = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
"""FFmpeg's names of the formats of arrays: by whether they are uint16, and whether they have alpha."""


@dataclass(frozen=True)
class Colors:
    """How a clip encodes colors, in the numbers of ITU-T H.273.

    Attributes:
        matrix: from RGB to YUV: 1 is BT.709, 5 and 6 are BT.601.
        full: whether levels take the full range, 0 to 255, and not 16 to 235.
        primaries, transfer: of RGB; 2 for unknown. They are passed on, and nothing is computed from them.
    """

    matrix: int
    full: bool = False
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN

    @classmethod
    def of(cls, frame: Any, name: str) -> Colors:
        """How a decoded frame encodes them.

        A frame that does not say has limited range, and the matrix of BT.709 where it has more than 576 lines, else
        that of BT.601. RGB is written as BT.709.

        Args:
            frame: PyAV's.
            name: of the clip, for people.

        Raises:
            ImageError: a high dynamic range, or a matrix that cannot be computed with.
        """
        transfer, matrix = int(frame.color_trc or UNKNOWN), int(frame.colorspace)
        if range_name := HDR.get(transfer):
            raise ImageError(f"{name} has a high dynamic range, {range_name}; convert it to BT.709 first")
        if frame.format.is_rgb:
            return cls(1, False, int(frame.color_primaries or UNKNOWN), transfer)
        if matrix == UNKNOWN:
            matrix = 1 if frame.height > WIDE else 6
        if matrix not in MATRICES:
            raise ImageError(f"{name} has colors of matrix {matrix} (ITU-T H.273); convert it to BT.709 first")
        full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
        return cls(matrix, full, int(frame.color_primaries or UNKNOWN), transfer)

    def to_rgb(self, frame: Any, size: tuple[int, int], alpha: bool, deep: bool = False) -> NDArray[Any]:
        """A decoded frame as (h, w, 3), or (h, w, 4) with alpha.

        Args:
            frame: PyAV's.
            size: h and w.
            alpha: whether to return alpha.
            deep: whether to return uint16, and not uint8.
        """
        height, width = size
        own = frame.format.is_rgb
        smaller = size != (frame.height, frame.width)
        converted = frame.reformat(
            width, height, RGB[deep, alpha],
            src_colorspace=None if own else MATRICES[self.matrix],
            src_color_range=None if own else FULL if self.full else LIMITED,
            dst_color_range=None if own else FULL,
            interpolation=READ_SMALLER if smaller else READ,
        )  # fmt: skip
        return cast(NDArray[Any], converted.to_ndarray())

    def to_yuv(self, pixels: NDArray[Any], form: str) -> Any:
        """A PyAV frame of (h, w, 3), or of (h, w, 4) with alpha.

        Args:
            pixels: uint8 or uint16.
            form: FFmpeg's name of the pixel format, such as "yuv420p".
        """
        import av

        kind = RGB[pixels.dtype == np.uint16, pixels.shape[2] == 4]
        given = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format=kind)
        if form.startswith(("bgr", "gbr")):
            return given.reformat(format=form)
        return given.reformat(
            format=form,
            dst_colorspace=MATRICES[self.matrix],
            src_color_range=FULL,
            dst_color_range=FULL if self.full else LIMITED,
            interpolation=WRITTEN,
        )

    def tag(self, encoder: Any) -> None:
        """Write into an encoder's stream how colors are encoded."""
        encoder.colorspace, encoder.color_range = self.matrix, FULL if self.full else LIMITED
        encoder.color_primaries, encoder.color_trc = self.primaries, self.transfer


BT709 = Colors(1, False, 1, 1)
