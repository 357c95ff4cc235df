"""Service: a request's fields in, a picture or an embedding out, by one Stylizer. Called by the threads of `work`."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pasticcio.errors import OutputError, StyleError, nearest
from pasticcio.image.picture import Picture
from pasticcio.image.read import read_picture
from pasticcio.image.resize import scaled
from pasticcio.image.write import encode
from pasticcio.kept import Kept, digest
from pasticcio.render.embedder import Chance, Embedder, View, style_side
from pasticcio.render.find import LIKE, RANDOM, Draw
from pasticcio.render.levels import stroke_for
from pasticcio.render.options import SPREAD, Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.usage import refuse
from pasticcio.server.fields import MEDIA_TYPES, Fields, Output, Part, numbers, weights
from pasticcio.server.limits import Limits
from pasticcio.server.problem import RefusedError
from pasticcio.style.style import Style

EMBEDDINGS = 1000  # that are kept: 400 bytes each
PREVIEWS, LARGEST = 64e6, 2e6  # bytes of photos made smaller that are kept, and million pixels of one
NAME = 100  # letters of a style's name that are looked at


@dataclass(frozen=True)
class Answer:
    """A picture to be sent.

    Attributes:
        data: the bytes of a file.
        media_type: of it.
        note: what of the photo is not in it; empty where all is.
        seconds: that each step took, by name.
    """

    data: bytes = field(repr=False)
    media_type: str
    note: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


class Service:
    """What the API does, for requests whose fields have been sorted.

    Args:
        stylizer: renders; several threads use it.
        limits: of pictures.
    """

    def __init__(self, stylizer: Stylizer, limits: Limits) -> None:
        self.stylizer, self.limits = stylizer, limits
        self.model = stylizer.model
        self._embedder = Embedder(self.model, lambda style: stylizer.run(self.model.predict, style=style))
        self._embeddings: Kept[Style] = Kept(EMBEDDINGS)
        self._photos: Kept[Picture] = Kept(PREVIEWS, lambda picture: picture.pixels.nbytes)

    def stylize(self, fields: Fields, options: Options, output: Output) -> Answer:
        """Render a photo.

        Raises:
            RefusedError: fields are missing or do not go together, or a picture is too large.
            ImageError, StyleError, OptionError, OutputError: see `Stylizer.paint` and `image.write.encode`.
        """
        self._count(fields)
        if "photo" not in fields.files:
            raise RefusedError("request", "no photo; send it as the file named photo, or as the body alone")
        seconds = {}
        begun = time.perf_counter()
        styles = [self._style(part) for part in fields.styles]
        given = self._blend(styles, fields)
        overall = fields.repeated["mask"] if len(fields.repeated["mask"]) == 1 else ()
        options = replace(options, mask=self._read(overall[0]) if overall else None)
        refuse(options, self.stylizer.unused(options, given))
        picture = self._photo(fields.files["photo"], output)
        seconds["read"] = time.perf_counter() - begun

        begun = time.perf_counter()
        # Else a style picture is recolored after the photo before it is embedded, or fitted to the photo.
        if options.colors == "style" and not options.adapt:
            height, width = picture.pixels.shape[:2]
            stroke = stroke_for(options.stroke, height, width)
            side = style_side(options.style_size, *(max(1, round(one / stroke)) for one in (height, width)))
            given = self._blend([self._embedded(style, side) for style in styles], fields)
            unneeded: dict[str, Any] = dict.fromkeys(self.stylizer.unused(options, given))
            options = replace(options, **unneeded)
        else:
            given = self._blend([_opened(style) for style in styles], fields)
        seconds["embed"] = time.perf_counter() - begun

        begun = time.perf_counter()
        painted = self.stylizer.paint(picture, given, options)
        seconds["render"] = time.perf_counter() - begun

        begun = time.perf_counter()
        data, note = _encoded(painted, output)
        seconds["write"] = time.perf_counter() - begun
        notes = "; ".join(filter(None, (picture.note, note)))
        return Answer(data, MEDIA_TYPES[output.format], notes, seconds)

    def embed(self, fields: Fields, options: Options) -> dict[str, Any]:
        """The embedding of one style, as the JSON object that is answered.

        Raises:
            RefusedError: none, or several.
            ImageError, StyleError, OptionError: see `Stylizer.embed`.
        """
        self._count(fields)
        if len(fields.styles) != 1:
            raise RefusedError("request", f"{len(fields.styles)} styles; send one, as style, or as the body alone")
        style = self._style(fields.styles[0])
        refuse(options, self.stylizer.unused(options, style.given))
        side = options.style_size or self.model.style_side
        spread = SPREAD if options.spread is None else options.spread
        found = self._embedder.style(self._embedded(style, side), View(side), Chance(options.seed, spread))
        return {
            "embedding": [float(f"{value:.8g}") for value in found.embedding],
            "model": self.model.fingerprint,
            "name": found.name,
        }

    def _count(self, fields: Fields) -> None:
        if fields.pictures > self.limits.max_pictures:
            raise RefusedError(
                "too-large",
                f"{fields.pictures} pictures in one request; the limit of this server is {self.limits.max_pictures} "
                "(--max-pictures); send fewer",
            )

    def _photo(self, data: bytes, output: Output) -> Picture:
        """The photo, at the size asked for; the photos of previews are kept."""

        def make() -> Picture:
            picture = self._open(data, "photo")
            longest = max(picture.pixels.shape[:2])
            if output.size is None or output.size >= longest:
                return picture
            return scaled(picture, output.size / longest)

        if output.size is None or output.size**2 > LARGEST:
            return make()
        return self._photos.get((digest(data), output.size), make)

    def _open(self, data: bytes, name: str) -> Picture:
        """A picture of a request, refused by its header where it is too large.

        Raises:
            RefusedError: more pixels than the limit.
            ImageError: see `read_picture`.
        """

        def check(name: str, width: int, height: int) -> None:
            if width * height > self.limits.max_megapixels * 1e6:
                raise RefusedError(
                    "too-large",
                    f"{name} is {width} x {height}, {width * height / 1e6:.10g} million pixels; the limit of this "
                    f"server is {self.limits.max_megapixels:g} (--max-megapixels); make it smaller",
                )

        upload = io.BytesIO(data)
        upload.name = name
        return read_picture(upload, max_megapixels=float("inf"), check=check)

    def _read(self, part: Part) -> Picture:
        if not part.file:
            raise RefusedError("request", f"{part.name} is a text; send the picture itself, as a file")
        return self._open(part.data, part.name)

    def _style(self, part: Part) -> _Asked:
        """What a field means that stands for a style. A text is a name, never a path."""
        near = part.name == "like"
        if part.file:
            return _Asked(self, part, near)
        text = part.text.strip()
        if part.name == "embedding" or (near and text.startswith("[")):
            style = Style(np.array(numbers(part)), self.model.fingerprint, part.name)
            if len(style.embedding) != self.model.embedding:
                raise StyleError(
                    f"{part.name} has {len(style.embedding)} numbers; those of model {self.model.name} have "
                    f"{self.model.embedding}"
                )
        elif text == RANDOM and not near:
            return _Asked(self, part, near, Draw())
        else:
            near, name = (True, text[len(LIKE) :]) if text.startswith(LIKE) and not near else (near, text)
            style = self._named(name)
        return _Asked(self, part, near, Draw(style) if near else style)

    def _named(self, name: str) -> Style:
        styles = self.model.styles
        if name not in styles:
            raise StyleError(f"no style is named {name[:NAME]!r}; {nearest(name[:NAME], styles)}")
        return styles[name]

    def _embedded(self, style: _Asked, side: int) -> Style | Draw:
        """A style whose picture has been embedded, now or in an earlier request."""
        if style.found is not None:
            return style.found
        made = self._embeddings.get(
            (digest(style.part.data), side), lambda: self._embedder.embed(style.picture, View(side), style.part.name)
        )
        return Draw(made) if style.near else made

    def _blend(self, styles: Sequence[Any], fields: Fields) -> Any:
        """The styles with their weights or masks, as `paint` takes them."""
        if not styles:
            raise RefusedError("request", "no style; send style, a picture or the name of a style, or embedding")
        given = [style.given if isinstance(style, _Asked) else style for style in styles]
        masks, wanted = fields.repeated["mask"], weights(fields.repeated["weight"], len(styles))
        if len(masks) not in (0, 1, len(styles)):
            raise RefusedError(
                "request", f"{len(masks)} masks for {len(styles)} styles; send one for all, or one for each"
            )
        if len(masks) > 1:
            if wanted is not None:
                raise RefusedError("request", "weights and a mask for each style; leave one of the two out")
            return [(style, self._read(mask)) for style, mask in zip(given, masks, strict=True)]
        return given if wanted is None else list(zip(given, wanted, strict=True))


@dataclass(frozen=True)
class _Asked:
    """A style that is asked for.

    Attributes:
        service: that it is asked of.
        part: of the request.
        near: whether a random style near it is meant.
        found: what it means; None for a picture, which is read when it is needed.
    """

    service: Service
    part: Part
    near: bool
    found: Style | Draw | None = None

    @property
    def given(self) -> Any:
        """What `Stylizer` takes, the picture not yet read."""
        if self.found is not None:
            return self.found
        return Draw(self.part.data) if self.near else self.part.data

    @property
    def picture(self) -> Picture:
        """The picture, read."""
        return self.service._open(self.part.data, self.part.name)


def _opened(style: _Asked) -> Any:
    """What `Stylizer` takes, with a picture that has been read within the limits."""
    if style.found is not None:
        return style.found
    return Draw(style.picture) if style.near else style.picture


def _encoded(picture: Picture, output: Output) -> tuple[bytes, str]:
    """The bytes of a file, and what is said of it."""
    strip = bool(output.strip or output.preview)
    suffix = f".{output.format}"
    try:
        return encode(picture, suffix, strip=strip, quality=output.quality), ""
    except OutputError as error:
        if strip or not picture.exif or "EXIF" not in str(error):
            raise
    return encode(
        picture, suffix, strip=True, quality=output.quality
    ), f"EXIF data left out: too long for {output.format}"
