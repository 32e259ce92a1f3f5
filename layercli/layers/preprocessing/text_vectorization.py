"""TextVectorization."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from layercli.core import dims
from layercli.core.fields import Validator
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.text import holds_text, only_text, text_array
from layercli.core.types import Config, Tensor
from layercli.errors import ShapeError, UsageError
from layercli.layers.preprocessing.lookup_table import IGNORED, batches
from layercli.layers.preprocessing.string_lookup import StringLookup
from layercli.layers.validators import Bool, OptionalPositiveInt, one_of
from layercli.ops.core.host_function import HostFunction

if TYPE_CHECKING:
    import numpy as np

STANDARDIZATIONS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLITS = ("whitespace", "character")
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def name_or_function(*names: str) -> Validator:
    """Return the rule of a setting that is one of the names, a function, or None."""

    def choose(value: object) -> Any:
        if value is None or callable(value) or value in names:
            return value
        raise ValueError

    return Validator(f"{' or '.join(map(repr, names))}, a function, or None", choose)


def _widths(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    return tuple(int(each) for each in value)


class TextVectorization(Layer):
    """out = the index in the vocabulary of each word of the texts x, as int64 (batch, words); or a vector for each text.

    x is (batch,) or (batch, 1) of str; without ``split`` (batch, n) of words. A text is standardized, split into words, joined to
    n-grams and looked up: 0 is padding, 1 a word out of the vocabulary. "multi_hot", "count" and "tf_idf" give (batch, tokens).

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer([["foo qux bar"], ["qux baz"]]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]

    Args:
        max_tokens: The largest size of the vocabulary, with padding and out-of-vocabulary token; None for any.
        standardize: "lower_and_strip_punctuation", "lower" or "strip_punctuation", both of ASCII alone; a function of an array of
            str; or None.
        split: "whitespace", "character", a function of an array of str that returns a list of words for each, or None.
        ngrams: n-grams of these lengths instead of words: a tuple, or an integer for all up to it; None for words.
        output_mode: "int", "multi_hot", "count", or "tf_idf": counts times inverse document frequencies.
        output_sequence_length: The number of words of an "int" output, padded or cut; None for that of the longest text.
        pad_to_max_tokens: Whether encoded outputs have max_tokens values, however large the vocabulary is.
        vocabulary: The words, or the path of a text file with one in a line; None to ``adapt`` to data.
        idf_weights: For "tf_idf" the weight of each word of the vocabulary.
        ragged: Must be false: ragged tensors are not supported.
        encoding: The encoding of strings that are given as bytes.
    """

    max_tokens: OptionalPositiveInt = None
    standardize: Annotated[Any, name_or_function(*STANDARDIZATIONS)] = "lower_and_strip_punctuation"
    split: Annotated[Any, name_or_function(*SPLITS)] = "whitespace"
    ngrams: Annotated[Any, Validator("an integer, several, or None", _widths)] = None
    output_mode: Annotated[str, one_of("int", "multi_hot", "count", "tf_idf", "binary", "tf-idf")] = "int"
    output_sequence_length: OptionalPositiveInt = None
    pad_to_max_tokens: Bool = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: Bool = False
    ragged: Bool = False
    encoding: str = "utf-8"

    takes_text = True
    _positional = (
        "max_tokens", "standardize", "split", "ngrams", "output_mode", "output_sequence_length", "pad_to_max_tokens",
        "vocabulary", "idf_weights", "sparse", "ragged", "encoding", "name",
    )  # fmt: skip

    def setup(self) -> None:
        """Make the lookup of the settings."""
        if self.ragged:
            raise UsageError("TextVectorization has no ragged outputs here: layercli computes padded ones")
        self._lookup_layer = StringLookup(
            max_tokens=self.max_tokens,
            mask_token="",
            vocabulary=self.vocabulary,
            idf_weights=self.idf_weights,
            output_mode=self.output_mode,
            pad_to_max_tokens=self.pad_to_max_tokens,
            sparse=self.sparse,
            encoding=self.encoding,
            name=self.name,
        )
        self._lookup_layer.built = True
        self._makes_tensors = self._lookup_layer._makes_tensors
        self.output_mode = self._lookup_layer.output_mode
        if self.output_sequence_length is not None and self.output_mode != "int":
            raise UsageError(f"TextVectorization takes output_sequence_length only for 'int', not {self.output_mode!r}")
        self.vocabulary, self.idf_weights = self._lookup_layer.vocabulary, self._lookup_layer.idf_weights
        self.lookup = HostFunction(self.indices, shape=self._index_shape)

    def adapt(self, data: object, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find the vocabulary in texts, or in batches of them, at most ``steps``, which are iterated once.

        Words are ordered by their number, the most frequent first. UsageError where the vocabulary was given.
        """
        self.reset_state()
        for batch in batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the words of a batch of texts."""
        if self._lookup_layer.is_given:
            raise UsageError(f"{self.name} has a vocabulary of its own, so there is nothing to adapt")
        texts = text_array(data, self.encoding)
        self._lookup_layer.count_documents(self.words(texts))

    def finalize_state(self) -> None:
        """Take the most frequent words as the vocabulary."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the words in the order of their indices; "" is padding and "[UNK]" a word out of the vocabulary."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of words, padding and the out-of-vocabulary word included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: object, idf_weights: object = None) -> None:
        """Take these words, or those in the lines of a text file, as the vocabulary; for "tf_idf" with their weights."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def words(self, texts: np.ndarray) -> list[list[str]]:
        """Return the words of each text, or their n-grams; ShapeError for texts of another shape than (batch,) and (batch, 1)."""
        standardized = self._standardized(texts)
        if self.split is None:
            rows = standardized.reshape(1, -1) if standardized.ndim < 2 else standardized
            found = [row.tolist() for row in rows]
        else:
            if standardized.ndim > 2 or (standardized.ndim == 2 and standardized.shape[-1] != 1):
                raise ShapeError(f"expects texts of the shape (batch,) or (batch, 1), got {texts.shape}")
            found = self._split(standardized.reshape(-1))
        if self.ngrams is None:
            return found
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [list(ngrams(row, widths)) for row in found]

    def _standardized(self, texts: np.ndarray) -> np.ndarray:
        if callable(self.standardize):
            return text_array(self.standardize(texts.astype(str)))
        return _each(lambda text: standardized(text, self.standardize), texts) if self.standardize else texts

    def _split(self, texts: np.ndarray) -> list[list[str]]:
        if callable(self.split):
            rows = self.split(texts.astype(str))
            if not isinstance(rows, Iterable) or not all(isinstance(row, Iterable) for row in rows):
                raise UsageError(f"expects split to return a list of words for each text, got {rows!r}")
            return [[str(word) for word in row] for row in rows]
        return [words_of(text) if self.split == "whitespace" else list(text) for text in texts.tolist()]

    def indices(self, texts: np.ndarray) -> np.ndarray:
        """Return the index of each word, padded to one length."""
        import numpy as np

        table = self._lookup_layer.table
        rows = [[table[word] for word in row] for row in self.words(texts)]
        length = self.output_sequence_length or max(map(len, rows), default=0)
        found = np.full((len(rows), length), 0 if self.output_mode == "int" else IGNORED, "int64")
        for place, row in zip(found, rows, strict=True):
            place[: len(row)] = row[:length]
        return found if texts.ndim and (self.split or texts.ndim > 1) else found[0]

    def _index_shape(self, shape: Shape) -> Shape:
        if self.split is None and len(shape) > 1 and self.ngrams is None and self.output_sequence_length is None:
            return shape
        length = dims.UNKNOWN if self.output_sequence_length is None else self.output_sequence_length
        return (*shape[:1], length) if self.split or len(shape) > 1 else (length,)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the indices, or a vector for each text."""
        return self._lookup_layer.encoded(self.lookup(only_text(inputs)))

    def _call(self, args: tuple[object, ...], kwargs: Config) -> Tensor:
        out: Tensor = super()._call(tuple(text_array(x, self.encoding) if holds_text(x) else x for x in args), kwargs)
        return out

    def get_config(self) -> Config:
        """Return the settings: a vocabulary that was given, and the size of the one that there is."""
        return super().get_config() | {"vocabulary_size": self._lookup_layer.size_known}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new layer; UsageError where the config names a file with the vocabulary, which is not opened."""
        if isinstance(config.get("vocabulary"), str):
            raise UsageError("the config names a file with the vocabulary, which is not opened for a config")
        own = {key: value for key, value in config.items() if key != "vocabulary_size"}
        if own.get("dtype") == "string":  # tf.keras's, which is that of the input
            del own["dtype"]
        layer = super().from_config(own, custom_objects)
        layer._lookup_layer.expect_size(config.get("vocabulary_size"))
        return layer

    def assets(self) -> dict[str, bytes]:
        """Return the file with the vocabulary, unless the config holds it."""
        return self._lookup_layer.assets()

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        """Take the vocabulary of a file that ``assets`` gave."""
        self._lookup_layer.load_assets(files)

    def named_arrays(self) -> Config:
        """Return the idf weights, which files of Keras's hold under that name."""
        return self._lookup_layer.named_arrays()

    def named_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the idf weights in a file."""
        return self._lookup_layer.named_shapes()

    def load_named_arrays(self, arrays: Mapping[str, object]) -> None:
        """Take the idf weights of a file."""
        self._lookup_layer.load_named_arrays(arrays)


def standardized(text: str, how: str) -> str:
    """Return a text without capitals, without punctuation, or without both, of ASCII alone as in TensorFlow.

    >>> standardized("Ärger, NEIN!", "lower_and_strip_punctuation")
    'Ärger nein'
    """
    if how != "strip_punctuation":
        text = text.translate(LOWER)
    return text if how == "lower" else text.translate(NO_PUNCTUATION)


def words_of(text: str) -> list[str]:
    """Return the words of a text between whitespace of ASCII."""
    return [word for word in re.split(r"[ \t\n\v\f\r]+", text) if word]


def ngrams(words: list[str], widths: Any) -> Iterator[str]:
    """Yield as many neighbouring words as each width says, joined by spaces, one width after the other.

    >>> list(ngrams(["a", "b", "c"], (1, 2)))
    ['a', 'b', 'c', 'a b', 'b c']
    """
    for width in widths:
        for start in range(len(words) - width + 1):
            yield " ".join(words[start : start + width])


def _each(function: Callable[[str], str], texts: np.ndarray) -> np.ndarray:
    return text_array([function(text) for text in texts.ravel().tolist()]).reshape(texts.shape)
