"""Many pictures: a folder of photos in the manner of one style, a mix, or every one of several styles."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pasticcio.errors import ImageError, OptionError, PasticcioError
from pasticcio.files import make_folder
from pasticcio.image.listing import list_pictures, search
from pasticcio.image.picture import Picture, Source
from pasticcio.image.read import MAX_MEGAPIXELS, read_picture
from pasticcio.image.write import FORMATS, save_picture
from pasticcio.render.find import Given, Several
from pasticcio.render.levels import stroke_for
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.usage import refuse

AHEAD = 3  # photos decoded before their turn, and outputs not yet written
FALLBACK = ".png"  # for photos in a format that is read but not written


@dataclass(frozen=True)
class Job:
    """One picture to make.

    Attributes:
        photo: file.
        styles: names of styles, see `Stylizer.embed`, with weights that sum to 1 or with masks.
        out: file.
    """

    photo: Path
    styles: tuple[tuple[str, float | Source], ...]
    out: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: the job.
        error: why there is no picture; None where there is one.
        skipped: the output was there already.
        note: what of the photo is not in the output, see `Picture`.
        seconds: spent on embedding and rendering, without decoding and writing.
        stroke: how many times larger strokes are because the photo is large, see `stroke_for`; 1 where they are not.
    """

    job: Job
    error: PasticcioError | None = None
    skipped: bool = False
    seconds: float = 0.0
    note: str = ""
    stroke: float = 1.0


@dataclass(frozen=True)
class Files:
    """How files are read and written.

    Attributes:
        max_megapixels: larger photos are refused, see `read_picture`.
        strip: leave out EXIF data.
        quality: of JPEG, WebP and AVIF, from 1 to 100.
    """

    max_megapixels: float = MAX_MEGAPIXELS
    strip: bool = False
    quality: int | None = None

    def __post_init__(self) -> None:
        if not self.max_megapixels > 0:
            raise OptionError(f"max_megapixels is {self.max_megapixels:g}; it must be above 0")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise OptionError(f"quality is {self.quality}; it must be from 1 to 100")


def plan(
    folder: Path, styles: Sequence[tuple[str, float | Source]], out: Path, *, all_pairs: bool = False, suffix: str = ""
) -> list[Job]:
    """The jobs for all photos in a folder and the folders in it, in the order of their names.

    Outputs keep the folder tree and are named PHOTO-STYLE.

    Args:
        folder: of the photos, with its subfolders, except `out`. What is left out is logged, see `list_pictures`.
        styles: names and weights, or masks.
        out: folder of the outputs.
        all_pairs: every photo with every style, instead of the weighted mean of the styles.
        suffix: of all outputs, such as ".jpg"; by default the photo's where it can be written, else ".png".

    Raises:
        ImageError: no photos.
        OptionError: a suffix that cannot be written, two jobs with one output, or outputs that would lie among the
            photos.
    """
    if suffix and suffix not in FORMATS:
        raise OptionError(f"cannot write {suffix!r}; choose one of {', '.join(FORMATS)}")
    photos = list_pictures(folder, recursive=True, leave_out=out)
    mixes: list[tuple[tuple[str, float | Source], ...]]
    mixes = [((name, 1.0),) for name, _ in styles] if all_pairs else [tuple(styles)]
    jobs = []
    for photo in photos:
        end = suffix or (photo.suffix if photo.suffix.lower() in FORMATS else FALLBACK)
        for mixed in mixes:
            stem = "-".join([photo.stem, *(style_stem(name) for name, _ in mixed)])
            jobs.append(Job(photo, mixed, out / photo.parent.relative_to(folder) / (stem + end)))
    _check_place(jobs, folder, out)
    taken: dict[str, Job] = {}
    folded = folds_case(out)
    for job in jobs:
        other = taken.setdefault(str(job.out).lower() if folded else str(job.out), job)
        if other is not job:
            one, two = (f"{j.photo} with {'+'.join(name for name, _ in j.styles)}" for j in (other, job))
            raise OptionError(f"{one} and {two} would both be {job.out}; rename one of them")
    return jobs


def _check_place(jobs: Sequence[Job], folder: Path, out: Path) -> None:
    """Refuse outputs among the photos, which they may replace, and as which the next run would take them."""
    root, target = folder.resolve(), out.resolve()
    if root in target.parents:
        return  # a folder among the photos, which is not searched for photos
    for job in jobs:
        place = job.out.parent.resolve()
        if place == root or root in place.parents:
            raise OptionError(
                f"--out {out} would put {job.out.name} among the photos in {folder}; name a folder of its own, such as "
                f"{folder / 'stylized'}"
            )


def folds_case(folder: Path) -> bool:
    """Whether names in a folder that differ in case alone are one name; of a folder not yet made, its parent's."""
    there = next((path for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path)), folder)
    other = there.with_name(there.name.swapcase()) if there.name else there
    return other != there and os.path.exists(other) and other.samefile(there)


def style_stem(style: str) -> str:
    """The style's part in the name of an output: "paintings/a.jpg" is "a", "like:a.jpg" is "like-a"."""
    like, colon, rest = style.rpartition(":")
    return f"like-{Path(rest).stem}" if colon and like == "like" else Path(style).stem


