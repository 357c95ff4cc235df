"""The two lists of the quality benchmark, all from the shared data: nothing in either was ever trained on.

"test" is 20 photos and 40 styles of the test split of the training material. "classic" is the photos and styles that
papers and repositories of this field show; they are for measuring alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pasticcio.image.crop import center_crop
from pasticcio.image.picture import Array
from pasticcio.image.read import open_image

PHOTOS = (
    "airliner__nips2017-5adb3d985cf217a9.jpg",
    "barrel__nips2017-77c72d0a01e1af70.jpg",
    "border-terrier__imagenet-n02093754.jpg",
    "bsds500__20069.jpg",
    "bsds500__65132.jpg",
    "cheeseburger__nips2017-803450d936b35ebb.jpg",
    "crash-helmet__nips2017-df2cd1b82d5dec14.jpg",
    "doormat__nips2017-ef5b1e5a76ae66dc.jpg",
    "freight-car__nips2017-1dc0533f87996962.jpg",
    "grey-whale__imagenet-n02066245.jpg",
    "kodak__04.jpg",
    "lorikeet__nips2017-01244097ca8ffdfa.jpg",
    "necklace__nips2017-4d0c0f35a0c00bdc.jpg",
    "parking-meter__imagenet-n03891332.jpg",
    "racer__nips2017-e91abe0f1a7a30f4.jpg",
    "ruddy-turnstone__imagenet-n02025239.jpg",
    "soccer-ball__nips2017-3692f6967c632fee.jpg",
    "streetcar__nips2017-a414ccf5c51454e0.jpg",
    "trolleybus__nips2017-911aebf30626ce02.jpg",
    "window-shade__imagenet-n04590129.jpg",
)

STYLES = (
    "fauvism__albert-marquet__posters-at-trouville-1906.jpg",
    "realism__alexander-makovsky__nadoela-1897.jpg",
    "cubism__amedee-ozenfant__still-life-1921.jpg",
    "baroque__anthony-van-dyck__portrait-of-endymion-porter.jpg",
    "naive-art-primitivism__bela-kadar__longing-1925.jpg",
    "naive-art-primitivism__camille-bombois__jeune-fille-1920.jpg",
    "classicism__claude-lorrain__the-embarkation-of-st-paula-in-ostia.jpg",
    "synthetism__emile-bernard__annunciation-1890.jpg",
    "baroque__francesco-solimena__triumph-of-charles-iii-at-the-battle-of-velletri.jpg",
    "impressionism__frederic-bazille__landscape-on-the-shore-of-lez.jpg",
    "rococo__giovanni-domenico-tiepolo__the-storyteller.jpg",
    "symbolism__gustave-moreau__four-studies-of-snakes.jpg",
    "impressionism__ioannis-altamouras__boat-at-the-beach-1874.jpg",
    "baroque__jacob-jordaens__study-of-three-women-and-child-1623.jpg",
    "baroque__jan-steen__wrath-of-ahasuerus-1673.jpg",
    "rococo__jean-baptiste-oudry__dog-guarding-dead-game-1753.jpg",
    "rococo__jean-marc-nattier__the-music-lesson-1710.jpg",
    "romanticism__john-constable__vid-na-sobor-v-solsberi-iz-episkopskogo-sada-1823.jpg",
    "cubism__lasar-segall__aldeia-russa-1918.jpg",
    "tonalism__leon-dabo__spring-hudson-river-1912.jpg",
    "cubism__louis-marcoussis__composition-cubiste-au-portrait-poisson-et-clair-de-lune-192.jpg",
    "northern-renaissance__martin-schongauer__elephant-in-hortus-sanitatis.jpg",
    "impressionism__max-kurzweil__a-walk-in-the-garden-1896.jpg",
    "high-renaissance__michelangelo__design-for-laurentian-library-doors-and-an-external-window.jpg",
    "cubo-futurism__oleksandr-bogomazov__cityscape-kiev.jpg",
    "analytical-realism__pavel-filonov__execution-1912.jpg",
    "fauvism__raoul-dufy__bathers-1908.jpg",
    "cubism__salvador-dali__mannequin-barcelona-mannequin-1927.jpg",
    "impressionism__stefan-popescu__the-garden-of-finistere-chapel.jpg",
    "impressionism__william-h-johnson__still-life-1927.jpg",
    "banded__dtd-banded_0123.jpg",
    "braided__dtd-braided_0075.jpg",
    "bumpy__dtd-bumpy_0147.jpg",
    "chequered__dtd-chequered_0079.jpg",
    "cracked__dtd-cracked_0135.jpg",
    "crosshatched__dtd-crosshatched_0147.jpg",
    "embark__multi-4.jpg",
    "philipk__wall03b_d.jpg",
    "texture60__009.jpg",
    "wavelet-texture__honeycomb.jpg",
)


@dataclass(frozen=True)
class PairList:
    """Photos and styles that are compared.

    Attributes:
        name: "test" or "classic".
        photos, styles: files.
    """

    name: str
    photos: tuple[Path, ...]
    styles: tuple[Path, ...]

    def pairs(self, thin: int) -> list[tuple[int, int]]:
        """Numbers of photo and style of every pair; one in `thin`, spread over photos and styles."""
        return [(p, s) for s in range(len(self.styles)) for p in range(len(self.photos)) if (p + s) % thin == 0]


def find_list(shared: Path, name: str) -> PairList:
    """A list by its name."""
    if name == "test":
        return PairList(name, *(tuple(find(shared, file) for file in files) for files in (PHOTOS, STYLES)))
    folders = [shared / "classic" / part for part in ("content", "style")]
    photos, styles = (tuple(sorted(folder.glob("*.jpg"))) for folder in folders)
    if not photos or not styles:
        sys.exit(f"there are no pictures in {folders[0]} or {folders[1]}; leave out --lists {name}")
    return PairList(name, photos, styles)


def pairs(thin: int) -> list[tuple[int, int]]:
    """Numbers of photo and style of every pair of the test list; one in `thin`, each photo and style equally often."""
    return [(p, s) for s in range(len(STYLES)) for p in range(len(PHOTOS)) if (p + s) % thin == 0]


def find(shared: Path, name: str) -> Path:
    """A file of the training material by its name."""
    for folder in ("photos", "paintings", "textures"):
        path = shared / "data" / folder / name
        if path.exists():
            return path
    sys.exit(f"{name} is not in {shared / 'data'}")


def square(path: Path, size: int) -> Array:
    """The middle square of a picture, (size, size, 3) in [0, 1]."""
    with Image.open(path) as image:
        return open_image(center_crop(np.asarray(image.convert("RGB")), size, size))
