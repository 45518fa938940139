"""What the explorables share: one self-contained piece of HTML with a static picture, a script and its data.

The script replaces the picture; without JavaScript the picture and its caption stay. Colours follow the page: the
book's theme, else the reader's preference, else the colour of the page's own text.
"""

import base64
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from IPython.display import HTML
from PIL import Image

MOST_BYTES = 100_000
"""Of one explorable."""
HERE = Path(__file__).resolve().parent

LIGHT = {
    "ink": "#1f2733", "soft": "#55606f", "line": "#d7dce3", "edge": "#9aa5b3", "card": "#ffffff", "field": "#f3f5f8",
    "tint": "#eaf3fa", "accent": "#0072b2", "on-accent": "#ffffff", "focus": "#56b4e9", "pull": "#00775a",
    "push": "#b34700", "good": "#00775a", "bad": "#b34700", "hard": "#e69f00", "key": "#56b4e9", "ignored": "#cdd3db",
}  # fmt: skip
DARK = {
    "ink": "#e2e8ef", "soft": "#a7b2c0", "line": "#3a4452", "edge": "#657387", "card": "#1b222c", "field": "#28313d",
    "tint": "#1d3346", "accent": "#63b6ea", "on-accent": "#0b1520", "focus": "#8fd0ff", "pull": "#3cc9a0",
    "push": "#ff9d5c", "good": "#3cc9a0", "bad": "#ff9d5c", "hard": "#e69f00", "key": "#56b4e9", "ignored": "#515c6b",
}  # fmt: skip


def _variables(colours: Mapping[str, str], scheme: str) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items()) + f"color-scheme:{scheme}"


def _style() -> str:
    light, dark = _variables(LIGHT, "light"), _variables(DARK, "dark")
    return (
        f".rx{{{light}}}html[data-theme=dark] .rx,.rx.rx-dark{{{dark}}}"
        f"@media (prefers-color-scheme:dark){{html:not([data-theme]) .rx:not(.rx-light){{{dark}}}}}"
        + (HERE / "shell.css").read_text(encoding="utf-8")
    )


def explorable(kind: str, title: str, lead: str, picture: str, caption: str, data: Mapping[str, Any]) -> HTML:
    """Self-contained HTML of one explorable.

    Args:
        kind: the script is `kind.js` beside this file; it finds the helpers of `shell.js` and `data`.
        title, lead: what stands above it.
        picture: SVG for readers without JavaScript.
        caption: below the picture: what it shows, with the answer.
        data: JSON that the script reads; a NaN becomes null.

    Raises:
        ValueError: more than `MOST_BYTES`.
    """
    script = "".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("shell.js", f"{kind}.js")
    )  # one function around both: nothing of it is visible to the page or to another explorable
    style = (HERE / f"{kind}.css").read_text(encoding="utf-8") if (HERE / f"{kind}.css").exists() else ""
    text = (
        f'<div class="rx rx-{kind}" data-kind="{kind}" role="group" aria-label="{escape(title)}">'
        f"<style>{_style()}{style}</style>"
        f'<div class="rx-card"><p class="rx-title">{escape(title)}</p><p class="rx-lead">{escape(lead)}</p>'
        f'<figure class="rx-static">{picture}<figcaption>{_rich(caption)}</figcaption></figure></div>'
        f'<script>(function(){{const KIND="{kind}",DATA={_json(data)};\n{script}}})();</script></div>'
    )
    size = len(text.encode())
    if size > MOST_BYTES:
        raise ValueError(f"{kind}: {size:,} bytes of HTML, at most {MOST_BYTES:,}: give it less data")
    return HTML(text)


def _rich(text: str) -> str:
    """Text as HTML, the index of a delta below the line."""
    return re.sub("δ([ws])", r"δ<sub>\1</sub>", escape(text))


def _json(data: Any) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(_plain(data), separators=(",", ":"), allow_nan=False).replace("</", "<\\/")


def _plain(value: Any) -> Any:
    """Arrays as lists, NaN as None."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value


def packed(*arrays: np.ndarray) -> str:
    """Bytes of uint8 arrays, one after the other, as zlib and base64; `unpack` of shell.js reads them.

    Raises:
        ValueError: an array that is not uint8.
    """
    if any(array.dtype != np.uint8 for array in arrays):
        raise ValueError(f"arrays of {', '.join(str(array.dtype) for array in arrays)}: give uint8")
    return base64.b64encode(zlib.compress(b"".join(array.tobytes() for array in arrays), 9)).decode()


def few_colours(image: Any, colours: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """An image in few colours, which the eye takes for the same and which packs well.

    Args:
        image: (3, H, W) in [0, 1].
        colours: at most 256.

    Returns:
        (H, W) uint8 numbers of colours, and the table (colours, 3) uint8.
    """
    pixels = (255 * np.clip(np.asarray(image, dtype=float), 0, 1)).round().astype(np.uint8).transpose(1, 2, 0)
    made = Image.fromarray(pixels).quantize(colours, dither=Image.Dither.NONE)
    table = np.zeros((colours, 3), dtype=np.uint8)
    found = np.array(made.getpalette(), dtype=np.uint8).reshape(-1, 3)[:colours]
    table[: len(found)] = found
    return np.asarray(made, dtype=np.uint8), table


def as_bytes(share: Any) -> np.ndarray:
    """Numbers in [0, 1] as 0 to 255; both the page and Python compare n / 255."""
    return np.clip(np.round(255 * np.asarray(share, dtype=float)), 0, 255).astype(np.uint8)


def colour_table(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """(256, 3) uint8; white where there is no class."""
    table = np.full((256, 3), 255, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table


def css(colour: Sequence[int]) -> str:
    """A palette's colour for SVG."""
    return "#" + "".join(f"{int(value):02x}" for value in colour)


def svg(width: float, height: float, label: str, *parts: str) -> str:
    """A picture of that many units, with its alternative text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def mark(tag: str, content: str = "", **attributes: Any) -> str:
    """One element of SVG; underscores in names stand for hyphens, numbers are rounded to a tenth."""
    written = (
        f' {name.rstrip("_").replace("_", "-")}="{round(value, 1) if isinstance(value, float) else value}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{''.join(written)}>{content}</{tag}>"


def words(x: float, y: float, content: str, size: float = 13, anchor: str = "start", fill: str = "var(--ink)") -> str:
    """Text of SVG."""
    return mark(
        "text", escape(content), x=float(x), y=float(y), font_size=size, text_anchor=anchor, style=f"fill:{fill}"
    )


def pixels(image: np.ndarray, x: float, y: float, side: float) -> str:
    """An image (H, W, 3) uint8 with at most 256 colours in SVG, `side` wide, its pixels as squares."""
    file = io.BytesIO()
    Image.fromarray(image).quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    height = side * image.shape[0] / image.shape[1]
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    place = {"x": float(x), "y": float(y), "width": float(side), "height": height}
    return mark("image", href=address, **place, style="image-rendering:pixelated")
