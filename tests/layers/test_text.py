"""Layers over text and categories, against what Keras gives on TensorFlow, which they need there; their files and messages."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from layercli import Input, Model, Sequential, layers, load_model
from layercli.errors import FormatError, LayercliError
from layercli.utils import FeatureSpace
from tests.keras_text_layers import RECORD, TABLE, TEXTS, WORDS, answer, cases, space_of

_, *EXPECTED, ENCODED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_keras_gives_the_same():
    assert len(EXPECTED) == len(cases()) > 200
    for case, expected in zip(cases(), EXPECTED, strict=True):
        found = answer(layers, case)
        assert found[:3] == expected[:3], case
        if "float" in found[1]:
            np.testing.assert_allclose(found[3], expected[3], rtol=0, atol=2e-5, err_msg=str(case))
        else:
            assert found[3] == expected[3], case


def test_functions_standardize_and_split():
    layer = layers.TextVectorization(
        standardize=lambda x: np.char.replace(x, "!", ""),
        split=lambda x: np.char.split(x, ";"),
        vocabulary=["a b", "c"],
    )
    assert layer(["a b!;c", "x;c;c"]).tolist() == [[2, 3, 0], [1, 3, 3]]


def test_batches_and_nested_lists():
    layer = layers.StringLookup()
    layer.adapt((batch for batch in ([["a", "b"]], [["b", b"c"]], [["z"]])), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "c", "a"]
    assert layer([["b", "c"], [b"a", "z"]]).tolist() == [[1, 2], [3, 0]]
    assert layer("c").tolist() == 2


def of_text(output_mode):
    """Return a model over text with a vocabulary from data, one that was given, and weights."""
    vectorize, lookup = (
        layers.TextVectorization(output_mode=output_mode),
        layers.StringLookup(vocabulary=["cat", "dog"]),
    )
    vectorize.adapt(TEXTS)
    text, words = Input((1,), dtype="string"), Input((4,), dtype="string")
    return Model([text, words], [vectorize(text), layers.Embedding(4, 3)(lookup(words))])


@pytest.mark.parametrize("output_mode", ["int", "tf_idf"])
def test_a_model_over_text_goes_through_a_file(output_mode, tmp_path):
    model, x = of_text(output_mode), [TEXTS[:3, None], WORDS]
    expected = [y.detach().numpy() for y in model(x)]
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    for ours, theirs in zip(again(x), expected, strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs)
    assert again.layers[2].get_vocabulary() == model.layers[2].get_vocabulary()
    vectorize = next(each.name for each in model.layers if isinstance(each, layers.TextVectorization))
    assert said(model.save, tmp_path / "m.h5") == f"an .h5 file cannot hold the vocabulary of {vectorize}"


def test_a_vocabulary_from_a_file(tmp_path):
    file = tmp_path / "words.txt"
    file.write_bytes("b\r\nä\n\n".encode())
    layer = layers.StringLookup(vocabulary=str(file))
    assert layer.get_vocabulary() == ["[UNK]", "b", "ä"]
    assert layer.get_config()["vocabulary"] is None
    assert layer.assets() == {"vocabulary.txt": "[UNK]\nb\nä".encode()}
    assert layers.IntegerLookup.from_config(layers.IntegerLookup(vocabulary=[7, 9]).get_config())([9]).tolist() == [2]


def said(function, *args, **kwargs):
    with pytest.raises(LayercliError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_no_config_opens_a_file(tmp_path):
    for name in ("StringLookup", "TextVectorization"):
        config = getattr(layers, name)().get_config() | {"vocabulary": str(tmp_path / "secret")}
        assert said(getattr(layers, name).from_config, config) == (
            "the config names a file with the vocabulary, which is not opened for a config"
        )


def test_damaged_files(tmp_path):
    layer = layers.StringLookup(output_mode="multi_hot", name="s")
    layer.adapt(WORDS)
    with pytest.raises(FormatError):
        layer.load_assets({"vocabulary.txt": b"\xff"})
    assert said(layer.load_assets, {"vocabulary.txt": b"[UNK]\na"}) == (
        "s gives vectors of 8 values, and a vocabulary of 2 tokens would change that"
    )
    layer = layers.StringLookup(vocabulary=["a\nb"], name="s")
    layer.vocabulary = None
    assert said(layer.assets) == "s cannot be saved: the token 'a\\nb' has a line break"


def test_archives_with_damaged_vocabularies(tmp_path):
    model = Sequential([Input((1,), dtype="string"), layers.TextVectorization(name="t")])
    model.layers[-1].adapt(["a b c"])
    model.save(tmp_path / "m.keras")
    for content, reason in (
        (None, "there is no vocabulary.txt for t"),
        (b"\n[UNK]\na\na", "different tokens, got 'a' twice"),
    ):
        with zipfile.ZipFile(tmp_path / "m.keras") as source, zipfile.ZipFile(tmp_path / "n.keras", "w") as target:
            for info in source.infolist():
                held = content if info.filename.startswith("assets") else source.read(info)
                if held is not None:
                    target.writestr(info.filename, held)
        with pytest.raises(FormatError, match=reason):
            load_model(tmp_path / "n.keras")


def test_messages():
    lookup = layers.StringLookup
    assert said(layers.Dense(2, name="d"), WORDS) == "d (Dense) expects numbers, got text"
    assert said(lookup, vocabulary=["a", "b", "a"]) == (
        "StringLookup expects a vocabulary of different tokens, got 'a' twice"
    )
    assert said(lookup, vocabulary=[]) == "StringLookup expects a vocabulary with a token, got none"
    assert said(lookup, vocabulary=["a", ""], mask_token="") == (
        "StringLookup expects a vocabulary without '', or one that begins with ['', '[UNK]']"
    )
    assert said(lookup, max_tokens=2, vocabulary=["a", "b"]) == (
        "StringLookup expects a vocabulary of at most 2 tokens, got 3 with its special ones"
    )
    assert said(lookup(num_oov_indices=0, vocabulary=["a"], name="s"), ["a", "b"]) == (
        "s (StringLookup) expects tokens of its vocabulary, as num_oov_indices is 0, got 'b'"
    )
    assert said(lookup(output_mode="count", name="s"), WORDS) == (
        "s (StringLookup) has no vocabulary yet: adapt it to data, or give it one"
    )
    assert said(lookup(vocabulary=["a"], name="s").adapt, WORDS) == (
        "s has a vocabulary of its own, so there is nothing to adapt"
    )
    assert said(lookup(name="s").adapt, [["a"], ["b", "c"]]) == "expects text, got lists of different lengths"
    assert said(layers.TextVectorization(name="t"), WORDS) == (
        "t (TextVectorization) expects texts of the shape (batch,) or (batch, 1), got (3, 4)"
    )
    assert said(layers.HashedCrossing(3, name="h"), ([1.5], [2.0])) == (
        "h (HashedCrossing) expects features of text or integers, got float64[1]"
    )
    assert said(layers.TextVectorization(name="t"), np.array([[1, 2]])) == (
        "t (TextVectorization) expects text, got numbers of the shape (1, 2)"
    )
    assert said(lookup, vocabulary=3) == "StringLookup expects a vocabulary to be tokens or a path, got 3"
    assert said(lookup, vocabulary=[b"\xff"]) == "StringLookup expects a vocabulary of strings, got b'\\xff'"
    assert said(lookup(name="s"), np.array([[None]])) == "s (StringLookup) expects text, got None"
    assert said(layers.IntegerLookup().adapt, ["a"]) == "IntegerLookup expects integers of one shape to adapt to"
    assert said(layers.Hashing, 3, dtype="float32") == (
        "Hashing expects dtype to be 'int32' or 'int64' for 'int', got 'float32'"
    )


def test_summary_of_text_needs_no_values():
    model = Sequential(
        [Input((1,), dtype="string"), layers.TextVectorization(output_sequence_length=5), layers.Embedding(9, 2)]
    )
    assert model.output_shape[1:] == (5, 2)


def test_a_feature_space_encodes_as_keras_does(tmp_path):
    space = space_of(FeatureSpace)
    np.testing.assert_allclose(space(TABLE), ENCODED, rtol=0, atol=2e-5)
    row = {name: values[2] for name, values in TABLE.items()}
    np.testing.assert_allclose(space(row), ENCODED[2], rtol=0, atol=2e-5)
    model = Model(space.get_inputs(), layers.Dense(2)(space.get_encoded_features()))
    arrays = {name: np.asarray(values)[:, None] for name, values in TABLE.items()}
    arrays |= {name: x.astype("float32") for name, x in arrays.items() if x.dtype.kind == "f"}
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras")(arrays).detach(), model(arrays).detach())


def test_a_feature_space_of_batches_and_dicts():
    space = FeatureSpace(
        {"city": FeatureSpace.string_categorical(output_mode="int"), "raw": "float"}, output_mode="dict"
    )
    space.adapt([{"city": TABLE["city"], "raw": [1]}, {"city": ["oslo", "oslo"], "raw": [1]}])
    out = space(TABLE)
    assert out["city"].tolist() == [[2], [1], [2], [3]]
    assert out["raw"].tolist() == [[1], [2], [3], [4]]


def test_messages_of_feature_spaces():
    assert said(FeatureSpace, {}) == "FeatureSpace expects features to be a dict of the kinds of columns, got {}"
    assert said(FeatureSpace, {"a": "text"}).startswith(
        "FeatureSpace expects the kind of 'a' to be float, float_normalized,"
    )
    assert (
        said(FeatureSpace, {"a": "float"}, crosses=[("a", "b")])
        == "FeatureSpace expects crosses of its features, got 'b'"
    )
    space = FeatureSpace({"a": "string_categorical", "b": FeatureSpace.string_categorical(output_mode="int")}, name="f")
    assert (
        said(space, {"a": ["x"], "b": ["y"]}) == "f (FeatureSpace) has columns to adapt: call adapt with a table first"
    )
    assert said(space, {"a": ["x"]}) == "f (FeatureSpace) expects the column 'b', got 'a'"
    space.adapt({"a": ["x"], "b": ["y"]})
    assert said(space, {"a": ["x"], "b": ["y"]}) == (
        "f (FeatureSpace) cannot concatenate 'b', which has the dtype int64: let output_mode be 'dict'"
    )


@pytest.mark.parametrize("shape", [(4, 1), (4,)])
def test_a_model_over_text_trains_and_predicts(shape):
    texts = np.array(["a b c", "b c", "c a a", "b"])
    numbered = layers.TextVectorization(vocabulary=["a", "b", "c"], output_sequence_length=3)
    table = layers.Embedding(5, 2, name="table")
    model = Sequential([Input((1,), dtype="string"), numbered, table, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = texts.reshape(shape), np.ones((4, 1))
    before = table.get_weights()[0].copy()
    logs = model.fit(x, y, batch_size=2, validation_split=0.5, verbose=0).history
    assert set(logs) == {"loss", "val_loss"}
    assert abs(table.get_weights()[0] - before).max() > 0
    assert model.predict(x.tolist(), verbose=0).shape == (4, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), model(texts[:, None]).detach(), rtol=1e-6)
    assert model.train_on_batch(x, y) == pytest.approx(model.evaluate(x, y, verbose=0), abs=1)
