"""Folders of texts and of sounds: batches, labels, subsets, and what is refused."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from layercli import Sequential, layers, utils
from layercli.errors import FileError, FormatError, UsageError


@pytest.fixture
def reviews(tmp_path):
    for kind, words in (("neg", ["bad", "äbad", "worse"]), ("pos", ["good", "better", "best"])):
        (tmp_path / kind).mkdir()
        for number, word in enumerate(words):
            (tmp_path / kind / f"{number}.txt").write_text(word, encoding="utf-8")
    (tmp_path / "neg" / "._0.txt").write_text("hidden")
    return tmp_path


def test_texts_are_read_batch_by_batch(reviews):
    found = utils.text_dataset_from_directory(reviews, batch_size=4, shuffle=False)
    assert found.class_names == ["neg", "pos"]
    assert [(list(x), y.tolist()) for x, y in found] == [
        (["bad", "äbad", "worse", "good"], [0, 0, 0, 1]),
        (["better", "best"], [1, 1]),
    ]
    cut = utils.text_dataset_from_directory(reviews, labels=None, max_length=2, shuffle=False)
    assert [list(x) for x in cut] == [["ba", "ä", "wo", "go", "be", "be"]]
    one = utils.text_dataset_from_directory(reviews, label_mode="categorical", batch_size=None, shuffle=False)
    assert (len(one), one[5][0], one[5][1].tolist()) == (6, "best", [0, 1])


def test_texts_train_a_model_and_split_as_images_do(reviews):
    settings = {"batch_size": 2, "validation_split": 0.5, "seed": 3, "label_mode": "binary"}
    train, held = utils.text_dataset_from_directory(reviews, subset="both", **settings)
    texts = [text for part in (train, held) for x, _ in part for text in x]
    assert sorted(texts) == ["bad", "best", "better", "good", "worse", "äbad"]
    assert len(train.file_paths) == len(held.file_paths) == 3
    lookup = layers.TextVectorization(max_tokens=8, output_mode="multi_hot")
    lookup.adapt([text for x, _ in train for text in x])
    model = Sequential([lookup, layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    history = model.fit(train, validation_data=held, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


def sound(file, values, width, channels=1, rate=8000):
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(channels), opened.setsampwidth(width), opened.setframerate(rate)
        whole = [round(value * (1 << (8 * width - 1))) + (128 if width == 1 else 0) for value in values]
        opened.writeframes(b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in whole))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_are_floats_of_every_width(tmp_path, width):
    (tmp_path / "a").mkdir()
    sound(tmp_path / "a" / "0.wav", [0.5, -1.0, 0.0, -0.25], width, channels=2)
    sound(tmp_path / "a" / "1.wav", [0.25, 0.75], width, channels=2)
    ((x, y),) = utils.audio_dataset_from_directory(tmp_path, shuffle=False, sampling_rate=8000)
    assert x.dtype == np.float32
    assert x.tolist() == [[[0.5, -1.0], [0.0, -0.25]], [[0.25, 0.75], [0.0, 0.0]]]
    assert y.tolist() == [0, 0]
    (cut,) = utils.audio_dataset_from_directory(tmp_path, None, output_sequence_length=1, shuffle=False)
    assert cut.tolist() == [[[0.5, -1.0]], [[0.25, 0.75]]]


def test_what_does_not_fit_is_refused(tmp_path, reviews):
    (tmp_path / "neg" / "bytes.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "pos" / "no.wav").write_bytes(b"RIFF\x04\0\0\0junk")
    sound(tmp_path / "neg" / "a.wav", [0.0], 2)
    text, audio = utils.text_dataset_from_directory, utils.audio_dataset_from_directory
    cases = [
        (FormatError, "is not UTF-8", lambda: list(text(reviews))),
        (FormatError, r"no\.wav is no \.wav file of integers", lambda: list(audio(reviews))),
        (UsageError, "has 8000 samples a second, not 16000", lambda: audio(reviews, sampling_rate=16000, shuffle=False)[0]),
        (UsageError, "no ragged batches", lambda: audio(reviews, ragged=True)),
        (FileError, "does not exist", lambda: text(tmp_path / "nowhere")),
        (FileError, "has no subfolders", lambda: text(tmp_path / "neg")),
        (UsageError, "validation_split and subset go together", lambda: text(reviews, subset="training")),
        (UsageError, "label_mode is int", lambda: text(reviews, label_mode="float")),
        (UsageError, "has the classes neg, pos", lambda: text(reviews, class_names=["a", "b"])),
    ]  # fmt: skip
    for error, words, call in cases:
        with pytest.raises(error, match=words):
            call()
