"""A Ray job: every picture of a folder in one style, on all machines of a cluster.

    pip install 'pasticcio[ray]'
    ray job submit --working-dir . -- python examples/ray_job.py PHOTOS OUT dance

PHOTOS and OUT are folders that all machines see, or addresses that Ray Data reads and writes, such as s3://... For data
sets with labels, a manifest and styles by picture there is `pasticcio dataset --engine ray`.
"""

from __future__ import annotations

import argparse

import numpy as np

from pasticcio import Stylizer


class Painter:
    """An actor with a model of its own, which renders batches with one thread.

    Args:
        style: the name of a style, or a file that the actor's machine sees.
    """

    def __init__(self, style: str) -> None:
        self.stylizer = Stylizer(threads=1)
        self.style = self.stylizer.embed(style)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The batch with its images, (H, W, 3) of uint8, in the style."""
        painted = np.empty(len(batch["image"]), object)
        for place, image in enumerate(batch["image"]):
            painted[place] = self.stylizer.stylize(np.ascontiguousarray(image), self.style)
        return {**batch, "image": painted}


def main() -> None:
    """Run the job."""
    import ray

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("out")
    parser.add_argument("style")
    given = parser.parse_args()
    ray.init()
    painters = max(1, int(ray.cluster_resources()["CPU"]) - 1)  # one core reads and writes
    pool = ray.data.ActorPoolStrategy(size=painters)
    photos = ray.data.read_images(given.photos, mode="RGB")
    outputs = photos.map_batches(Painter, fn_constructor_args=(given.style,), compute=pool, num_cpus=1, batch_size=8)
    outputs.write_images(given.out, "image")


if __name__ == "__main__":
    main()
