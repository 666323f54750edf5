"""A photograph file -> upright 8-bit sRGB pixels, the only way skinlab ever reads one.

The order matters: the file is checked (`picture_file`), its header is held against the limits, it
is decoded completely (reading EXIF before would hide a damaged PNG behind a black picture), colors
become sRGB, transparency becomes white, and the EXIF orientation is applied last.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from skinlab.preprocess.picture_file import picture_bytes, refused
from skinlab.tables.errors import InputError

LIMIT_SETTING = "SKINLAB_MAX_MEGAPIXELS"
LIMIT_DEFAULT = 64
SCALED_DECODING = 4  # a JPEG may have this many times the limit when it is decoded at 1/2 or less
OVERSAMPLING = 2  # a JPEG is decoded at this many times the size that is asked for, or more
# EXIF orientation -> what makes the picture upright; 5 to 8 exchange width and height.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
DNG_VERSION = 50706
BITS_PER_SAMPLE = 258
SRGB_GAMMA = 1 / 2.2
# Colors of a profile that is sRGB come out within this many levels of 255.
SAME_COLOR = 2

_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Photograph:
    """Decoded pixels and what had to be done to them.

    Attributes:
        pixels: ``(H, W, 3)`` uint8 sRGB, upright.
        notes: What was converted, for a person: "16-bit gray scaled to 8 bits", …
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_photograph(path: Path, root: Path, *, at_least: int | None = None) -> NDArray[np.uint8]:
    """Read a photograph's upright pixels.

    Args:
        path: The file; relative paths stand below `root`.
        root: Folder of the data set; nothing outside it is opened.
        at_least: Side in pixels that the short side will be reduced to afterwards. A JPEG is then
            decoded at 1/2, 1/4 or 1/8 where that still leaves twice this size, which is much
            faster; None decodes every pixel.

    Returns:
        ``(H, W, 3)`` uint8 sRGB; of full size, or reduced by `at_least`.

    Raises:
        InputError: One line that names the file, what is wrong and what would do.
    """
    content, format_ = picture_bytes(path, root)
    return decode(content, format_, path, at_least=at_least).pixels


def photograph_size(path: Path, root: Path) -> tuple[int, int]:
    """Return the upright ``(width, height)`` in pixels from the header, without decoding.

    Raises:
        InputError: As `read_photograph`, as far as the header shows it.
    """
    content, format_ = picture_bytes(path, root)
    return upright_size(content, format_, path)


def upright_size(content: bytes, format_: str, path: Path) -> tuple[int, int]:
    """Return the upright ``(width, height)`` of a picture's bytes."""
    with _strict(path), _opened(content, format_, path) as image:
        width, height = image.size
        # Pillow already reports a TIFF upright.
        turned = format_ != "TIFF" and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        return (height, width) if turned else (width, height)


def decode(content: bytes, format_: str, path: Path, *, at_least: int | None = None) -> Photograph:
    """Turn a picture's bytes into upright sRGB pixels; `path` is for messages only."""
    with open_photograph(content, format_, path, at_least=at_least) as (picture, notes):
        return Photograph(np.asarray(picture, dtype=np.uint8), notes)


@contextmanager
def open_photograph(
    content: bytes, format_: str, path: Path, *, at_least: int | None = None
) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Yield an upright 8-bit sRGB picture and what was converted; see `read_photograph`."""
    with decoded(content, format_, path, at_least=at_least) as (image, turn):
        notes: list[str] = []
        picture = _to_srgb(_to_eight_bit(image, path, notes), path, notes)
        yield picture if turn is None else picture.transpose(turn), tuple(notes)


@contextmanager
def decoded(
    content: bytes, format_: str, path: Path, *, at_least: int | None = None
) -> Iterator[tuple[Image.Image, Image.Transpose | None]]:
    """Yield a completely decoded picture as its file has it, and the turn that makes it upright.

    Whatever fails inside the block is a refusal that names the file.
    """
    with _strict(path):
        if format_ == "PNG":
            with _opened(content, format_, path) as image:
                image.verify()  # CRCs of all chunks; `load` alone passes over those of the pixels
        with _opened(content, format_, path) as image:
            full_size = image.size
            if at_least is not None and format_ == "JPEG":
                side = OVERSAMPLING * at_least
                image.draft(None, (side, side))
            # All coefficients of a progressive JPEG are kept, whatever size is decoded to.
            width, height = full_size if image.info.get("progressive") else image.size
            if width * height > 1e6 * megapixel_limit():
                raise _too_large(path, f"{width}x{height} pixels")
            image.load()
            yield image, UPRIGHT.get(image.getexif().get(ORIENTATION, 1))


def megapixel_limit() -> float:
    """Return the largest picture that is decoded, in megapixels (``SKINLAB_MAX_MEGAPIXELS``).

    Raises:
        InputError: The setting is not a positive number.
    """
    text = os.environ.get(LIMIT_SETTING, str(LIMIT_DEFAULT))
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise InputError(f"{LIMIT_SETTING} is {text!r}; give a number of megapixels, such as 64")
    return value


@contextmanager
def _strict(path: Path) -> Iterator[None]:
    """Turn every warning and failure of a decoder into one refusal that names the file.

    Python's warning filters belong to the process, so one thread decodes at a time; read in
    several processes for speed.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        pillow_limit = Image.MAX_IMAGE_PIXELS
        try:
            # skinlab's own limit stands in `_opened`: a JPEG at 1/8 needs 1/64 of the memory.
            Image.MAX_IMAGE_PIXELS = None
            yield
        except InputError:
            raise
        except MemoryError as error:
            raise refused(path, "does not fit into memory", f"lower {LIMIT_SETTING}") from error
        except Exception as error:  # decoders raise nearly every kind on damaged files
            reason = " ".join(str(error).split()).replace(repr(path), "it") or type(error).__name__
            what = f"is damaged or truncated ({reason[:160]})"
            raise refused(path, what, "copy it again from the original") from error
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit


