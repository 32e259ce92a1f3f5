"""The records of Keras's answers: used only for the very question they were made for, and never if damaged."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from tests import keras_reference, records
from tests.digests import Undescribed, digest
from tests.keras_reference import Lazy, Mode, Session, asked, keras, real, value_of

X = np.linspace(-2, 2, 6, dtype="float32").reshape(2, 3)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty file of records, which a test's own session writes to or reads."""
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    return lambda: records.Records("own")


@pytest.fixture
def ask(store, monkeypatch):
    """Ask a function's questions in a session, recording or not; return its answer and whether Keras was asked."""

    def ask(questions, record=False, name="a test", seed=0):
        monkeypatch.setattr(Mode, "record", record)
        monkeypatch.setattr(Mode, "live", False)
        before, kept = keras_reference.active, store()
        session = Session(kept, name, seed)
        keras_reference.begin(session)
        try:
            answer = questions()
        finally:
            keras_reference.begin(before)
        session.end(passed=True)
        if record:
            kept.save(whole=False)
        return answer, session.live

    return ask


def relu(x=X, **settings):
    return lambda: np.asarray(keras.layers.ReLU(**settings)(x))


def test_what_was_recorded_is_not_asked_again(ask):
    first, live = ask(relu(), record=True)
    assert live
    again, live = ask(relu())
    assert not live
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(again, np.maximum(X, 0))


@pytest.mark.parametrize(
    "other",
    [
        relu(max_value=1.0),
        relu(X * 2),
        relu(X.astype("float64")),
        relu(X.reshape(3, 2)),
        lambda: np.asarray(keras.layers.ELU()(X)),
        lambda: np.asarray(keras.layers.ReLU()(X, training=False)),
        lambda: [keras.layers.ELU(), relu()()][1],
    ],
    ids=["setting", "values", "dtype", "shape", "layer", "call", "before"],
)
def test_another_question_is_asked_live(ask, other):
    ask(relu(), record=True)
    assert ask(other)[1]


def test_another_seed_name_or_version_is_asked_live(ask, monkeypatch):
    ask(relu(), record=True)
    assert not ask(relu())[1]
    assert ask(relu(), seed=1)[1]
    assert ask(relu(), name="another test")[1]
    monkeypatch.setattr(keras_reference, "versions", lambda: ["keras 4.0"])
    assert ask(relu())[1]


def test_a_function_is_known_by_what_it_does(ask):
    def with_function(function):
        return lambda: asked("operation", function, [X], True)["outputs"][0]

    by = 2.0
    scaled = lambda k, x: k.sin(x) * by  # noqa: E731
    ask(with_function(scaled), record=True)
    assert not ask(with_function(scaled))[1]
    assert not ask(with_function(lambda k, x: k.sin(x) * by))[1]
    assert ask(with_function(lambda k, x: k.cos(x) * by))[1]
    by = 3.0
    assert ask(with_function(scaled))[1]


def test_two_functions_on_one_line_are_told_apart():
    one, two = lambda x: x + 1, lambda x: x + 2
    assert digest(one) != digest(two)
    outer = lambda y: lambda x: x + y  # noqa: E731
    assert len({digest(outer), digest(outer(1)), digest(outer(2))}) == 3


def test_what_a_function_calls_and_closes_over_counts():
    def make(inner):
        return lambda x: inner(x)

    assert digest(make(len)) != digest(make(abs))
    assert digest(make(lambda x: x)) != digest(make(lambda x: -x))


def test_a_function_that_changes_something_is_never_looked_up(ask):
    heard = []
    with pytest.raises(Undescribed):
        digest(lambda x: heard.append(x))
    questions = lambda: value_of(asked("operation", lambda k, x: (heard.append(1), k.sin(x))[1], [X], False))  # noqa: E731
    ask(questions, record=True)
    assert ask(questions)[1]
    assert len(heard) == 2


def test_a_file_that_keras_writes_is_recorded_with_its_bytes(ask, tmp_path):
    def saved():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save(str(tmp_path / "m.keras"))
        return len(model.get_weights())

    found, _ = ask(saved, record=True)
    written = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "m.keras").unlink()
    assert ask(saved) == (found, False)
    assert (tmp_path / "m.keras").read_bytes() == written


def test_a_file_that_keras_reads_is_a_part_of_the_question(ask, tmp_path):
    file = tmp_path / "m.weights.h5"

    def loaded():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.load_weights(str(file))
        return value_of(model.get_weights()[0])

    made = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(2)])
    made.save_weights(file)
    ask(loaded, record=True)
    found, live = ask(loaded)
    assert not live
    np.testing.assert_array_equal(found, made.get_weights()[0])
    made.set_weights([np.ones((3, 2)), np.ones(2)])
    made.save_weights(file)
    found, live = ask(loaded)
    assert live
    np.testing.assert_array_equal(found, np.ones((3, 2)))


def test_a_change_of_state_counts(ask):
    def mean(*values):
        def questions():
            metric = keras.metrics.Mean()
            for value in values:
                metric.update_state(value)
            return float(metric.result())

        return questions

    assert ask(mean(1.0, 2.0), record=True)[0] == 1.5
    assert ask(mean(1.0, 2.0)) == (1.5, False)
    assert ask(mean(1.0, 4.0)) == (2.5, True)
    assert ask(mean(1.0)) == (1.0, True)


def test_what_raises_raises_again(ask):
    def refused():
        with pytest.raises(ValueError, match="units"):
            keras.layers.Dense(-1)
        return "raised"

    assert ask(refused, record=True)[0] == "raised"
    assert ask(refused)[0] == "raised"


def test_a_damaged_record_is_refused(ask, tmp_path):
    ask(relu(), record=True)
    path = tmp_path / "own.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["float32"][0] += 1
    np.savez_compressed(path, **arrays)
    sentence = f"{path} is damaged: remove it, and record it anew with pytest --record"
    with pytest.raises(records.Damaged) as error:
        ask(relu())
    assert str(error.value) == sentence
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(records.Damaged) as error:
        ask(relu())
    assert str(error.value) == sentence


def test_live_holds_a_record_against_keras(ask, store, monkeypatch):
    ask(relu(), record=True)
    kept = store()
    changed = {key: records.decoded(answer, kept.runs) for key, answer in kept.answers.items()}
    changed = {key: value * 1.01 if isinstance(value, np.ndarray) else value for key, value in changed.items()}
    records.write(kept.path, changed)
    with pytest.raises(AssertionError, match="the record is stale"):
        ask(relu(), record=True)


def test_every_kind_of_value_comes_back(tmp_path):
    import ml_dtypes

    value = {
        "numbers": [1, 2.5, float("inf"), True, None, "text", 1 + 2j],
        "arrays": (X, X.astype("int64"), X > 0, X.astype(ml_dtypes.bfloat16), np.float32(3), np.zeros((0, 2))),
        "dtype": np.dtype("int8"),
    }
    records.write(tmp_path / "a.npz", {"key": value})
    (key, back), = ((key, records.decoded(each, runs)) for answers, runs in [records.read(tmp_path / "a.npz")]
                    for key, each in answers.items())  # fmt: skip
    assert key == "key"
    assert back["numbers"] == value["numbers"]
    assert back["dtype"] == value["dtype"]
    for a, b in zip(back["arrays"], value["arrays"], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_a_function_finds_what_is_real(ask):
    scale = keras.ops.convert_to_tensor(X)
    function = real(lambda x: keras.ops.sum(scale * x))
    assert not isinstance(function(X), Lazy)
    assert float(function(X)) == pytest.approx(float((X * X).sum()))
