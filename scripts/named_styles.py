"""Make the named styles of a model: embeddings of works dated before 1928.

    python scripts/named_styles.py [--model NAME_OR_FOLDER] [--paintings TABLE.csv]

Only embeddings are stored, no pictures.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from pasticcio.render.stylizer import Stylizer

OUT = Path(__file__).parent.parent / "src" / "pasticcio" / "style" / "library"
DIGITS = 5
SIDE = 384  # short side of the pictures in pixels: in the range of training, and coarse enough for large photos

# name: (artist and work in the table's file names, title, artist, year)
WORKS = {
    "adele-bloch-bauer": (
        "gustav-klimt__zolotaya-adel-1907",
        "Portrait of Adele Bloch-Bauer I",
        "Gustav Klimt",
        "1907",
    ),
    "almond-blossom": (
        "vincent-van-gogh__branches-with-almond-blossom-1890",
        "Almond Blossom",
        "Vincent van Gogh",
        "1890",
    ),
    "birth-of-venus": ("sandro-botticelli__rozhdenie-venery-1486", "The Birth of Venus", "Sandro Botticelli", "1486"),
    "breithorn": ("hiroshi-yoshida__breithorn-1925", "Breithorn", "Hiroshi Yoshida", "1925"),
    "city-rises": ("umberto-boccioni__the-city-rises-1911", "The City Rises", "Umberto Boccioni", "1911"),
    "composition-viii": ("wassily-kandinsky__kompozitsiya-viii-1923", "Composition VIII", "Wassily Kandinsky", "1923"),
    "crane-in-waves": ("hiroshige__crane-in-waves-1835", "Crane in Waves", "Utagawa Hiroshige", "1835"),
    "dance": ("henri-matisse__tanets-1910", "Dance", "Henri Matisse", "1910"),
    "demon-seated": ("mikhail-vrubel__demon-sidyashchii-1890", "The Demon Seated", "Mikhail Vrubel", "1890"),
    "dream": ("franz-marc__the-dream-1912", "The Dream", "Franz Marc", "1912"),
    "dream-city": ("paul-klee__dream-city-1921", "Dream City", "Paul Klee", "1921"),
    "evolution": ("piet-mondrian__evolution-1911", "Evolution", "Piet Mondrian", "1911"),
    "exotic-landscape": ("henri-rousseau__exotic-landscape-1910", "Exotic Landscape", "Henri Rousseau", "1910"),
    "flower-clouds": ("odilon-redon__flower-clouds-1903", "Flower Clouds", "Odilon Redon", "1903"),
    "garden-of-earthly-delights": (
        "hieronymus-bosch__sad-zemnykh-naslazhdenii-1510",
        "The Garden of Earthly Delights",
        "Hieronymus Bosch",
        "1510",
    ),
    "girl-with-a-pearl-earring": (
        "johannes-vermeer__devushka-s-zhemchuzhnoi-serezhkoi-1665",
        "Girl with a Pearl Earring",
        "Johannes Vermeer",
        "1665",
    ),
    "glittering-sea": ("hiroshi-yoshida__glittering-sea-1926", "Glittering Sea", "Hiroshi Yoshida", "1926"),
    "grande-jatte": (
        "georges-seurat__study-for-a-sunday-on-la-grande-jatte-1885",
        "Study for A Sunday on La Grande Jatte",
        "Georges Seurat",
        "1885",
    ),
    "harlequin": ("juan-gris__harlequin-at-a-table-1919", "Harlequin at a Table", "Juan Gris", "1919"),
    "impression-sunrise": (
        "claude-monet__vpechatlenie-voskhodyashchee-solntse-1882",
        "Impression, Sunrise",
        "Claude Monet",
        "1872",
    ),
    "irises": ("vincent-van-gogh__irisy-1889", "Irises", "Vincent van Gogh", "1889"),
    "joy-of-life": ("henri-matisse__the-joy-of-life-1906", "The Joy of Life", "Henri Matisse", "1906"),
    "kiss": ("gustav-klimt__potselui-1908", "The Kiss", "Gustav Klimt", "1908"),
    "lantern-festival": (
        "katsushika-hokusai__the-festival-of-lanterns-on-temma-bridge-1834",
        "The Festival of Lanterns on Temma Bridge",
        "Katsushika Hokusai",
        "1834",
    ),
    "madonna": ("edvard-munch__madonna-1894", "Madonna", "Edvard Munch", "1894"),
    "night-cafe": ("vincent-van-gogh__nochnoe-kafe-v-arle-1888", "The Night Café", "Vincent van Gogh", "1888"),
    "night-watch": ("rembrandt__nochnoi-dozor-1642", "The Night Watch", "Rembrandt", "1642"),
    "papal-palace": ("paul-signac__the-papal-palace-avignon-1900", "The Papal Palace, Avignon", "Paul Signac", "1900"),
    "port-of-la-rochelle": (
        "paul-signac__the-port-of-la-rochelle-1915",
        "The Port of La Rochelle",
        "Paul Signac",
        "1915",
    ),
    "red-balloon": ("paul-klee__red-balloon-1922", "Red Balloon", "Paul Klee", "1922"),
    "red-mill": ("piet-mondrian__the-red-mill-1911", "The Red Mill", "Piet Mondrian", "1911"),
    "rose-garden": ("paul-klee__rose-garden-1920", "Rose Garden", "Paul Klee", "1920"),
    "sunflowers": ("vincent-van-gogh__podsolnukhi-1888", "Sunflowers", "Vincent van Gogh", "1888"),
    "suprematist-painting": (
        "kazimir-malevich__suprematic-painting-1916",
        "Suprematist Painting",
        "Kazimir Malevich",
        "1916",
    ),
    "temple-gardens": ("paul-klee__temple-gardens-1920", "Temple Gardens", "Paul Klee", "1920"),
    "three-horses": ("franz-marc__three-horses-1912", "Three Horses", "Franz Marc", "1912"),
    "vision-after-the-sermon": (
        "paul-gauguin__the-vision-after-the-sermon-jacob-wrestling",
        "The Vision after the Sermon",
        "Paul Gauguin",
        "1888",
    ),
    "volga": (
        "ivan-bilibin__illustration-for-the-epic-volga-1904",
        "Illustration for the epic Volga",
        "Ivan Bilibin",
        "1904",
    ),
    "water-lily-pond": ("claude-monet__prud-s-kuvshinkami-1899", "The Water Lily Pond", "Claude Monet", "1899"),
    "wheat-field-with-cypresses": (
        "vincent-van-gogh__pshenichnoe-pole-s-kiparisami-1889",
        "A Wheat Field with Cypresses",
        "Vincent van Gogh",
        "1889",
    ),
    "yellow-city": ("egon-schiele__yellow-city-1914", "Yellow City", "Egon Schiele", "1914"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default", help="a shipped model's name, or a model folder")
    parser.add_argument(
        "--paintings", type=Path, default=Path("../shared/data/paintings.csv"), help="table with a column 'file'"
    )
    arguments = parser.parse_args()
    if not arguments.paintings.exists():
        parser.error(f"no such table: {arguments.paintings}")
    with arguments.paintings.open(encoding="utf-8", newline="") as file:
        files = [row["file"] for row in csv.DictReader(file)]
    stylizer = Stylizer(arguments.model)
    styles = {}
    for name, (work, title, artist, year) in WORKS.items():
        matches = [file for file in files if f"__{work}" in file]
        if len(matches) != 1:
            parser.error(f"{name}: {len(matches)} files match {work!r}; one must")
        embedding = stylizer.embed(arguments.paintings.with_suffix("") / matches[0], side=SIDE).embedding
        numbers = [round(float(value), DIGITS) for value in embedding]
        styles[name] = {"title": title, "artist": artist, "year": year, "embedding": numbers}
    table = {"model": stylizer.model.fingerprint, "styles": styles}
    path = OUT / f"{stylizer.model.name}.json"
    lines = (
        json.dumps(table, ensure_ascii=False, indent=1)
        .replace(",\n    ", ", ")
        .replace("[\n    ", "[")
        .replace("\n   ]", "]")
    )
    path.write_text(lines + "\n", encoding="utf-8")
    print(f"{len(styles)} styles -> {path}")


if __name__ == "__main__":
    main()
