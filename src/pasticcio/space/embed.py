"""The embeddings of many pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError
from pasticcio.image.listing import Entry
from pasticcio.image.picture import Array, as_batch
from pasticcio.image.resize import style_view
from pasticcio.model.folder import Model
from pasticcio.progress import Report
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.formats import OWN
from pasticcio.space.pictures import open_reduced


def embed_view(stylizer: Stylizer, view: Array) -> NDArray[np.float32]:
    """The embedding, (E,), of a picture at the size at which it is embedded, (H, W, 3) in [0, 1]."""
    row: NDArray[np.float32] = stylizer.run(stylizer.model.predict, style=as_batch(view))[0]
    return row


def embed_pictures(
    entries: Sequence[Entry],
    model: str | os.PathLike[str] | Model = "default",
    *,
    side: int | None = None,
    workers: int | None = None,
    report: Report | None = None,
) -> tuple[Embeddings, list[ImageError]]:
    """Embed many pictures.

    Every worker thread decodes one picture at a time and runs the style prediction network on it with one thread. That
    keeps all cores busy, and pictures need not be of equal size. The embeddings are those of `Stylizer.embed`, except
    of large JPEGs, see `open_reduced`.

    Args:
        entries: see `find_all`.
        model: name of a shipped model, or a model folder.
        side: short side, in pixels, that pictures are resized to; by default the model's, 256.
        workers: number of threads; by default one for each core.
        report: called after every picture.

    Returns:
        The table, in the order of `entries`, without those that cannot be read; and the errors of these.

    Raises:
        ImageError: none of the pictures can be read.
    """
    stylizer = Stylizer(model, threads=1)
    short = side or stylizer.model.style_side

    def embed(entry: Entry) -> NDArray[np.float32] | ImageError:
        try:
            view = style_view(open_reduced(entry.path, short), short)
        except ImageError as error:
            return error
        return embed_view(stylizer, view)

    rows: list[NDArray[np.float32]] = []
    good: list[Entry] = []
    bad: list[ImageError] = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            for done, (entry, found) in enumerate(zip(entries, pool.map(embed, entries), strict=True), start=1):
                if isinstance(found, ImageError):
                    bad.append(found)
                else:
                    rows.append(found)
                    good.append(entry)
                if report:
                    report(done, len(entries))
        finally:
            pool.shutdown(cancel_futures=True)
    if not good:
        raise bad[0] if bad else ImageError("no pictures to embed: name files, folders or tables with some")
    keys = list(dict.fromkeys(key for entry in good for key in entry.columns if key not in OWN))
    columns = {key: [entry.columns.get(key, "") for entry in good] for key in keys}
    names, paths = [entry.path.stem for entry in good], [entry.path for entry in good]
    return Embeddings(names, np.stack(rows), paths, stylizer.model.fingerprint, short, columns), bad
