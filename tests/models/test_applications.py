"""The networks of layercli.applications are Keras's: parameters, layers, weights, outputs and what goes in and comes out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from layercli import applications, config
from layercli.core import naming
from layercli.errors import FileError, FormatError, ShapeError, UsageError
from layercli.inspect.layer_summary import summarize
from layercli.layers import Conv2D, Input
from layercli.models import APPLICATIONS
from layercli.sources.resolve import resolve
from tests.keras_applications import ARGUMENTS, OTHERS, RECORD, SMALL, described, images, weights
from tests.keras_reference import keras

KERAS = json.loads(RECORD.read_text())


def test_none_is_missing():
    assert set(KERAS["networks"]) == set(applications.NETWORKS) == set(APPLICATIONS.values())


@pytest.mark.parametrize("name", applications.NETWORKS)
def test_layers_and_weights_are_keras_s(name):
    naming.clear_session()
    assert described(getattr(applications, name)(weights=None)) == KERAS["networks"][name]


@pytest.mark.parametrize("key", OTHERS)
def test_other_arguments_give_keras_s_layers(key):
    naming.clear_session()
    assert described(getattr(applications, key.split()[0])(weights=None, **OTHERS[key])) == KERAS["others"][key]


QUICK = ("DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "MobileNet", "MobileNetV2", "MobileNetV3Small")
"""What is computed in every run; the others take seconds each, and their layers are compared above."""


@pytest.mark.parametrize("name", SMALL)
def test_outputs_are_keras_s(name, request):
    if name not in QUICK and not request.config.getoption("--live"):
        pytest.skip("a large network: make test-live computes it")
    model = getattr(applications, name)(**ARGUMENTS, **SMALL[name])
    model.set_weights(weights([(w.path.rpartition("/")[2], w.shape) for w in model.weights]))
    outputs = model(torch.from_numpy(images(SMALL[name]["input_shape"])), training=False).detach().numpy()
    expected = np.asarray(KERAS["outputs"][name])
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.fixture
def _channels_first():
    config.set_image_data_format("channels_first")
    yield
    config.set_image_data_format("channels_last")


@pytest.mark.usefixtures("_channels_first")
@pytest.mark.parametrize(
    "name", ["EfficientNetB0", "EfficientNetV2B0", "MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50"]
)
def test_images_with_channels_first(name):
    """The same weights give the same for the turned image."""
    shape = SMALL[name]["input_shape"]
    model = getattr(applications, name)(**ARGUMENTS, **SMALL[name] | {"input_shape": (3, *shape[:2])})
    assert model.input_shape == (None, 3, *shape[:2])
    model.set_weights(weights([(w.path.rpartition("/")[2], w.shape) for w in model.weights]))
    turned = torch.from_numpy(images(shape)).permute(0, 3, 1, 2)
    outputs = model(turned, training=False).detach().numpy()
    expected = np.asarray(KERAS["outputs"][name])
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.usefixtures("_channels_first")
def test_networks_with_channels_last_alone():
    for name in ("ConvNeXtTiny", "DenseNet121", "NASNetMobile"):
        with pytest.raises(UsageError) as error:
            getattr(applications, name)(weights=None)
        assert str(error.value).endswith(" takes images with channels last alone")
    with pytest.raises(UsageError) as error:
        applications.MobileNet(input_shape=(3, 3), weights=None)
    assert str(error.value).endswith("expects input_shape as (channels, height, width), got (3, 3)")


def small(**arguments):
    return applications.MobileNet(
        alpha=0.25, input_shape=(32, 32, 3), include_top=False, pooling="avg", **{"weights": None, **arguments}
    )


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_are_loaded_from_a_file(tmp_path, ending):
    x = torch.from_numpy(images((32, 32, 3)))
    model = small()
    expected = model(x)
    (model.save if ending == ".keras" else model.save_weights)(tmp_path / f"net{ending}")
    assert torch.equal(small(weights=tmp_path / f"net{ending}")(x), expected)


def test_imagenet_weights_are_read_from_keras_s_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "models" / "mobilenet_2_5_224_tf_no_top.h5"
    with pytest.raises(FileError) as error:
        small(weights="imagenet")
    assert str(error.value) == f"mobilenet_0.25_32 needs {file}, which is not there"
    assert error.value.hint == (
        "nothing is downloaded: fetch https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
        "mobilenet_2_5_224_tf_no_top.h5 and put it there"
    )
    model = small()
    model(torch.zeros(1, 32, 32, 3))
    file.parent.mkdir()
    model.save_weights(file.with_suffix(".weights.h5"))
    file.with_suffix(".weights.h5").rename(file)
    found = small(weights="imagenet")
    assert all(np.array_equal(a, b) for a, b in zip(found.get_weights(), model.get_weights(), strict=True))


FILES = {
    "resnet152-v2": "resnet/resnet152v2_weights_tf_dim_ordering_tf_kernels.h5",
    "vgg19": "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
    "mobilenet-v2": "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
    "mobilenet-v3-small": "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float.h5",
    "densenet121": "densenet/densenet121_weights_tf_dim_ordering_tf_kernels.h5",
    "nasnet-mobile": "nasnet/NASNet-mobile.h5",
    "efficientnet-v2-s": "efficientnet_v2/efficientnetv2-s.h5",
    "convnext-tiny": "convnext/convnext_tiny.h5",
}


@pytest.mark.parametrize("name", FILES)
def test_the_address_of_the_published_file_is_given(tmp_path, monkeypatch, name):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileError) as error:
        getattr(applications, APPLICATIONS[name])()
    assert f"/keras-applications/{FILES[name]} and put it there" in str(error.value.hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "min"}, "vgg16 expects pooling to be None or 'avg' or 'max', got 'min'"),
        ({"classes": 0}, "vgg16 expects classes to be a positive integer, got 0"),
        ({"input_shape": (31, 64, 3)}, "vgg16 expects images of at least 32 x 32, got (31, 64, 3)"),
        ({"input_shape": (64, 64)}, "vgg16 expects input_shape as (height, width, channels), got (64, 64)"),
        ({"input_shape": (None, 64, 3)}, "vgg16 expects an input_shape of known sizes, got (None, 64, 3)"),
        ({"input_tensor": np.zeros((1, 32, 32, 3))}, "vgg16 expects input_tensor to be symbolic, got ndarray"),
        ({"weights": "imagenet", "classes": 10}, "vgg16: the ImageNet weights have 1000 classes, got classes=10"),
        (
            {"weights": "imagenet", "classifier_activation": "relu"},
            "vgg16: the ImageNet weights go with classifier_activation softmax or None, got 'relu'",
        ),
        (
            {"weights": "imagenet", "input_shape": (64, 64, 3)},
            "vgg16: the ImageNet weights are for images of (224, 224, 3), got input_shape=(64, 64, 3)",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(UsageError) as error:
        applications.VGG16(**{"weights": None, **arguments})
    assert str(error.value) == message


def test_a_network_continues_another_graph():
    given = Input((64, 64, 1))
    model = applications.VGG16(weights=None, include_top=False, input_tensor=Conv2D(3, 1)(given))
    assert model.input is given
    assert [layer.name for layer in model.layers[2:4]] == ["block1_conv1", "block1_conv2"]


def test_layers_of_keras_s_networks_are_read_and_written_under_its_names():
    from layercli.models.applications.convnext import LayerScale
    from layercli.saving.deserialization import Reader
    from layercli.saving.serialization import config_of

    described = config_of(LayerScale(0.5, 3, name="scale"))
    assert (described["module"], described["registered_name"]) == ("keras.src.applications.convnext", "LayerScale")
    assert type(Reader("a file").made(described)) is LayerScale


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images_are_preprocessed_as_keras_does(mode, data_format):
    x = np.random.default_rng(0).integers(0, 255, (2, 3, 3, 3)).astype("float32")
    expected = np.asarray(keras.applications.imagenet_utils.preprocess_input(x.copy(), data_format, mode))
    found = applications.imagenet_utils.preprocess_input(x, data_format, mode)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    tensor = applications.imagenet_utils.preprocess_input(torch.from_numpy(x), data_format, mode)
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-5)
    assert applications.imagenet_utils.preprocess_input(x.astype("uint8"), data_format, mode).dtype == np.float32
    assert applications.imagenet_utils.preprocess_input(Input((3, 3, 3)), data_format, mode).shape == (None, 3, 3, 3)


MODES = {
    "caffe": ["resnet", "resnet50", "vgg16", "vgg19"],
    "tf": ["inception_resnet_v2", "inception_v3", "mobilenet", "mobilenet_v2", "nasnet", "resnet_v2", "xception"],
    "torch": ["densenet"],
    "unchanged": ["convnext", "efficientnet", "efficientnet_v2", "mobilenet_v3"],
}


def test_each_module_has_the_preprocessing_of_its_networks():
    from layercli.applications import preprocessing

    found = {mode: [m for m in applications.MODULES if m != "imagenet_utils" and
             getattr(applications, m).preprocess_input is getattr(preprocessing, mode)] for mode in MODES}  # fmt: skip
    assert found == MODES
    with pytest.raises(UsageError, match="mode is one of"):
        applications.imagenet_utils.preprocess_input(np.zeros((1, 2, 2, 3)), mode="theano")


def test_predictions_are_named_by_the_local_index(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    decode = applications.resnet50.decode_predictions
    scores = np.zeros((2, 1000), "float32")
    scores[0, [7, 3]], scores[1, 999] = (0.5, 0.25), 1
    with pytest.raises(FileError, match=r"decode_predictions needs .*imagenet_class_index.json, which is not there"):
        decode(scores)
    file = tmp_path / "models" / "imagenet_class_index.json"
    file.parent.mkdir()
    file.write_text("{}")
    with pytest.raises(FormatError, match="is not an index of ImageNet's 1000 classes"):
        decode(scores)
    file.write_text(json.dumps({str(i): [f"n{i}", f"class {i}"] for i in range(1000)}))
    assert decode(scores, top=2) == [
        [("n7", "class 7", 0.5), ("n3", "class 3", 0.25)],
        [("n999", "class 999", 1.0), ("n0", "class 0", 0.0)],
    ]
    with pytest.raises(ShapeError) as error:
        decode(scores[:, :10])
    assert str(error.value) == "decode_predictions expects predictions (images, 1000), got the shape (2, 10)"


def test_the_largest_is_summarized_by_its_name():
    summary = summarize(resolve("efficientnet-b7").model)
    assert (summary.totals.parameters, summary.outputs[0][1].shape[1:]) == (66_658_687, (1000,))
