"""Makes two small, plain pictures of one from a camera; run as a program of its own.

    python darkroom.py < photo.jpg > answer

A decoder of pictures is a large program that reads bytes from anywhere: it works here, in a
process with little memory and no database, which its parent ends when it takes too long.
The answer is a line of JSON, then the bytes of the pictures one after the other. On the line
stand their types and sizes, smallest first; or, under "wrong", what keeps it from being one.
This file imports nothing of ours, so that it starts quickly and has nothing to give away.
"""

import io
import json
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image, ImageCms, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")

MOST_PIXELS = 64_000_000
"""A phone takes 12 to 50 million. What claims more is not decoded at all."""

MOST_MEMORY = 1024 * 1024 * 1024
"""Bytes of address space: 64 million pixels, twice over, and the libraries."""

WIDTHS = (600, 1200)
"""Pixels across: the column of a mail, and twice that for a web page on a fine screen."""

TALLEST = 2
"""Heights to a width. A tall picture is made narrower, or it would fill several screens."""

BYTES = (60_000, 180_000)
"""What each of the two may weigh, as long as it can be had by a lower quality."""

QUALITIES = (84, 78, 72, 66, 60, 52, 44)
"""Of a JPEG, best first. Below the last one sees blocks: rather a heavier picture then."""

COLOURS = 256
"""Of a drawing; a PNG of so few is smaller than a JPEG, and sharp."""

ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by the orientation that the camera wrote down (EXIF 2.32)."""

TOO_MANY = f"has more than {MOST_PIXELS // 1_000_000} million pixels: make it smaller"
TOO_MUCH = "takes too much memory to open: save it as JPEG, smaller"
NO_PICTURE = "is not a JPEG, PNG, WebP, GIF or HEIC picture: save it as JPEG"
NO_HEIC = "is a HEIC picture that cannot be opened: save it as JPEG"
BROKEN = "cannot be read to its end: the file is damaged"

BOXES = b"ftyp"
"""What stands at the fifth byte of a file of boxes (ISO/IEC 14496-12), as HEIC is one."""

LYING = {5, 6, 7, 8}
"""Orientations in which width and height change places."""


class Wrong(Exception):
    """What keeps these bytes from being a picture; the text goes on after the file's name."""


@dataclass(frozen=True, slots=True)
class Print:
    """One finished picture."""

    content: bytes
    media_type: str
    size: tuple[int, int]


def develop(content: bytes) -> list[Print]:
    """Give the pictures, smallest first: upright, in sRGB, and nothing in them but pixels.

    Raises Wrong, and whatever a decoder raises over bytes that are broken.
    """
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with _opened(content) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise Wrong(TOO_MANY)
        is_drawing = opened.format in {"PNG", "GIF"}
        orientation = _orientation(opened)
        profile = opened.info.get("icc_profile")
        box = _box(_upright_size(opened.size, orientation), WIDTHS[-1])
        across = box[::-1] if orientation in LYING else box
        # Of a JPEG, only as much is decoded as is needed; twice that keeps it sharp.
        opened.draft(None, (across[0] * 2, across[1] * 2))
        large = _plain(opened, across, profile)
    if orientation in UPRIGHT:
        large = large.transpose(UPRIGHT[orientation])
    return list(_prints(large, is_drawing=is_drawing))


def _opened(content: bytes) -> Image.Image:
    if content[4:8] != BOXES:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    # A decoder of films stands behind HEIC: it is loaded only for a file that asks for it, with
    # one thread, for each more claims memory of its own, and decodes nothing but the picture.
    import pillow_heif  # noqa: PLC0415

    pillow_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )
    try:
        return Image.open(io.BytesIO(content), formats=("HEIF",))
    except UnidentifiedImageError:
        is_heic = pillow_heif.is_supported(content)
        raise Wrong(NO_HEIC if is_heic else NO_PICTURE) from None


def _orientation(opened: Image.Image) -> int:
    # A camera's notes may be broken where its picture is whole.
    with suppress(Exception):
        return int(opened.getexif().get(ORIENTATION, 1))
    return 1


def _upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in LYING else size


def _box(size: tuple[int, int], width: int) -> tuple[int, int]:
    """Give the size that fits: never larger than it is, never narrower than a pixel."""
    scale = min(1.0, width / size[0], width * TALLEST / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _plain(opened: Image.Image, size: tuple[int, int], profile: bytes | None) -> Image.Image:
    """Give the picture in this size, opaque, with eight bits a colour, in sRGB."""
    image: Image.Image = opened
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode.startswith("I"):
        # Sixteen bits of grey; converting alone would cut them off at 255.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    if alpha is not None:
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    if alpha is not None:
        # White, in the dark too: what was drawn in black stays to be seen.
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=alpha)
        image = ground
    image.info.clear()
    return image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        # A profile that is broken, or of another kind of colours, says nothing.
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            changed = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if changed is not None:
                return changed
    return image.convert("RGB")


def _prints(large: Image.Image, *, is_drawing: bool) -> Iterator[Print]:
    for width, most in zip(WIDTHS, BYTES, strict=True):
        size = _box(large.size, width)
        image = large.resize(size, Image.Resampling.LANCZOS) if size != large.size else large
        jpeg = _jpeg(image, most)
        png = _png(image) if is_drawing else jpeg
        if len(png) < len(jpeg):
            yield Print(png, "image/png", size)
        else:
            yield Print(jpeg, "image/jpeg", size)


def _jpeg(image: Image.Image, most: int) -> bytes:
    made = b""
    for quality in QUALITIES:
        into = io.BytesIO()
        image.save(into, "JPEG", quality=quality, optimize=True, progressive=True)
        made = into.getvalue()
        if len(made) <= most:
            break
    return made


def _png(image: Image.Image) -> bytes:
    few = image.quantize(COLOURS, dither=Image.Dither.NONE)
    few.info.clear()
    into = io.BytesIO()
    few.save(into, "PNG", optimize=True)
    return into.getvalue()


def _answer(prints: list[Print]) -> bytes:
    line = [[one.media_type, *one.size, len(one.content)] for one in prints]
    contents = [one.content for one in prints]
    return b"".join([json.dumps({"prints": line}).encode(), b"\n", *contents])


def _why(error: Exception) -> str:
    match error:
        case Wrong():
            return str(error)
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return TOO_MANY
        case UnidentifiedImageError():
            return NO_PICTURE
        case MemoryError():
            return TOO_MUCH
        case _:
            return BROKEN


def main() -> None:
    """Answer on standard output, whatever comes in."""
    with suppress(OSError, ValueError):  # some systems do not let a process limit itself
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    try:
        said = _answer(develop(sys.stdin.buffer.read()))
    except Exception as error:  # noqa: BLE001  (decoders raise whatever they like over broken bytes)
        said = json.dumps({"wrong": _why(error)}).encode()
    sys.stdout.buffer.write(said)


if __name__ == "__main__":
    main()
