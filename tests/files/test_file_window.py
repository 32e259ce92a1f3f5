"""A window over a file reads like the bytes that it covers."""

import io
import os
import random

import pytest

from layercli.formats.file_window import FileWindow


def test_it_reads_and_seeks_as_its_bytes_alone(tmp_path):
    content = random.Random(0).randbytes(5000)
    (tmp_path / "f").write_bytes(content)
    part, chance = io.BytesIO(content[1000:3500]), random.Random(1)
    with io.BufferedReader(FileWindow(tmp_path / "f", 1000, 2500), 64) as window:
        for _ in range(200):
            place, whence = chance.choice(
                [(chance.randrange(3000), os.SEEK_SET), (-chance.randrange(2500), os.SEEK_END)]
            )
            assert window.seek(place, whence) == part.seek(place, whence)
            count = chance.randrange(700)
            assert window.read(count) == part.read(count)
            assert window.tell() == part.tell()
    with FileWindow(tmp_path / "f", 1000, 2500) as window, pytest.raises(ValueError, match="negative place"):
        window.seek(-1)
