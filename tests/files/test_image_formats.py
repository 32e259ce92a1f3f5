"""Images are read in the formats that are offered, told by content, and in no other."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from layercli.errors import FormatError
from layercli.formats.image_dataset import image_dataset_from_directory
from layercli.formats.images import ENDINGS, read_images

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n0 0 moveto showpage\n%%EOF\n"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + (32).to_bytes(4, "little") + len(EPS).to_bytes(4, "little") + bytes(20) + EPS
XPM = b'/* XPM */\nstatic char * x[] = {\n"2 1 1 1",\n". c #FF0000",\n"..",\n};\n'
OTHERS = {"eps": EPS, "dos-eps": DOS_EPS, "xpm": XPM}
WRITTEN = ["TGA", "PCX", "ICO", "PDF", "SGI", "JPEG2000", "DDS", "MSP"]


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """Programs called gs, first on the path, that leave a file where they are started."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("gs", "ghostscript", "gswin32c", "gswin64c"):
        (place / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 0\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "started"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("content", OTHERS)
def test_another_format_is_not_opened_whatever_it_is_named(tmp_path, ghostscript, ending, content):
    folder = tmp_path / "photos" / "cat"
    folder.mkdir(parents=True)
    file = folder / f"x{ending}"
    file.write_bytes(OTHERS[content])
    with pytest.raises(FormatError) as raised:
        read_images(str(file), (None, None), 3)
    assert str(raised.value) == f"{file} is not an image, or is damaged"
    with pytest.raises(FormatError):
        next(iter(image_dataset_from_directory(tmp_path / "photos")))
    assert not ghostscript.exists()


@pytest.mark.parametrize("format", WRITTEN)
def test_what_pillow_writes_in_other_formats_is_refused(tmp_path, format):
    file = tmp_path / "x.png"
    with open(file, "wb") as stream:
        Image.new("1" if format == "MSP" else "RGB", (32, 32)).save(stream, format)
    with pytest.raises(FormatError, match="is not an image, or is damaged"):
        read_images(str(file), (None, None), 3)


WANTED = ["PNG", "JPEG", "JPEG", "BMP", "GIF", "TIFF", "TIFF", "WEBP", "PPM", "PPM"]


@pytest.mark.parametrize(("ending", "format"), list(zip(ENDINGS, WANTED, strict=True)))
def test_every_format_that_is_offered_is_read_under_any_name(tmp_path, ending, format):
    pixels = np.full((3, 4, 3), 255, np.uint8)
    for file in (tmp_path / f"x{ending}", tmp_path / "other.png"):
        Image.fromarray(pixels).save(file, format)
        np.testing.assert_array_equal(read_images(str(file), (None, None), 3), pixels[None])