def run(
    stylizer: Stylizer, jobs: Sequence[Job], options: Options, *, resume: bool = False, files: Files | None = None
) -> Iterator[Outcome]:
    """Do the jobs; a job that fails is an outcome with its error, and the others go on.

    Photos are decoded ahead and outputs written behind, each in a thread of its own beside the
    networks. A caller that stops early leaves whole files only.

    Args:
        stylizer: the model.
        jobs: see `plan`.
        options: of all jobs; each job leaves out those that have no effect with its styles.
        resume: skip jobs whose output is there.
        files: how files are read and written.

    Raises:
        ImageError, StyleError, OptionError: before any picture is made: a style that cannot be read, weights that do
            not sum to 1, an option that has no effect with any of the styles, or outputs in the place of a style's
            pictures.
    """
    files = files or Files()
    styles = _found(stylizer, jobs, options.mask)
    fitting = _fitting(stylizer, jobs, styles, options)
    with ThreadPoolExecutor(1) as decoder, ThreadPoolExecutor(1) as writer:
        written: deque[tuple[Outcome, Future[None]]] = deque()
        try:
            for job, photo in _ahead(decoder, jobs, resume, files):
                while len(written) >= AHEAD or (written and written[0][1].done()):
                    yield _written(*written.popleft())
                if photo is None:
                    yield Outcome(job, skipped=True)
                    continue
                begun = time.perf_counter()
                try:
                    picture = stylizer.paint(photo.result(), _styles(job, styles), fitting[_names(job)])
                except PasticcioError as error:
                    yield Outcome(job, error)
                    continue
                except MemoryError:
                    yield Outcome(job, ImageError(f"{job.photo} does not fit into the memory that is free"))
                    continue
                asked = fitting[_names(job)].stroke
                outcome = Outcome(
                    job,
                    seconds=time.perf_counter() - begun,
                    note=picture.note,
                    stroke=stroke_for(None, *picture.pixels.shape[:2]) if asked is None else 1.0,
                )
                written.append((outcome, writer.submit(_write, picture, job.out, files)))
            while written:
                yield _written(*written.popleft())
        finally:
            decoder.shutdown(cancel_futures=True)
            writer.shutdown(cancel_futures=True)


def _names(job: Job) -> tuple[str, ...]:
    return tuple(name for name, _ in job.styles)


def _styles(job: Job, styles: Mapping[str, Given]) -> list[tuple[Given, float | Source]]:
    """The styles of a job as they were found, with their weights or masks."""
    return [(styles[name], value) for name, value in job.styles]


def _found(stylizer: Stylizer, jobs: Sequence[Job], mask: object) -> dict[str, Given]:
    """What the names of styles mean, found once, before there are outputs: a name may be that of the output folder.

    Raises:
        ImageError, StyleError, OptionError: see `run`.
    """
    outs = {job.out.resolve() for job in jobs}
    folders = {out.parent for out in outs}
    found: dict[str, Given] = {}
    for name in dict.fromkeys(name for job in jobs for name in _names(job)):
        place = Path(name).resolve()
        named = place in folders and os.path.isdir(place) and name in stylizer.model.styles
        if named and outs.issuperset(path.resolve() for path in search(place).pictures):
            found[name] = stylizer.model.styles[name]  # a folder of outputs that bears the name of their style
            continue
        found[name] = stylizer.find(name)
        if isinstance(found[name], Several) and place in folders:
            raise OptionError(
                f"the outputs would lie in {name}, among the pictures of a style; name another folder with --out"
            )
    given = [mask, *(value for job in jobs for _, value in job.styles)]
    masks = {Path(one).resolve() for one in given if isinstance(one, (str, os.PathLike))}
    if replaced := sorted(outs & (masks | {Path(name).resolve() for name in found})):
        raise OptionError(f"an output would replace {replaced[0]}, a style or mask; name another folder with --out")
    return found


def _fitting(
    stylizer: Stylizer, jobs: Sequence[Job], styles: Mapping[str, Given], options: Options
) -> dict[tuple[str, ...], Options]:
    """For each combination of styles, by their names, the options that have an effect with it.

    Raises:
        ImageError, StyleError, OptionError: see `run`.
    """
    for style in styles.values():
        stylizer.embed(style)  # type: ignore[arg-type]  # what `find` returns is returned as it is
    different = {_names(job): _styles(job, styles) for job in jobs}
    without = {names: stylizer.unused(options, found) for names, found in different.items()}
    if without:
        refuse(options, [name for name in next(iter(without.values())) if all(name in one for one in without.values())])
    changes: dict[tuple[str, ...], dict[str, Any]] = {names: dict.fromkeys(unused) for names, unused in without.items()}
    return {names: replace(options, **change) for names, change in changes.items()}


def _ahead(
    decoder: ThreadPoolExecutor, jobs: Iterable[Job], resume: bool, files: Files
) -> Iterator[tuple[Job, Future[Picture] | None]]:
    """Every job with its photo being decoded, or None to skip it; a photo with several styles is decoded once."""
    waiting: deque[tuple[Job, Future[Picture] | None]] = deque()
    last: tuple[Path, Future[Picture]] | None = None
    for job in jobs:
        if resume and os.path.exists(job.out):  # not Path.exists: it raises where a name is too long
            waiting.append((job, None))
        else:
            if last is None or last[0] != job.photo:
                last = job.photo, decoder.submit(_read, job.photo, files)
            waiting.append((job, last[1]))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def _read(photo: Path, files: Files) -> Picture:
    return read_picture(photo, max_megapixels=files.max_megapixels, option="--max-megapixels")


def _write(picture: Picture, out: Path, files: Files) -> None:
    make_folder(out.parent)
    save_picture(picture, out, strip=files.strip, quality=files.quality)


def _written(outcome: Outcome, done: Future[None]) -> Outcome:
    try:
        done.result()
    except PasticcioError as error:
        return Outcome(outcome.job, error)
    return outcome
