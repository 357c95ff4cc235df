"""Many pictures: a folder of photos in the manner of one style, a mix, or every one of several styles."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pasticcio.errors import ImageError, OptionError, OutputError, PasticcioError
from pasticcio.images import FORMATS, READABLE, Picture, read_picture, save_picture
from pasticcio.stylizer import Options, Stylizer

AHEAD = 3  # photos decoded before their turn, and outputs not yet written
FALLBACK = ".png"  # for photos in a format that is read but not written


@dataclass(frozen=True)
class Job:
    """One picture to make.

    Attributes:
        photo: file.
        styles: names of styles, see `Stylizer.embed`, with weights that sum to 1.
        out: file.
    """

    photo: Path
    styles: tuple[tuple[str, float], ...]
    out: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: the job.
        error: why there is no picture; None where there is one.
        skipped: it was there already.
        seconds: that the style transfer network and all around it took, without decoding and writing.
    """

    job: Job
    error: PasticcioError | None = None
    skipped: bool = False
    seconds: float = 0.0


def plan(
    folder: Path, styles: Sequence[tuple[str, float]], out: Path, *, all_pairs: bool = False, suffix: str = ""
) -> list[Job]:
    """The jobs for all photos in a folder and the folders in it, in the order of their names.

    Outputs keep the folder tree and are named PHOTO-STYLE, with the photo's suffix where that can be written.

    Args:
        folder: searched through; `out`, where it lies inside, is not.
        styles: names and weights.
        out: folder of the outputs.
        all_pairs: every photo with every style, instead of the weighted mean of the styles.
        suffix: of all outputs, such as ".jpg".

    Raises:
        ImageError: no photos.
        OptionError: a suffix that cannot be written, or two jobs with one output.
    """
    if suffix and suffix not in FORMATS:
        raise OptionError(f"cannot write {suffix!r}; choose one of {', '.join(FORMATS)}")
    photos = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in READABLE and path.is_file() and out.resolve() not in path.resolve().parents
    ]
    if not photos:
        raise ImageError(f"no pictures in folder {folder}; it must hold some of {', '.join(sorted(READABLE))}")
    mixes = [((name, 1.0),) for name, _ in styles] if all_pairs else [tuple(styles)]
    jobs = []
    for photo in photos:
        end = suffix or (photo.suffix if photo.suffix.lower() in FORMATS else FALLBACK)
        for mixed in mixes:
            stem = "-".join([photo.stem, *(Path(name).stem for name, _ in mixed)])
            jobs.append(Job(photo, mixed, out / photo.parent.relative_to(folder) / (stem + end)))
    taken: dict[Path, Job] = {}
    for job in jobs:
        other = taken.setdefault(job.out, job)
        if other is not job:
            one, two = (f"{j.photo} with {'+'.join(name for name, _ in j.styles)}" for j in (other, job))
            raise OptionError(f"{one} and {two} would both be {job.out}; rename one of them")
    return jobs


def run(stylizer: Stylizer, jobs: Sequence[Job], options: Options, *, resume: bool = False) -> Iterator[Outcome]:
    """Do the jobs; a bad picture is an outcome with its error, and the others go on.

    Photos are decoded ahead and outputs written behind, each in a thread of its own beside the
    networks. Whoever stops early leaves whole files only.

    Args:
        stylizer: the model.
        jobs: see `plan`.
        options: of all of them.
        resume: pass over jobs whose output is there.

    Raises:
        ImageError, StyleError: a style that cannot be read, or weights that do not sum to 1, before any
            picture is made.
    """
    for name in dict.fromkeys(name for job in jobs for name, _ in job.styles):
        stylizer.embed(name)
    with ThreadPoolExecutor(1) as decoder, ThreadPoolExecutor(1) as writer:
        written: deque[tuple[Job, float, Future[None]]] = deque()
        try:
            for job, photo in _ahead(decoder, jobs, resume):
                while len(written) >= AHEAD or (written and written[0][2].done()):
                    yield _written(*written.popleft())
                if photo is None:
                    yield Outcome(job, skipped=True)
                    continue
                begun = time.perf_counter()
                try:
                    image = stylizer.paint(photo.result(), list(job.styles), options)
                except ImageError as error:
                    yield Outcome(job, error)
                    continue
                written.append((job, time.perf_counter() - begun, writer.submit(_write, image, job.out)))
            while written:
                yield _written(*written.popleft())
        finally:
            decoder.shutdown(cancel_futures=True)
            writer.shutdown(cancel_futures=True)


def _ahead(
    decoder: ThreadPoolExecutor, jobs: Iterable[Job], resume: bool
) -> Iterator[tuple[Job, Future[Picture] | None]]:
    """Every job with its photo on the way; one photo with several styles is decoded once."""
    waiting: deque[tuple[Job, Future[Picture] | None]] = deque()
    last: tuple[Path, Future[Picture]] | None = None
    for job in jobs:
        if resume and job.out.exists():
            waiting.append((job, None))
        else:
            if last is None or last[0] != job.photo:
                last = job.photo, decoder.submit(read_picture, job.photo)
            waiting.append((job, last[1]))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def _write(picture: Picture, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make folder {out.parent}: {error.strerror or error}") from error
    save_picture(picture, out)


def _written(job: Job, seconds: float, done: Future[None]) -> Outcome:
    try:
        done.result()
    except PasticcioError as error:
        return Outcome(job, error)
    return Outcome(job, seconds=seconds)
