"""Files in Keras's folder, ``~/.keras`` or what KERAS_HOME says. Nothing is ever fetched over the network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats.os_errors import reading


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file in Keras's folder; FileError says which file to put there if it is missing.

    Args:
        fname: The name of the file; by default that of ``origin``.
        origin: Where the file is found: an address, which is only shown, or ``file:///...``.
        untar: An old name of ``extract``.
        md5_hash: An old name of ``file_hash``.
        file_hash: The MD5 or SHA-256 of the file; FormatError for a file of another.
        cache_subdir: The folder in Keras's folder.
        hash_algorithm: md5, sha256 or auto.
        extract: Whether the file is an archive, to be unpacked beside; the path of the folder is returned.
        archive_format: Accepted as in Keras; the content decides.
        cache_dir: The folder in place of Keras's.
        force_download: Must be false.
    """
    if force_download:
        raise UsageError("get_file never fetches a file over the network, so force_download is refused")
    name = os.fspath(fname) if fname else Path(urlsplit(origin or "").path).name
    if not name or os.sep in name:
        raise UsageError(f"get_file expects the name of a file without folders, got {name!r}")
    folder = Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras") / cache_subdir
    unpack = extract or untar
    stem = name.partition(".")[0]
    unpacked = folder / (f"{stem}_extracted" if fname and "." in name else name)
    target = folder / (name if not unpack or (fname and "." in name) else f"{name}_archive")
    if not target.exists() and origin and urlsplit(origin).scheme == "file":
        from urllib.request import url2pathname

        target = Path(url2pathname(urlsplit(origin).path))
    if unpack and unpacked.is_dir() and not target.exists():
        return str(unpacked)
    if not target.exists():
        raise FileError(f"there is no {target}", hint=f"fetch {origin} and put it there" if origin else None)
    check_hash(target, file_hash or md5_hash, hash_algorithm)
    if unpack and not unpacked.is_dir():
        unpack_archive(target, unpacked)
    return str(unpacked if unpack else target)


def check_hash(file: Path, wanted: str | None, algorithm: str) -> None:
    """Raise FormatError unless the file has that MD5 or SHA-256."""
    if wanted is None:
        return
    if algorithm not in ("auto", "md5", "sha256"):
        raise UsageError(f"hash_algorithm is auto, md5 or sha256, got {algorithm!r}")
    kind = "sha256" if algorithm == "sha256" or (algorithm == "auto" and len(wanted) == 64) else "md5"
    with reading(file), open(file, "rb") as stream:
        found = hashlib.file_digest(stream, kind).hexdigest()
    if found != wanted:
        raise FormatError(f"{file} is not the file that was asked for: its {kind} is {found}, not {wanted}")


def unpack_archive(file: Path, folder: Path) -> None:
    """Unpack a tar or zip archive into a new folder: all of it, or nothing. No entry can leave the folder."""
    import shutil
    import tarfile
    import tempfile
    import zipfile

    with reading(file):
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as zipped:
                    zipped.extractall(place)
            else:
                with tarfile.open(file) as archive:
                    archive.extractall(place, filter="data")
            place.replace(folder)
        except (tarfile.TarError, zipfile.BadZipFile):
            raise FormatError(f"{file} is not a tar or zip archive, or is damaged") from None
        finally:
            shutil.rmtree(place, ignore_errors=True)
