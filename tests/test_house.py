"""The floors of the house: which package may import which, what a package holds, and how large a module may be.

Run on a copy of the sources: PASTICCIO_SOURCES=COPY/src/pasticcio pytest tests/test_house.py
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import ROOT

# From the ground up. A module imports from its own floor and from those below it, never from those above.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "cache", "kept", "files", "extras", "progress"),
    ("image",),
    ("style",),
    ("model",),
    ("render",),
    ("augment",),
    ("video",),
    ("nn",),
    ("training",),
    ("baselines",),
    ("space",),
    ("dataset",),
    ("experiments",),
    ("page",),
    ("server",),
    ("cli", "__main__"),
    ("__init__",),  # the public names, each loaded when first used: no module of the package needs them
)
# Packages that may use even less than their floor allows: themselves, and what is named here.
ALONE = {"nn": {"errors"}}
LINES = 400  # of a module, at most

SOURCES = Path(os.environ.get("PASTICCIO_SOURCES", ROOT / "src" / "pasticcio"))
PACKAGES = sorted(path.parent.relative_to(SOURCES).as_posix() for path in SOURCES.glob("**/__init__.py"))


@dataclass(frozen=True)
class Import:
    """A line of a module that imports a module of ours."""

    file: Path
    line: int
    importer: str  # dotted, without "pasticcio"; "" is the package itself
    imported: str

    @property
    def packages(self) -> tuple[str, str]:
        """The two names in the table of floors."""
        return _room(self.importer), _room(self.imported)


def _room(module: str) -> str:
    return module.split(".")[0] or "__init__"


def _modules(sources: Path) -> dict[str, Path]:
    """Dotted name (without "pasticcio") to file, of every module."""
    found = {}
    for path in sorted(sources.rglob("*.py")):
        parts = path.relative_to(sources).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below a node, those in functions too, but not those under `if TYPE_CHECKING:`."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    below: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        below = node.orelse
    for child in below:
        yield from _statements(child)


def imports(sources: Path) -> list[Import]:
    """Every import of a module of ours by a module of ours."""
    modules = _modules(sources)
    found = []
    for importer, path in modules.items():
        package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
        for statement in _statements(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            for name in _targets(statement, ("pasticcio." + package).rstrip(".")):
                root, _, imported = name.partition(".")
                if root != "pasticcio" or imported.startswith("__"):  # `from pasticcio import __version__` is no room
                    continue
                while imported and imported not in modules:  # a name in a module, not a module
                    imported = imported.rpartition(".")[0]
                found.append(Import(path, statement.lineno, importer, imported))
    return found


def _targets(statement: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """What a statement imports, in full: `from a.b import c` gives a.b.c; relative to `package` where it is so."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    base = statement.module or ""
    if statement.level:
        above = package.split(".")[: len(package.split(".")) - statement.level + 1]
        base = ".".join([*above, base]).rstrip(".")
    return [f"{base}.{alias.name}" for alias in statement.names]


