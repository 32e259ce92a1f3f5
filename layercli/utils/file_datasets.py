"""Texts and sounds in the subfolders of a folder, one per class, as datasets that are read batch by batch."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats.labelled_folder import FolderArguments, LabelledFiles
from layercli.utils.py_dataset import PyDataset

Folder = str | os.PathLike[str]


class FileDataset(PyDataset):
    """Batches of files and their labels: ``(x, y)``, or ``x`` alone; ``class_names`` and ``file_paths`` say which.

    Iteration takes the files in their order, or shuffled by ``seed``.
    """

    def __init__(
        self,
        found: LabelledFiles,
        stacked: Callable[[Sequence[Path]], np.ndarray],
        label_mode: str | None,
        batch_size: int | None,
    ) -> None:
        super().__init__()
        self._found, self._stacked, self._label_mode, self._batch_size = found, stacked, label_mode, batch_size
        self.class_names = list(found.class_names)
        self.file_paths = list(map(str, found.files))

    def __len__(self) -> int:
        return -(-len(self._found) // (self._batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = self._batch_size or 1
        places = range(index * size, min((index + 1) * size, len(self._found)))
        x, y = self._stacked([self._found.files[i] for i in places]), self._found.labels(places, self._label_mode)
        if self._batch_size is None:
            x, y = x[0], None if y is None else y[0]
        return x if y is None else (x, y)

    def __iter__(self) -> Iterator[Any]:
        yield from (self[index] for index in range(len(self)))


def text_dataset_from_directory(
    directory: Folder,
    labels: object = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the texts of the .txt files in the subfolders of ``directory``, one per class, to iterate over or to pass to fit.

    A batch is (texts, labels), the texts an array of str, at most ``max_length`` bytes of UTF-8 of each file. The other arguments
    are those of image_dataset_from_directory; ``format`` changes nothing. Raises UsageError for
    settings that do not fit, FileError for a folder or file that cannot be read, FormatError for text that is not UTF-8.
    """

    def stacked(files: Sequence[Path]) -> np.ndarray:
        return np.array([_text(file, max_length) for file in files], dtype=object)

    given = FolderArguments(labels, label_mode, class_names, seed, validation_split, subset, follow_links, verbose)
    return given.datasets(directory, (".txt",), "texts", _batches(stacked, batch_size, shuffle, seed))


def audio_dataset_from_directory(
    directory: Folder,
    labels: object = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return the sounds of the .wav files in the subfolders of ``directory``, one per class, to iterate over or to pass to fit.

    A batch is (sounds, labels), the sounds float32[batch, samples, channels] from -1 to 1: cut or padded with zeros at the end to
    ``output_sequence_length`` samples, or padded to the longest of the batch. Files are integers (PCM) of 8, 16, 24 or 32 bits, at
    one ``sampling_rate`` if it is given. The other arguments are those of image_dataset_from_directory. Raises UsageError for
    settings that do not fit, for ``ragged``, and for another rate; FileError for a folder or file that cannot be read; FormatError
    for one that is no such sound.
    """
    if ragged:
        raise UsageError("audio_dataset_from_directory has no ragged batches: layercli computes dense ones")

    def stacked(files: Sequence[Path]) -> np.ndarray:
        sounds = [_sound(file, sampling_rate) for file in files]
        if len({sound.shape[1] for sound in sounds}) > 1:
            raise UsageError("the sounds of a batch have different numbers of channels")
        length = output_sequence_length or max(map(len, sounds))
        cut = [sound[:length] for sound in sounds]
        return np.stack([np.pad(sound, ((0, length - len(sound)), (0, 0))) for sound in cut])

    given = FolderArguments(labels, label_mode, class_names, seed, validation_split, subset, follow_links, verbose)
    return given.datasets(directory, (".wav",), "sounds", _batches(stacked, batch_size, shuffle, seed))


def _batches(
    stacked: Callable[[Sequence[Path]], np.ndarray], batch_size: int | None, shuffle: bool, seed: int | None
) -> Callable[[LabelledFiles, str | None], FileDataset]:
    """Return what makes the dataset of files; ``stacked`` reads those of a batch."""

    def made(part: LabelledFiles, label_mode: str | None) -> FileDataset:
        if shuffle:
            part = part.part(np.random.default_rng(seed).permutation(len(part)).tolist())
        return FileDataset(part, stacked, label_mode, batch_size)

    return made


def _text(file: Path, max_length: int | None) -> str:
    try:
        with open(file, "rb") as opened:
            raw = opened.read(-1 if max_length is None else max_length)
        return raw.decode("utf-8", "strict" if max_length is None else "ignore")  # a cut may fall into a letter
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{file} is not UTF-8") from error


def _sound(file: Path, sampling_rate: int | None) -> np.ndarray:
    """Return a sound as float32[samples, channels]."""
    try:
        with wave.open(str(file), "rb") as opened:
            width, channels, rate = opened.getsampwidth(), opened.getnchannels(), opened.getframerate()
            raw = opened.readframes(opened.getnframes())
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror}") from error
    except (wave.Error, EOFError) as error:
        raise FormatError(f"{file} is no .wav file of integers: {error}") from error
    if sampling_rate is not None and rate != sampling_rate:
        raise UsageError(f"{file} has {rate} samples a second, not {sampling_rate}", hint="layercli does not resample")
    if width not in (1, 2, 3, 4):
        raise FormatError(f"{file} has samples of {width} bytes")
    data = np.frombuffer(raw, np.uint8)[: len(raw) // (width * channels) * width * channels].reshape(-1, width)
    if width == 1:  # the only width without a sign
        values = data[:, 0].astype(np.float32) / 128 - 1
    else:
        filled = np.zeros((len(data), 4), np.uint8)
        filled[:, 4 - width :] = data
        values = (filled.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    return values.reshape(-1, channels)
