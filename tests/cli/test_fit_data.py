"""What --data may be: files of arrays, several files, tables, folders of images; and what is said of others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from layercli.formats import safetensors

RNG = np.random.default_rng(3)
X = RNG.standard_normal((40, 2))
Y = X @ np.array([[3.0], [-1.0]]) + 2
WEIGHTS = RNG.uniform(0.5, 2, 40)
FIT = "fit net.py:line --loss mse --optimizer sgd:learning_rate=0.1 --epochs 2 --batch-size 8 -f json"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the same data in every format, and images, to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "from layercli import Input, Sequential, layers\n"
        "def line():\n"
        "    return Sequential([Input((2,)), layers.Dense(1)], name='net')\n"
        "def two():\n"
        "    return Sequential([layers.Flatten(), layers.Dense(2)], name='two')\n"
    )
    np.savez("all.npz", x=X, y=Y, sample_weight=WEIGHTS)
    np.savez_compressed("small.npz", x=X, y=Y, sample_weight=WEIGHTS)
    safetensors.save("all.safetensors", {"x": X, "y": Y, "sample_weight": WEIGHTS})
    for name, array in (("x", X), ("y", Y), ("w", WEIGHTS)):
        np.save(f"{name}.npy", array)
    table = np.column_stack([X, Y, WEIGHTS])
    np.savetxt("all.csv", table, delimiter=",", header="a,b,y,sample_weight", comments="", fmt="%.17g")
    np.savetxt("bare.csv", table, delimiter=",")
    for i in range(12):
        name = ("dark", "light")[i % 2]
        for part in ("photos", "others"):
            (tmp_path / part / (name if part == "photos" else name.upper())).mkdir(parents=True, exist_ok=True)
        level = 200 * (i % 2) + i
        Image.fromarray(np.full((5, 4), level, "uint8")).save(f"photos/{name}/{i}.png")
        Image.fromarray(np.full((5, 4), level, "uint8")).save(f"others/{name.upper()}/{i}.png")
    return tmp_path


SAME = [
    "small.npz",
    "all.safetensors",
    "all.csv",
    "x.npy,y.npy,w.npy",
    "y=y.npy,x=x.npy,sample_weight=w.npy",
    "all.npz:x,y=all.npz:y,w.npy",
]


def test_every_format_trains_alike(cli, folder):
    expected = json.loads(cli(f"{FIT} --data all.npz").out)["epochs"]
    assert expected[1]["loss"] < expected[0]["loss"]
    for data in SAME:
        done = cli(f"{FIT} --data {data} --validation {data}")
        assert done.code == 0, done.err
        epochs = json.loads(done.out)["epochs"]
        assert [row["loss"] for row in epochs] == [row["loss"] for row in expected], data


IMAGES = "net.py:two --data photos --input-shape 8,3,3,1 --loss crossentropy --metrics accuracy"


def test_a_folder_of_images(cli, folder):
    fit = f"fit {IMAGES} --rescale -1,1 --validation photos/ --epochs 20 --optimizer adam:learning_rate=0.1"
    done = cli(f"{fit.replace('crossentropy', 'sparse_categorical_crossentropy:from_logits=true')} --save m.weights.h5")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-4:] == [
        "Parameters:  20", "Device:      cpu", "Classes:     dark, light", "Saved:       m.weights.h5",
    ]  # fmt: skip
    evaluate = f"evaluate {IMAGES} --rescale -1,1 --weights m.weights.h5 -f json"
    measured = json.loads(cli(evaluate.replace("crossentropy", "sparse_categorical_crossentropy:from_logits=true")).out)
    assert measured["accuracy"] == 1


def test_a_file_with_an_optimizer_is_evaluated(cli, folder):
    saved = FIT.replace("sgd:learning_rate=0.1", "adam")
    last = json.loads(cli(f"{saved} --data all.npz --save m.weights.h5 --validation all.npz").out)["epochs"][-1]
    found = json.loads(cli("evaluate net.py:line --data all.npz --loss mse --weights m.weights.h5 -f json").out)
    assert found["loss"] == pytest.approx(last["val_loss"])


WRONG = [
    (f"{FIT} --data x.npy", "x.npy holds one array, and training needs x and y", "--data x.npy,y.npy"),
    (
        f"{FIT} --data all.npz --validation x.npy",
        "x.npy holds one array, and training needs x and y",
        "--data x.npy,y.npy",
    ),
    (f"{FIT} --data x.npy,z.npy", "z.npy does not exist", "did you mean y.npy or x.npy or w.npy?"),
    (f"{FIT} --data x.npy,q=y.npy", "data is x, y and sample_weight, got 'q'", "--data x=a.npy,y=b.npy"),
    (f"{FIT} --data x=x.npy,x=y.npy", "x is given twice", None),
    (f"{FIT} --data x.npy,all.npz", "all.npz holds x, y, sample_weight: say which of them is y", "y=all.npz:x"),
    (
        f"{FIT} --data bare.csv",
        "bare.csv has the columns 0, 1, 2, 3, and training needs y and others",
        "the column y is the target, all others are x",
    ),
    (
        f"fit {IMAGES}".replace(" --input-shape 8,3,3,1", ""),
        "two does not say what images it takes",
        "--input-shape 32,224,224,3 says it, batch first",
    ),
    (
        f"fit {IMAGES}".replace("8,3,3,1", "8,9"),
        "images are [batch, height, width, channels], the model takes float32[8, 9]",
        "--input-shape changes what it is built for",
    ),
    (f"fit {IMAGES}".replace("3,3,1", "3,3,2"), "images have 1, 3, 4 channels, the model takes 2", None),
    (f"fit {IMAGES} --validation others", "others has the classes DARK, LIGHT, photos has dark, light", None),
    (
        f"fit {IMAGES}".replace("photos", "photos/dark"),
        "photos/dark has no subfolders",
        "one for each class, with its images in it",
    ),
]


@pytest.mark.parametrize(("command", "sentence", "hint"), WRONG, ids=[sentence for _, sentence, _ in WRONG])
def test_wrong_data_is_one_sentence(cli, folder, command, sentence, hint):
    done = cli(command)
    said = f"error: {sentence}\n" + (f"hint: {hint}\n" if hint else "")
    assert (done.code, done.out, done.err) == (2, "", said)