def climbs(sources: Path) -> list[str]:
    """A message for every import that goes up, or out of a package that stands alone."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    found = []
    for one in imports(sources):
        lower, higher = one.packages
        place = f"{one.file.relative_to(sources.parent)}:{one.line}"
        if missing := {lower, higher} - floor.keys():
            found.append(
                f"{place}: {', '.join(sorted(missing))} has no floor; add it to FLOORS in {Path(__file__).name}"
            )
        elif floor[lower] < floor[higher]:
            found.append(
                f"{place}: {lower} (floor {floor[lower]}) imports {higher} (floor {floor[higher]}); "
                f"move what is needed to {lower} or below, or the module that needs it up"
            )
        elif lower in ALONE and higher not in {lower, *ALONE[lower]}:
            found.append(f"{place}: {lower} may import only itself and {', '.join(ALONE[lower])}, and imports {higher}")
    return found


def cycle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """The nodes of one cycle, the first repeated at the end; empty where there is none."""
    ways: dict[str, set[str]] = {}
    for start, end in edges:
        if start != end:
            ways.setdefault(start, set()).add(end)
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for end in sorted(ways.get(node, ())):
            if found := visit(end, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(ways) if (found := visit(node, []))), [])


def test_no_import_climbs():
    if found := climbs(SOURCES):
        pytest.fail("\n".join(found), pytrace=False)


def test_neither_packages_nor_modules_import_each_other_in_a_circle():
    found = imports(SOURCES)
    assert cycle(one.packages for one in found) == []
    assert cycle((one.importer, one.imported) for one in found if one.imported) == []


def test_every_module_has_a_floor():
    named = {name for floor in FLOORS for name in floor}
    assert {_room(module) for module in _modules(SOURCES)} <= named


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_imports_nothing_else(package):
    name = ".".join(["pasticcio", *package.split("/")]).rstrip(".")
    script = f"import sys; before = set(sys.modules); import {name}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(SOURCES.parent)}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    parents = {".".join(name.split(".")[: i + 1]) for i in range(name.count(".") + 1)}
    others = [module for module in done.stdout.split() if module.split(".")[0] not in sys.stdlib_module_names]
    assert set(others) == parents


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for_and_which_way_data_goes(package):
    text = ast.get_docstring(ast.parse((SOURCES / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert len([line for line in text.splitlines() if line.strip()]) > 1, f"{package}/__init__.py: a longer docstring"


def test_no_module_is_long():
    files = [
        *SOURCES.rglob("*.py"),
        *(path for folder in ("benchmarks", "scripts") for path in (ROOT / folder).glob("*.py")),
    ]
    lengths = {
        str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name: len(
            path.read_text(encoding="utf-8").splitlines()
        )
        for path in files
    }
    assert {name: count for name, count in lengths.items() if count > LINES} == {}


@pytest.fixture
def house(tmp_path):
    """A small one to add lines to."""
    for name in ("", "image", "render", "nn", "training"):
        (tmp_path / "pasticcio" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "pasticcio" / name / "__init__.py").write_text('"""."""\n')
    for name in ("errors", "image/color", "render/tiles", "nn/norm", "training/train"):
        (tmp_path / "pasticcio" / f"{name}.py").write_text('"""."""\n')
    return tmp_path / "pasticcio"


@pytest.mark.parametrize(
    ("module", "line", "wanted"),
    [
        ("image/color", "from pasticcio.render.tiles import Tile", r"color.py:1: image (floor 1) imports render"),
        (
            "image/color",
            "def f():\n    from pasticcio.render import tiles",
            r"color.py:2: image (floor 1) imports render",
        ),
        ("image/color", "from ..render import tiles", "color.py:1: image (floor 1) imports render"),
        ("image/color", "import pasticcio.render.tiles", "color.py:1: image (floor 1) imports render"),
        ("image/color", "from pasticcio import Stylizer", "color.py:1: image (floor 1) imports __init__"),
        ("image/color", "if TYPE_CHECKING:\n    pass\nelse:\n    from pasticcio.nn import norm", "color.py:4: image"),
        ("nn/norm", "from pasticcio.image import color", "norm.py:1: nn may import only itself and errors"),
        ("errors", "from pasticcio import attic", "errors.py:1: errors (floor 0) imports __init__"),
    ],
)
def test_a_line_that_climbs_is_found(house, module, line, wanted):
    assert climbs(house) == []
    (house / f"{module}.py").write_text(line)
    (found,) = climbs(house)
    assert wanted in found


@pytest.mark.parametrize(
    "line",
    [
        "if TYPE_CHECKING:\n    from pasticcio.nn import norm",
        "from pasticcio import __version__, errors",
        "from ..image import color",
        "import numpy.render",
    ],
)
def test_a_line_that_goes_down_or_is_for_types_alone_is_not(house, line):
    (house / "render" / "tiles.py").write_text(line)
    assert climbs(house) == []


def test_a_room_without_a_floor_is_found(house):
    (house / "attic.py").write_text("from pasticcio.errors import PasticcioError")
    assert climbs(house) == ["pasticcio/attic.py:1: attic has no floor; add it to FLOORS in test_house.py"]


def test_a_circle_is_found():
    assert cycle([("a", "b"), ("b", "c"), ("a", "a")]) == []
    assert cycle([("a", "b"), ("b", "c"), ("c", "b")]) == ["b", "c", "b"]


def test_nothing_is_unpickled():
    safe = {"np.load(": "allow_pickle=False", "torch.load(": "weights_only=True"}
    folders = (ROOT / "src", ROOT / "benchmarks", ROOT / "scripts")
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = ast.unparse(node) if isinstance(node, ast.Call) else ""
            for loader, wanted in safe.items():
                assert not call.startswith(loader) or wanted in call, f"{path.name}:{node.lineno} unpickles"
            assert not call.startswith(("pickle.load", "joblib.load", "marshal.load")), f"{path.name}: {call}"
