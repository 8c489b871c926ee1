"""Pictures as people have them: made here, so that what is in them is known."""

import io
import struct
from functools import cache

from PIL import Image, ImageDraw
from pillow_heif import register_heif_opener

register_heif_opener()  # and what writes HEIC

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 160, 60), (30, 60, 200), (255, 255, 255)
CORNERS = (RED, GREEN, BLUE, WHITE)
"""Top left, top right, bottom left, bottom right, of a picture that is upright."""

COMMENT = b"taken by Kim Lee"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>Kim Lee</dc:creator></x:xmpmeta>'
SUVA = {1: "S", 2: (18.0, 8.0, 29.0), 3: "E", 4: (178.0, 26.0, 30.0)}

_TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture lies in the file, when the camera writes down this orientation."""


def scene(width: int = 80, height: int = 60) -> Image.Image:
    """Give a picture with a colour of its own in each quarter."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for at, colour in enumerate(CORNERS):
        left, top = at % 2 * width // 2, at // 2 * height // 2
        draw.rectangle((left, top, left + width // 2, top + height // 2), fill=colour)
    return image


def photo(
    image: Image.Image, orientation: int = 1, *, quality: int = 90, kind: str = "JPEG"
) -> bytes:
    """Give a picture as a camera writes it, JPEG or HEIF: turned, with place and all."""
    turn = _TURNED[orientation]
    lying = image.transpose(turn) if turn is not None else image
    exif = Image.Exif()
    exif[0x0110] = "Camera of Kim Lee"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825).update(SUVA)
    into = io.BytesIO()
    lying.save(into, kind, quality=quality, exif=exif.tobytes(), comment=COMMENT, xmp=XMP)
    return into.getvalue()


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    """Give a picture as a file."""
    into = io.BytesIO()
    image.save(into, kind, **more)
    return into.getvalue()


@cache
def large_photo(orientation: int = 6) -> bytes:
    """Give a photo of more than 8 MB and 12 million pixels, as a phone takes them."""
    grain = Image.effect_noise((4032, 3024), 50)
    image = Image.blend(scene(4032, 3024), Image.merge("RGB", [grain] * 3), 0.3)
    return photo(image, orientation, quality=98)


@cache
def iphone_photo(orientation: int = 6) -> bytes:
    """Give a photo of 12 million pixels in tiles, as an iPhone takes them."""
    image = scene(4032, 3024)
    turn = _TURNED[orientation]
    lying = image.transpose(turn) if turn is not None else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    into = io.BytesIO()
    lying.save(into, "HEIF", quality=50, exif=exif.tobytes(), tile_size=512)
    return into.getvalue()


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    """Give the colours in the middle of each quarter."""
    plain, (width, height) = image.convert("RGB"), image.size
    places = [(width * x // 4, height * y // 4) for y in (1, 3) for x in (1, 3)]
    found = [plain.getpixel(place) for place in places]
    return [one for one in found if isinstance(one, tuple) and len(one) == 3]


def alike(
    found: list[tuple[int, int, int]], wanted: tuple[tuple[int, int, int], ...], within: int = 24
) -> bool:
    """Tell whether colours are the same to the eye."""
    pairs = zip(found, wanted, strict=True)
    return all(abs(a - b) < within for one, other in pairs for a, b in zip(one, other, strict=True))


def profile_with_red_and_blue_changed() -> bytes:
    """Give a colour profile (ICC.1) that is sRGB, but for its red, which is blue, and its blue."""
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"swap\0" + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0" + bytes(3),
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": _xyz(*blue),
        b"gXYZ": _xyz(*green),
        b"bXYZ": _xyz(*red),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    at, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(data), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ",
        bytes(12), b"acsp",
    )  # fmt: skip
    white = _xyz(0.9642, 1.0, 0.8249)[8:]
    head = head.ljust(68, b"\0") + white
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _xyz(*values: float) -> bytes:
    fixed = struct.pack(">3i", *(round(value * 65536) for value in values))
    return b"XYZ " + bytes(4) + fixed
