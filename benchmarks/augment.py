"""Style augmentation in a training run: a small network that tells animals from things, with and without it.

    python benchmarks/augment.py --photos ../shared/data/photos.csv --results runs/augment.json

The photos have ImageNet's classes and 64 pixels; each seed splits them at random, 80% for training. All networks are
trained with random crops and mirror images; "colors" also changes brightness, saturation and hue; "style" gives half of
the pictures a random style of strength 0 to 1 with `pasticcio.augment`. Test pictures are clean photos and eight
corruptions of them. The results of each run are kept, and a run that has results is not repeated.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pasticcio.augment import RandomStyle
from pasticcio.image.listing import find_pictures
from pasticcio.image.picture import to_pil
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.training.crops import color_matrix

SIDE, MARGIN = 64, 8
KINDS = {"none": "crops and mirror images", "style": "and random styles", "colors": "and colors"}
NO_CLASS = ("bsds500-natural-scene", "kodak")
ANIMALS = frozenset(Path(__file__).with_name("animals.txt").read_text(encoding="utf-8").split())

Pixels = NDArray[np.float32]


class Photos(Dataset[tuple[Tensor, int]]):
    """Pictures (3, 80, 80) in memory, given as random crops and mirror images with an augmentation."""

    def __init__(self, pictures: Tensor, labels: Tensor, change: Callable[[Tensor], Tensor], seed: int) -> None:
        self.pictures, self.labels, self.change, self.seed = pictures, labels, change, seed

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        top, left, mirror = torch.randint(0, 2 * MARGIN + 1, (3,)).tolist()
        picture = self.pictures[index, :, top : top + SIDE, left : left + SIDE]
        picture = picture.flip(2) if mirror > MARGIN else picture
        return self.change(picture), int(self.labels[index])


def small_network() -> nn.Module:
    """Four convolutions from half the size down, 190,000 weights."""
    layers: list[nn.Module] = []
    for inputs, outputs, kernel, stride in ((3, 32, 5, 2), (32, 64, 3, 1), (64, 96, 3, 1), (96, 128, 3, 1)):
        layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False))
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 2))


def change_colors(picture: Tensor) -> Tensor:
    """Brightness by 0.2, saturation from 0.4 to 1.6, hue by a tenth of a turn, at random."""
    light, saturation, hue = ((torch.rand(3) * 2 - 1) * torch.tensor([0.2, 0.6, 0.1])).tolist()
    matrix = torch.from_numpy(color_matrix(1 + saturation, hue))
    return (torch.einsum("ij,jhw->ihw", matrix, picture) + light).clamp(0, 1)


def corruptions(pictures: Tensor, seed: int) -> dict[str, Tensor]:
    """Eight corruptions of the test pictures, (N, 3, 64, 64) each."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(pictures.shape, generator=generator)
    gray = pictures.mean(1, keepdim=True)
    turned = torch.einsum("ij,bjhw->bihw", torch.from_numpy(color_matrix(1.0, 0.33)), pictures)
    small = F.interpolate(pictures, scale_factor=0.375, mode="area")
    return {
        "noise": (pictures + 0.1 * noise).clamp(0, 1),
        "speckle": (pictures * (1 + 0.3 * noise)).clamp(0, 1),
        "blur": F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), 5, 1),
        "pixels": F.interpolate(small, size=(SIDE, SIDE)),
        "jpeg": torch.stack([_jpeg(picture) for picture in pictures]),
        "contrast": (pictures - 0.5) * 0.35 + 0.5,
        "dark": pictures * 0.4,
        "hue": (0.5 * turned + 0.5 * (0.2 * pictures + 0.8 * gray)).clamp(0, 1),
    }


def _jpeg(picture: Tensor) -> Tensor:
    buffer = io.BytesIO()
    to_pil(picture.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=10)
    return torch.from_numpy(open_image(buffer.getvalue())).permute(2, 0, 1)


def load(table: Path) -> tuple[Tensor, Tensor]:
    """All photos that have a class, (N, 3, 80, 80), and their labels: 1 for animals, 0 for things."""
    side = SIDE + 2 * MARGIN
    pictures, labels = [], []
    for entry in find_pictures(table):
        if entry.columns["class"] not in NO_CLASS:
            image = style_view(open_image(entry.path), side)
            top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
            pictures.append(torch.from_numpy(image[top : top + side, left : left + side].copy()).permute(2, 0, 1))
            labels.append(int(entry.columns["class"] in ANIMALS))
    return torch.stack(pictures), torch.tensor(labels)


def run(pictures: Tensor, labels: Tensor, kind: str, seed: int, epochs: int, workers: int) -> dict[str, float]:
    """Train a network, and return its balanced accuracy on each kind of test picture."""
    begun = time.perf_counter()
    torch.manual_seed(seed)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    style = RandomStyle(strength=(0.0, 1.0), probability=0.5, seed=seed)
    change: Callable[[Tensor], Tensor] = {"none": lambda x: x, "colors": change_colors, "style": style}[kind]
    data = Photos(pictures[train], labels[train], change, seed)
    loader = DataLoader(
        data, batch_size=32, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    network = small_network()
    weight = 0.5 / torch.bincount(labels[train]).div(len(train))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * len(loader))
    for _ in range(epochs):
        network.train()
        for batch, wanted in loader:
            loss = F.cross_entropy(network(batch - 0.5), wanted, weight)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    network.eval()
    clean = pictures[test, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
    with torch.no_grad():
        found = {
            name: balanced_accuracy(network(shown - 0.5).argmax(1), labels[test])
            for name, shown in {"clean": clean, **corruptions(clean, seed)}.items()
        }
    return {**found, "seconds": time.perf_counter() - begun}


def balanced_accuracy(found: Tensor, labels: Tensor) -> float:
    """The mean over both classes of the share of correct predictions; 0.5 is chance."""
    return float(torch.stack([(found == labels)[labels == kind].float().mean() for kind in (0, 1)]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/photos.csv"))
    parser.add_argument("--results", type=Path, default=Path("runs/augment.json"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1, help="processes that load and augment")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    pictures, labels = load(arguments.photos)
    print(f"{len(labels)} photos, {labels.float().mean():.0%} of them animals")
    for seed in range(arguments.seeds):
        for kind in KINDS:
            key = f"{kind}-{seed}-{arguments.epochs}"
            if key not in results:
                results[key] = run(pictures, labels, kind, seed, arguments.epochs, arguments.workers)
                arguments.results.parent.mkdir(parents=True, exist_ok=True)
                arguments.results.write_text(json.dumps(results, indent=1))
                print(key, {name: round(value, 3) for name, value in results[key].items()}, flush=True)
    print(table(results, arguments.epochs))


def table(results: dict[str, dict[str, float]], epochs: int) -> str:
    """Balanced accuracy in percent, mean and standard deviation over seeds, in Markdown."""
    shown = ("clean", "noise", "speckle", "blur", "pixels", "jpeg", "contrast", "dark", "hue")
    lines = ["| augmentation | " + " | ".join(shown) + " | corrupted, mean |", "|---" * (len(shown) + 2) + "|"]
    for kind, text in KINDS.items():
        runs = [value for key, value in results.items() if key.startswith(f"{kind}-") and key.endswith(f"-{epochs}")]
        if not runs:
            continue
        columns = [[100 * one[name] for one in runs] for name in shown]
        columns.append(list(np.mean(columns[1:], axis=0)))
        cells = [f"{np.mean(c):.1f} ± {np.std(c, ddof=min(1, len(c) - 1)):.1f}" for c in columns]
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
