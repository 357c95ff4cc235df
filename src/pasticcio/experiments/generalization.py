"""Styles that a model has seen in training against styles that it has not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pasticcio.experiments.evaluate import CONTENT, STYLE
from pasticcio.experiments.losses import PAIRS, SIDE, Losses, Ruler, tensor
from pasticcio.experiments.material import SEED, Material, draw
from pasticcio.files import writing
from pasticcio.image.picture import Array
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.vgg import Vgg
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Report


def observed(
    stylizer: Stylizer,
    material: Material,
    *,
    pairs: int = PAIRS,
    optimize: int = 0,
    iterations: int = 60,
    side: int = SIDE,
    report: Report | None = None,
) -> dict[str, Losses]:
    """Losses over paintings and textures that were trained on ("observed") and that were not, with the same photos.

    Args:
        pairs: of each group.
        optimize: for the first so many pairs of each group, also what optimizing the pixels reaches.
        iterations: of L-BFGS.

    Returns:
        By group; those of the optimization under the group's name and ", optimum", and the network's on
        the same pairs under ", same pairs".
    """
    ruler = Ruler(material.loss_network(), side)
    rng = np.random.default_rng(SEED)
    photos = draw(material.files("photos", "test"), pairs, rng)
    groups = {
        f"{kind}, {name}": draw(material.files(kind, split), pairs, rng)
        for kind in ("paintings", "textures")
        for name, split in (("observed", "train"), ("unobserved", "test"))
    }

    def render(photo: Array, style: Array) -> Array:
        return stylizer.render(photo, stylizer.embed(style, side=side).embedding)

    found: dict[str, Losses] = {}
    done, total = 0, len(groups) * (pairs + optimize)

    def step() -> None:
        nonlocal done
        done += 1
        if report:
            report(done, total)

    for name, styles in groups.items():
        found[name] = ruler.losses(render, photos, styles, step)
        if optimize:
            few = slice(0, optimize)
            found[f"{name}, optimum"] = ruler.losses(
                lambda photo, style: optimum(photo, style, ruler.vgg, iterations), photos[few], styles[few], step
            )
            found[f"{name}, same pairs"] = {key: values[few] for key, values in found[name].items()}
    return found


def optimum(photo: Array, style: Array, vgg: Vgg, iterations: int, style_weight: float = 20.0) -> Array:
    """The pixels themselves, from the photo, by L-BFGS over the default model's training loss (Gatys et al. 2015)."""
    config = LossConfig(
        content=dict.fromkeys(CONTENT, 1.0), style=dict.fromkeys(STYLE, style_weight), relative=True, logarithmic=True
    )
    with torch.no_grad():
        grams, content = gram_targets(vgg(tensor(style)), config), vgg(tensor(photo))
    image = tensor(photo).requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=iterations, max_eval=iterations * 5 // 4, history_size=20)

    def closure() -> Tensor:
        optimizer.zero_grad()
        parts = perceptual_loss(vgg(image.clamp(0, 1)), content, grams, config)
        total = parts["content"].sum() + parts["style"].sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    pixels: Array = image.detach().clamp(0, 1)[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(pixels)


def observed_text(found: dict[str, Losses]) -> str:
    """Means, medians and quartiles by group, in Markdown, and the ratio of unobserved to observed."""
    lines = ["| styles | pairs | content, mean | style, mean | median | quartiles |", "|---|---|---|---|---|---|"]
    for name, values in found.items():
        style = np.array(values["style"])
        low, middle, high = np.quantile(style, [0.25, 0.5, 0.75])
        lines.append(
            f"| {name} | {len(style)} | {np.mean(values['content']):.3f} | {style.mean():.3f} | {middle:.3f} | "
            f"{low:.3f} to {high:.3f} |"
        )
    lines.append("")
    for kind in ("paintings", "textures"):
        seen, unseen = (np.array(found[f"{kind}, {name}"]["style"]) for name in ("observed", "unobserved"))
        draws = np.random.default_rng(SEED).integers(len(seen), size=(2000, len(seen)))
        ratios = np.median(unseen[draws], axis=1) / np.median(seen[draws], axis=1)  # of the same photos
        low, high = np.quantile(ratios, [0.025, 0.975])
        lines.append(
            f"{kind.capitalize()}: median style loss of unobserved over observed styles "
            f"{np.median(unseen) / np.median(seen):.2f} (middle 95% of bootstrap draws {low:.2f} to {high:.2f})."
        )
    return "\n".join(lines)


def observed_figure(found: dict[str, Losses], out: Path) -> None:
    """Distributions of style and content loss by group, .png."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    for axes, key in zip(figure.subplots(1, 2), ("style", "content"), strict=True):
        for number, name in enumerate(name for name in found if name.count(",") == 1):
            values = np.sort(found[name][key])
            axes.plot(values, np.linspace(0, 1, len(values)), color=f"C{number // 2}", ls="-:"[number % 2],
                      label=name)  # fmt: skip
        axes.set(xscale="log", xlabel=f"{key} loss", ylabel="share of pairs below")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    axes.legend(frameon=False, fontsize=8)
    with writing(out) as partial:
        figure.savefig(partial, format="png")
