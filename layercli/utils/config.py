"""Config."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from layercli.errors import UsageError


class Config(MutableMapping[str, Any]):
    """Settings that are read and set both as attributes and by key; ``freeze`` refuses changes from then on.

    >>> settings = Config(units=4, rate=0.5)
    >>> settings.units, settings["rate"]
    (4, 0.5)
    """

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__["_settings"] = dict(kwargs)
        self.__dict__["_frozen"] = False

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return bool(self.__dict__["_frozen"])

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self.__dict__["_frozen"] = True

    def unfreeze(self) -> None:
        """Take changes again."""
        self.__dict__["_frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as a new dict."""
        return dict(self._settings)

    def to_json(self) -> str:
        """Return the settings as JSON text."""
        return json.dumps(self._settings)

    def __getitem__(self, key: str) -> Any:
        return self._settings[key]

    def __setitem__(self, key: str, value: object) -> None:
        self._check()
        self._settings[key] = value

    def __delitem__(self, key: str) -> None:
        self._check()
        del self._settings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("_settings", {})
        if name not in settings:
            raise AttributeError(f"there is no setting {name!r}")
        return settings[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._settings:
            raise AttributeError(f"there is no setting {name!r}")
        del self[name]

    def __repr__(self) -> str:
        return f"<Config {self._settings}>"

    def _check(self) -> None:
        if self.frozen:
            raise UsageError("the settings are frozen", hint="unfreeze() first")
