"""What StringLookup and IntegerLookup share: a vocabulary, found in data or given, and the index of each token in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from layercli import ops
from layercli.core.fields import Validator
from layercli.core.layer import Layer
from layercli.core.text import STRING
from layercli.core.types import Config, Tensor
from layercli.errors import FormatError, UsageError
from layercli.layers.preprocessing.category_encoding import ENCODINGS, check_dense
from layercli.layers.preprocessing.hash_buckets import SALT, bucket
from layercli.layers.preprocessing.lookup_table import LookupTable, batches
from layercli.layers.preprocessing.vocabulary import (
    idf_weights_of,
    inverse_document_frequencies,
    lines_of,
    sorted_by_count,
    tokens_in,
    tokens_of_file,
)
from layercli.layers.validators import COUNT, Bool, one_of
from layercli.ops.core.host_function import HostFunction

if TYPE_CHECKING:
    import numpy as np

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
SECOND_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}
FILE = "vocabulary.txt"


def _at_least_2(value: Any) -> int | None:
    if value is None:
        return None
    if value < 2:
        raise ValueError
    return int(value)


class IndexLookup(Layer):
    """A layer that finds the index of tokens in a vocabulary, or for ``invert`` the tokens of indices.

    Args:
        max_tokens: The largest size of the vocabulary, with mask and out-of-vocabulary tokens; None for any.
        num_oov_indices: The number of indices for tokens out of the vocabulary; several by a hash; for 0 such a token is an error.
        mask_token: The token of padding: index 0 for "int", left out in the other modes; None for no such token.
        oov_token: What ``invert`` gives for the indices out of the vocabulary.
        vocabulary: The tokens, or the path of a text file with one in a line; None to ``adapt`` to data.
        idf_weights: For "tf_idf" the weight of each token of the vocabulary.
        invert: Whether to map indices to tokens; for "int" only.
        output_mode: "int", "one_hot", "multi_hot", "count", or "tf_idf": counts times inverse document frequencies.
        pad_to_max_tokens: Whether encoded outputs have max_tokens values, however large the vocabulary is.
        salt: One or two integers that make the hash of several num_oov_indices another one (SipHash); None for FarmHash.
        oov_method: How integers are assigned to several num_oov_indices: "floormod" (remainder) or "farmhash".
    """

    max_tokens: Annotated[Any, Validator("an integer from 2 or None", _at_least_2)] = None
    num_oov_indices: Annotated[int, COUNT] = 1
    mask_token: Any = None
    oov_token: Any = None
    vocabulary: Any = None
    idf_weights: Any = None
    invert: Bool = False
    output_mode: Annotated[str, one_of(*OUTPUT_MODES, *SECOND_NAMES)] = "int"
    pad_to_max_tokens: Bool = False
    sparse: Bool = False
    salt: Annotated[Any, SALT] = None
    oov_method: Annotated[str, one_of("floormod", "farmhash")] = "floormod"

    takes_text = True
    token_dtype: ClassVar[str]

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.tokens: list[Tensor]
            self.weights_of_tokens: np.ndarray | None
            self.size_known: int | None

    def setup(self) -> None:
        """Check the settings, and take the vocabulary that was given."""
        check_dense(self)
        self.output_mode = SECOND_NAMES.get(self.output_mode, self.output_mode)
        self._check_settings()
        self.size_known = None
        self._makes_tensors = self.output_mode == "tf_idf"
        given, weights = self.vocabulary, self.idf_weights
        self.tokens, self.weights_of_tokens = [], None
        self.table = LookupTable(self)
        self.is_given = given is not None
        self.vocabulary = self.idf_weights = None
        self.reset_state()
        if given is not None:
            self.set_vocabulary(given, weights)
            from_file = isinstance(given, (str, os.PathLike))
            self.vocabulary = None if from_file else [self.as_token(each) for each in given]
            self.idf_weights = None if weights is None else [float(each) for each in weights]
        self._make_ops()

    def _check_settings(self) -> None:
        owner = type(self).__name__
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise UsageError(f"{owner} expects max_tokens where pad_to_max_tokens is true")
        if self.invert and self.output_mode != "int":
            raise UsageError(f"{owner} expects output_mode to be 'int' where invert is true, got {self.output_mode!r}")
        if self.idf_weights is not None and self.output_mode != "tf_idf":
            raise UsageError(f"{owner} takes idf_weights only where output_mode is 'tf_idf', not {self.output_mode!r}")
        if self.idf_weights is None and self.output_mode == "tf_idf" and self.vocabulary is not None:
            raise UsageError(f"{owner} expects idf_weights with a vocabulary where output_mode is 'tf_idf'")

    def _make_ops(self) -> None:
        """Make the lookup, and the encoding where its size is known."""
        self.lookup = HostFunction(self.indices, self.token_dtype if self.invert else "int64")
        mode, depth = self.output_mode, self.depth
        if mode == "int" or depth is None:
            self.encode = None
        else:
            counted = mode == "tf_idf"
            self.encode = ENCODINGS["count" if counted else mode](depth, "float32" if counted else "int64")

    @property
    def depth(self) -> int | None:
        """The size of an encoded output; None while it is unknown."""
        return self.max_tokens if self.pad_to_max_tokens else self.size_known

    @property
    def first_oov(self) -> int:
        """The index of the first out-of-vocabulary token."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def first_token(self) -> int:
        """The index of the first token of the vocabulary proper."""
        return self.first_oov + self.num_oov_indices

    @property
    def special_tokens(self) -> list[str | int]:
        """The tokens before the first one of the vocabulary proper."""
        return [self.mask_token] * self.first_oov + [self.oov_token] * self.num_oov_indices

    def as_token(self, value: object) -> Any:
        """Return a token of a user's as the vocabulary holds it."""
        raise NotImplementedError(f"{type(self).__name__} has no as_token(value)")

    def array_of(self, data: object) -> np.ndarray:
        """Return data of a user's as an array of tokens."""
        raise NotImplementedError(f"{type(self).__name__} has no array_of(data)")

    def hashed(self, token: object) -> int:
        """Return which of several out-of-vocabulary indices a token has."""
        return bucket(str(token), self.num_oov_indices, self.salt)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in the order of their indices."""
        return [*self.special_tokens, *self.tokens] if include_special_tokens else list(self.tokens)

    def vocabulary_size(self) -> int:
        """Return the number of tokens, the mask and out-of-vocabulary tokens included."""
        return self.first_token + len(self.tokens)

    def set_vocabulary(self, vocabulary: object, idf_weights: object = None) -> None:
        """Take these tokens, or those in the lines of a text file, as the vocabulary; for "tf_idf" with their weights.

        The mask and out-of-vocabulary tokens may come first. UsageError for a token that occurs twice, for none, or for too many.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            wanted = "expects idf_weights" if idf_weights is None else "takes no idf_weights"
            raise UsageError(f"{type(self).__name__} {wanted} where output_mode is {self.output_mode!r}")
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = tokens_of_file(Path(vocabulary))
        values = vocabulary.tolist() if hasattr(vocabulary, "tolist") else vocabulary
        if not isinstance(values, (list, tuple)):
            raise UsageError(f"{type(self).__name__} expects a vocabulary to be tokens or a path, got {vocabulary!r}")
        given = [self.as_token(each) for each in values]
        special = self.special_tokens
        has_special = given[: len(special)] == special
        self._take(tokens_in(self, given, len(special) if has_special else 0))
        if idf_weights is not None:
            before = 0 if has_special else self.first_token
            size = self.max_tokens if self.pad_to_max_tokens else None
            self.weights_of_tokens = idf_weights_of(self, idf_weights, len(given), before, size)

    def _take(self, tokens: list[Any]) -> None:
        """Take these tokens; UsageError where the size of the output would change."""
        size = self.first_token + len(tokens)
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self.size_known not in (None, size):
            raise UsageError(
                f"{self.name} gives vectors of {self.size_known} values, and a vocabulary of {size} tokens would change that"
            )
        self.tokens, self.size_known = tokens, size
        self.table = LookupTable(self)
        self._make_ops()

    def adapt(self, data: object, steps: int | None = None) -> None:
        """Find the vocabulary in an array or nested lists, or in batches of them, at most ``steps``, which are iterated once.

        Tokens are ordered by their number, the most frequent first, and those of one number backwards by themselves.
        UsageError where the vocabulary was given.
        """
        self.reset_state()
        for batch in batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch; one without a second axis is one document."""
        if self.is_given:
            raise UsageError(f"{self.name} has a vocabulary of its own, so there is nothing to adapt")
        array = self.array_of(data)
        self.count_documents(array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1))

    def count_documents(self, documents: Any) -> None:
        """Count the tokens of documents, each a list of tokens."""
        for document in documents:
            own = Counter(document.tolist() if hasattr(document, "tolist") else document)
            self.counts.update(own)
            self.document_counts.update(own.keys())
            self.documents += 1

    def reset_state(self) -> None:
        """Forget what was counted."""
        self.counts: Counter[Any] = Counter()
        self.document_counts: Counter[Any] = Counter()
        self.documents = 0

    def finalize_state(self) -> None:
        """Take the most frequent tokens as the vocabulary."""
        if not self.counts:
            return
        for special in (self.mask_token, self.oov_token):
            self.counts.pop(special, None)
        most = None if self.max_tokens is None else self.max_tokens - self.first_token
        self._take(sorted_by_count(self.counts, most))
        if self.output_mode == "tf_idf":
            weights = inverse_document_frequencies([self.document_counts[each] for each in self.tokens], self.documents)
            size = self.max_tokens if self.pad_to_max_tokens else None
            self.weights_of_tokens = idf_weights_of(self, weights, len(weights), self.first_token, size)
        self.reset_state()

    def indices(self, tokens: np.ndarray) -> np.ndarray:
        """Return the index of each token, or the token of each index."""
        import numpy as np

        table = self.table.inverse if self.invert else self.table
        flat = [table[each] for each in tokens.ravel().tolist()]
        if self.missing in flat and not self.invert:
            wrong = [each for each, index in zip(tokens.ravel().tolist(), flat, strict=True) if index == self.missing]
            raise UsageError(f"expects tokens of its vocabulary, as num_oov_indices is 0, got {wrong[0]!r}")
        found = np.empty(len(flat), dtype=object if self.invert and self.token_dtype == STRING else "int64")
        found[:] = flat
        return found.reshape(tokens.shape)

    missing: ClassVar[int] = -2
    """The index of a token out of the vocabulary where there is none for it."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return the indices, or vectors of them, or the tokens."""
        return self.encoded(self.lookup(inputs))

    def encoded(self, found: Tensor) -> Tensor:
        """Return indices as the output mode has them."""
        if self.output_mode != "int" and self.encode is None:
            raise UsageError("has no vocabulary yet: adapt it to data, or give it one")
        if self.encode is None:
            return found
        encoded = self.encode(ops.expand_dims(found, -1) if len(found.shape) == 0 else found)
        out: Tensor = encoded if self.output_mode != "tf_idf" else encoded * self._idf()
        return out

    def _idf(self) -> object:
        if self.weights_of_tokens is None:  # described before its weights are loaded
            return 1.0
        return ops.convert_to_tensor(self.weights_of_tokens)

    def get_config(self) -> Config:
        """Return the settings: a vocabulary that was given, and the size of the one that there is."""
        return super().get_config() | {"vocabulary_size": self.size_known}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new layer; UsageError where the config names a file with the vocabulary, which is not opened."""
        if isinstance(config.get("vocabulary"), str):
            raise UsageError("the config names a file with the vocabulary, which is not opened for a config")
        layer = super().from_config(
            {key: value for key, value in config.items() if key != "vocabulary_size"}, custom_objects
        )
        layer.expect_size(config.get("vocabulary_size"))
        return layer

    def expect_size(self, size: Any) -> None:
        """Let the vocabulary to come have this size, which a config of Keras's holds."""
        if self.size_known is None and size is not None:
            self.size_known = int(size)
            self._make_ops()

    def assets(self) -> dict[str, bytes]:
        """Return the file with the vocabulary, unless the config holds it."""
        return {} if self.vocabulary is not None else {FILE: lines_of(self.name, self.get_vocabulary())}

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        """Take the vocabulary of a file that ``assets`` gave; what the config holds goes before."""
        if self.vocabulary is not None:
            return
        if FILE not in files:
            raise FormatError(f"there is no {FILE} for {self.name}")
        given = [self.as_token(each) for each in tokens_of_file(Path(FILE), files[FILE])]
        special = self.special_tokens
        if given != special:
            self._take(tokens_in(self, given, len(special) if given[: len(special)] == special else 0))

    def named_arrays(self) -> dict[str, object]:
        """Return the idf weights, which files of Keras's hold under that name."""
        return {} if self.weights_of_tokens is None else {"idf_weights": self.weights_of_tokens}

    def named_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the idf weights in a file."""
        return {"idf_weights": (self.depth,)} if self.output_mode == "tf_idf" and self.depth is not None else {}

    def load_named_arrays(self, arrays: Mapping[str, Any]) -> None:
        """Take the idf weights of a file."""
        self.weights_of_tokens = arrays["idf_weights"].astype("float32")
