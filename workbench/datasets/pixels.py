"""One image file as an array."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg")
COLOURS = {"grey": 1, "rgb": 3}
"""Channels by the names of what is kept of an image."""

_MODES = {"grey": "L", "rgb": "RGB"}
_ORIENTATION = 0x0112  # in EXIF; from 5 up the image is turned by a quarter


def decoded(path: Path, size: tuple[int, int], colour: str) -> NDArray[np.uint8]:
    """The image of a PNG or JPEG file, [c, h, w], scaled to cover `size` (height, width) and cut in the middle.

    It is turned as its EXIF data say; transparent pixels become white. `DataError` that names the file if it is broken.
    """
    with _opened(path) as image:
        from PIL import ImageOps

        height, width = size
        image.draft(None, (2 * max(size), 2 * max(size)))  # a large JPEG is decoded at a fraction of its size
        upright = _opaque(ImageOps.exif_transpose(image)).convert(_MODES[colour])
        if upright.size != (width, height):
            upright = ImageOps.fit(upright, (width, height))
        pixels = np.array(upright)
    return pixels[np.newaxis] if colour == "grey" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of the image of a file; `DataError` as in `decoded`."""
    with _opened(path) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION, 1) >= 5
    return (width, height) if turned else (height, width)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An image of Pillow; whatever goes wrong with it becomes a `DataError` that names the file."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise DataError(
            "folders of images need Pillow; install it with: pip install 'neuron-workbench[data]'"
        ) from None
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
                raise ValueError(f"{image.width}×{image.height} pixels are too many")
            yield image
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a PNG or JPEG file") from None
    except Exception as error:  # decoders raise much besides OSError: SyntaxError, struct.error, zlib.error, …
        raise DataError(f"{path}: {' '.join(str(error).split()) or type(error).__name__}") from None


def _opaque(image: Any) -> Any:
    """The image without transparency and with 8 bits a channel."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(image).astype(np.int64) // 257).clip(0, 255).astype(np.uint8))
    if "A" in image.mode.upper().replace("LAB", "") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image