@contextmanager
def _opened(content: bytes, format_: str, path: Path) -> Iterator[Image.Image]:
    """Open a picture's header with the one decoder its first bytes ask for."""
    limit = megapixel_limit()
    try:
        image = Image.open(io.BytesIO(content), formats=(format_,))
    except UnidentifiedImageError as error:
        what = f"begins like {format_} but its header is damaged or of an unknown kind"
        raise refused(path, what, "copy it again from the original, or save it as PNG") from error
    with image:
        width, height = image.size
        if width * height > 1e6 * limit * (SCALED_DECODING if format_ == "JPEG" else 1):
            raise _too_large(path, f"{width}x{height} pixels")
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # phones put a second view into an MPO
            raise refused(path, f"holds {frames} pictures", "save the one that is meant as PNG")
        if format_ == "TIFF" and DNG_VERSION in image.tag_v2:  # type: ignore[attr-defined]
            raise refused(path, "is a camera's raw file (DNG)", "save it as JPEG or PNG")
        yield image


def _too_large(path: Path, found: str) -> InputError:
    what = f"is too large to decode ({found}; the limit is {megapixel_limit():g} megapixels)"
    return refused(path, what, f"make it smaller or set {LIMIT_SETTING} higher")


def _to_eight_bit(image: Image.Image, path: Path, notes: list[str]) -> Image.Image:
    """Scale 16-bit gray to 8 bits over its whole range; leave 8-bit pictures alone."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint32)
        bits = 16
        if image.format == "TIFF":
            bits = int(image.tag_v2.get(BITS_PER_SAMPLE, (16,))[0])  # type: ignore[attr-defined]
        top = (1 << bits) - 1
        if bits == 16 and 255 < values.max() < 4096:
            what = "is 16-bit but looks like 12-bit values (none above 4095)"
            raise refused(path, what, "save it as 8-bit PNG with the right brightness")
        notes.append(f"{bits}-bit gray scaled to 8 bits")
        return Image.fromarray(((values * 255 + top // 2) // top).astype(np.uint8))
    if image.mode in ("I", "F"):
        what = "has pixels of 32 bits, whose white is not known"
        raise refused(path, what, "save it as 8-bit PNG or JPEG")
    return image


def _to_srgb(image: Image.Image, path: Path, notes: list[str]) -> Image.Image:
    """Bring any color mode and profile to sRGB, transparency on white."""
    profile = image.info.get("icc_profile")
    gamma = image.info.get("gamma")
    if gamma and not profile and "srgb" not in image.info and abs(gamma - SRGB_GAMMA) > 0.06:
        what = f"is a PNG of gamma {gamma:g}, not sRGB"
        raise refused(path, what, "save it as sRGB")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    if image.mode in ("1", "P", "PA", "LA", "YCbCr", "RGBX", "HSV"):
        image = image.convert("RGB")
    if profile:
        image = _from_profile(image, bytes(profile), path, notes)
    if image.mode == "CMYK":
        notes.append("CMYK without a profile converted to sRGB")
    if image.mode != "RGB":
        if image.mode not in ("L", "CMYK"):
            raise refused(path, f"has the color mode {image.mode}", "save it as sRGB")
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        notes.append("transparent pixels put on white")
        image = Image.composite(image, Image.new("RGB", image.size, (255, 255, 255)), alpha)
    return image


def _from_profile(image: Image.Image, profile: bytes, path: Path, notes: list[str]) -> Image.Image:
    space = {b"RGB ": "RGB", b"CMYK": "CMYK", b"GRAY": "L"}.get(profile[16:20])
    if space == "RGB" and image.mode == "L":
        image = image.convert("RGB")
    if space != image.mode:
        found = profile[16:20].decode("latin-1").strip() or "nothing known"
        what = f"has a color profile for {found} but pixels in {image.mode}"
        raise refused(path, what, "save it as sRGB")
    try:
        transform = _transform(profile, image.mode)
    except (ImageCms.PyCMSError, OSError) as error:
        raise refused(path, "has a damaged color profile", "save it as sRGB") from error
    if transform is None:
        return image
    notes.append(f"{image.mode} colors converted by their profile to sRGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only in-place conversion returns None
    return converted


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None where it changes no color visibly."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode == "CMYK":
        return transform
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(64, 64, 3)
    probe = Image.fromarray(colors if mode == "RGB" else np.repeat(levels, 4)[None])
    colors = np.asarray(probe.convert("RGB"), dtype=np.int16)
    after = ImageCms.applyTransform(probe, transform)
    difference = np.abs(np.asarray(after, dtype=np.int16) - colors)
    return None if int(difference.max()) <= SAME_COLOR else transform
