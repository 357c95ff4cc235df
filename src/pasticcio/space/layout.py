"""The places of embeddings on a map."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError
from pasticcio.extras import extra

Method = Literal["tsne", "pca"]
METHODS: tuple[str, ...] = get_args(Method)
PERPLEXITY = 30.0

Points = NDArray[np.float32]


def layout(
    vectors: NDArray[np.float32], method: Method = "tsne", *, perplexity: float = PERPLEXITY, seed: int = 0
) -> Points:
    """Embeddings in the plane, (N, 2) in [0, 1]; the longer dimension fills this range.

    Args:
        vectors: (N, E).
        method: "tsne": neighbors stay neighbors, while large distances mean nothing (van der Maaten and Hinton 2008;
            the paper's choice); needs scikit-learn. "pca": the plane of most variance.
        perplexity: of t-SNE; lowered for small tables, since it must be less than their length.
        seed: of t-SNE.

    Raises:
        OptionError: an unknown method, or fewer than 3 rows.
        MissingExtraError: t-SNE without scikit-learn.
    """
    if method not in METHODS:
        raise OptionError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if len(vectors) < 3:
        raise OptionError(f"a map needs 3 or more pictures; there are {len(vectors)}")
    centered = vectors.astype(np.float64) - vectors.mean(0)
    if method == "pca":
        _, _, axes = np.linalg.svd(centered, full_matrices=False)
        points = centered @ axes[:2].T
    else:
        with extra("analysis", "a t-SNE map"):
            from sklearn.manifold import TSNE
        perplexity = min(perplexity, (len(vectors) - 1) / 3)
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centered.astype(np.float32))
    points = points[:, :2] if points.shape[1] >= 2 else np.c_[points, np.zeros(len(points))]
    low = points.min(0)
    extent = np.maximum((points - low).max(0), 1e-12)
    margin = (extent.max() - extent) / 2
    scaled: Points = ((points - low + margin) / extent.max()).astype(np.float32)
    return scaled
