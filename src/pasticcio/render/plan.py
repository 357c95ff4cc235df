"""Plan: whether a picture is rendered in one pass or in tiles, by the memory that either takes."""

from __future__ import annotations

from dataclasses import dataclass

from pasticcio.model.config import RegionsConfig
from pasticcio.render.scene import Scene

TILES = (1536, 768, 384, 192)  # sides of tiles, in pixels; the largest that memory holds is taken
OVERLAP = 200  # pixels that a window is larger than its tile, about
PLAIN, REGIONS, PER_MASK = 22, 60, 30  # bytes that a pixel takes for each number of the widest layer
MOST_MASKS = 2  # further masks take no more
WIDEST = 8  # numbers a pixel at the widest layer, where the model does not say
BESIDE = 50  # bytes that a pixel takes beside the network
SURVEY, LEAST_SURVEY = 5_000_000, 150_000  # pixels on which statistics of tiles are measured at once
LAST_SURVEY, LESS = 40_000, 4  # where memory did not suffice: how few they become, so many times fewer each time


@dataclass(frozen=True)
class Plan:
    """How a picture is rendered.

    Attributes:
        tile: side of the tiles in pixels; 0 for one pass.
        why: for people, where memory asks for tiles; else empty.
        survey: pixels on which the statistics of tiles may be measured at once.
    """

    tile: int
    why: str = ""
    survey: int = SURVEY


def plan(scene: Scene, traits: RegionsConfig | None, tile: int | None, memory: float) -> Plan:
    """Decide between one pass and tiles.

    Args:
        scene: what to render.
        traits: of the model; None where it has no regions graph.
        tile: side of the tiles, or 0 for one pass, if the caller asks for either.
        memory: bytes that rendering may take.
    """
    in_regions = _bytes_per_pixel(scene, traits, regions=True)
    survey = int(min(SURVEY, max(LEAST_SURVEY, memory / in_regions)))
    if tile is not None:
        return Plan(tile, survey=survey)
    pixels = scene.size[0] * scene.size[1]
    need = _bytes_per_pixel(scene, traits, regions=not scene.plain) * pixels
    if need <= memory:
        return Plan(0)
    side = next((side for side in TILES if in_regions * (side + OVERLAP) ** 2 <= memory / 2), TILES[-1])
    return Plan(side, f": {pixels / 1e6:.0f} megapixels in one pass would take {need / 1e9:.1f} GB", survey)


def smaller(scene: Scene, planned: Plan) -> Plan | None:
    """What is tried when memory did not suffice for a plan; None where nothing would take less.

    Args:
        scene: what to render.
        planned: how it was tried.
    """
    pixels = scene.size[0] * scene.size[1]
    side = planned.tile or max(scene.size)
    fitting = [tile for tile in TILES if tile < side and tile + OVERLAP < max(scene.size)]
    survey = max(LAST_SURVEY, min(planned.survey, pixels) // LESS)
    if not fitting and (not planned.tile or survey == planned.survey):
        return None
    what = f"tiles of {planned.tile}" if planned.tile else "one pass"
    return Plan(fitting[0] if fitting else planned.tile, f": memory did not suffice for {what}", survey)


def _bytes_per_pixel(scene: Scene, traits: RegionsConfig | None, regions: bool) -> float:
    """About what rendering takes.

    Args:
        scene, traits: see `plan`.
        regions: by the regions graph, with masks, weights and tiles; else by the graph for whole pictures.
    """
    widest = traits.widest if traits else WIDEST
    each = REGIONS + PER_MASK * min(MOST_MASKS, len(scene.masks)) if regions else PLAIN
    return widest * each + BESIDE
