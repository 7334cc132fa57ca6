"""Settings, from arguments first and TONICDM_* variables second."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, get_args

import attrs
import yarl

from tonicdm.databases import shown_place
from tonicdm.errors import ConfigError
from tonicdm.types import OptionPlacement, Secret
from tonicdm.values import Value

ZONES: Final[Mapping[str, str]] = {
    "us": "https://us-api.tonicdm.com",
    "de": "https://de-api.tonicdm.com",
    "ie": "https://ie-api.tonicdm.com",
}
"""The API server of each zone (reference: servers)."""

ServerProfile: TypeAlias = Mapping[str, str | int | bool]
"""How a server answers where the documents leave a choice, by the name of the point."""

MAX_BUDGET_KEY_CHARACTERS: Final = 200
"""Characters of a budget's name at most."""

PROFILE_VERSION: Final = 1
"""Form of the profile's file that this package reads and writes."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Settings(Value):
    """What a client needs to know before its first call."""

    base_url: str
    """Scheme, host and port of the API server, without a path."""
    path_prefix: str = ""
    """Put before every path; empty, or like ``/v1.0``, which one example of the concepts page shows."""
    token: Secret | None = None
    """The bearer token; None where a token source is given instead."""
    token_file: str | None = None
    """The file to read it from."""
    token_command: str | None = None
    """The command that prints it, as one would type it."""
    option_placement: OptionPlacement = "header"
    """Where options travel (concepts page, "Non-standard Patterns")."""
    budget: str | None = attrs.field(default=None, repr=lambda where: repr(shown_place(where)))
    """Where the budget is kept: ``memory``, a file, ``postgresql://…``, or None for the default file."""
    budget_key: str | None = None
    """Which budget of the file; None for the one of the token and the server."""

    @property
    def host(self) -> str:
        """The host that calls go to."""
        return yarl.URL(self.base_url).host or ""

    @classmethod
    def resolve(
        cls,
        *,
        token: str | Secret | None = None,
        token_needed: bool = True,
        zone: str | None = None,
        base_url: str | None = None,
        path_prefix: str = "",
        option_placement: str | None = None,
        budget: str | None = None,
        budget_key: str | None = None,
        profile: ServerProfile | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Take each setting from its argument, else from its variable.

        Args:
            token: Bearer token, else TONICDM_TOKEN, else what TONICDM_TOKEN_FILE or TONICDM_TOKEN_COMMAND names.
            token_needed: False where a token source stands in for a token.
            zone: ``us``, ``de`` or ``ie``, else TONICDM_ZONE.
            base_url: Instead of a zone, else TONICDM_BASE_URL.
            path_prefix: Put before every path.
            option_placement: ``header`` or ``query``, else TONICDM_OPTION_PLACEMENT, else ``header``.
            budget: ``memory``, a file or ``postgresql://…``, else TONICDM_BUDGET.
            budget_key: Which budget of the file, else TONICDM_BUDGET_KEY.
            profile: What a server was found to want, for path_prefix and option_placement where nothing else is given.
            environ: Read instead of `os.environ`.

        Raises:
            ConfigError: Something is missing, contradictory or malformed. There is no default zone: a silent
                one would break data residency (concepts page, "Data Residency").
        """
        # No frame that an error passes may hold the token as it is: tools that track errors show their variables.
        token, read, environ = Secret.of(token), _reader(environ), None
        if zone is None and base_url is None:
            zone, base_url = read("TONICDM_ZONE"), read("TONICDM_BASE_URL")
        known = {} if profile is None else profile
        learned = "query" if known.get("option_source") == "query" else "header"
        placement = option_placement or read("TONICDM_OPTION_PLACEMENT") or learned
        if placement not in get_args(OptionPlacement):
            raise ConfigError(f'option_placement must be "header" or "query", not {placement!r}')
        file = command = None
        if token is None and token_needed:
            token, file, command = _token_settings(read)
        secret = _token(token, needed=token_needed and not (file or command))
        return cls(
            base_url=_server(zone, base_url),
            path_prefix=_prefix(path_prefix or str(known.get("path_prefix", ""))),
            token=secret,
            token_file=file,
            token_command=command,
            option_placement=placement,  # type: ignore[arg-type]
            budget=budget or read("TONICDM_BUDGET") or None,
            budget_key=_budget_key(budget_key if budget_key is not None else read("TONICDM_BUDGET_KEY"), secret),
        )


def read_profile(path: str | os.PathLike[str]) -> ServerProfile:
    """Return the answers in a profile that ``tonicdm conformance`` wrote.

    Args:
        path: The TOML file.

    Raises:
        ConfigError: It can't be read, is no profile, or is of a server that this client would misread.
    """
    name = os.fspath(path)
    try:
        import tomllib  # few have a profile

        data = tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        version, answers = data["profile"]["version"], data["answers"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{name} can't be read as a profile: {error}") from None
    if version != PROFILE_VERSION:
        raise ConfigError(f"the profile {name} has version {version}, this package reads {PROFILE_VERSION}")
    if not isinstance(answers, dict) or not all(isinstance(value, str | int | bool) for value in answers.values()):
        raise ConfigError(f"the answers in {name} must be texts, numbers and booleans")
    if answers.get("page_base") == 0:
        raise ConfigError(
            f"by {name} the server's pages begin at 0; this client counts from 1 and would miss the first"
        )
    if answers.get("cost_mode") == "record":
        raise ConfigError(
            f"by {name} the server charges for each record; this client reserves the price of a call and would overdraw"
        )
    return answers


def _server(zone: str | None, base_url: str | None) -> str:
    if zone and base_url:
        raise ConfigError("give zone= or base_url=, not both (also as TONICDM_ZONE and TONICDM_BASE_URL)")
    if zone:
        return zone_server(zone)
    if not base_url:
        raise ConfigError(
            "no server: give zone= (us, de, ie) or base_url=, or set TONICDM_ZONE or TONICDM_BASE_URL; "
            "there is no default, because it would decide where your data travels"
        )
    try:
        url = yarl.URL(base_url)
    except ValueError as error:
        raise ConfigError(f"base_url is no URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ConfigError("base_url must look like https://host or https://host:port")
    if url.user is not None or url.password is not None:
        raise ConfigError("base_url must not hold credentials")
    if url.path.strip("/"):
        raise ConfigError("base_url must have no path; path_prefix= is put before every path")
    return str(url.origin())


def zone_server(zone: str) -> str:
    """Return the server of *zone*.

    Raises:
        ConfigError: There is no such zone.
    """
    if zone.lower() not in ZONES:
        raise ConfigError(f"zone must be one of {', '.join(ZONES)}, not {zone!r}")
    return ZONES[zone.lower()]


def _prefix(prefix: str) -> str:
    clean = prefix.strip("/")
    if any(part in {"", ".", ".."} for part in clean.split("/")) and clean:
        raise ConfigError(f"path_prefix must be like /v1.0, not {prefix!r}")
    return f"/{clean}" if clean else ""


def _reader(environ: Mapping[str, str] | None) -> Callable[[str], str | None]:
    def read(name: str) -> str | None:
        return (os.environ if environ is None else environ).get(name)

    return read


def _token_settings(read: Callable[[str], str | None]) -> tuple[Secret | None, str | None, str | None]:
    """Return the token, its file or its command, whichever is set."""
    names = ("TONICDM_TOKEN", "TONICDM_TOKEN_FILE", "TONICDM_TOKEN_COMMAND")
    names_set = [name for name in names if read(name)]
    if len(names_set) > 1:
        raise ConfigError(f"set one of {' and '.join(names_set)}, not both: which token is meant can't be told")
    return Secret.of(read(names[0])), read(names[1]) or None, read(names[2]) or None


def _budget_key(key: str | None, token: Secret | None) -> str | None:
    if not key:
        return None
    if token is not None and token.reveal() in key:
        raise ConfigError("budget_key must not hold the token, as it is written to a file; give it another name")
    if not key.isprintable() or key != key.strip() or len(key) > MAX_BUDGET_KEY_CHARACTERS:
        raise ConfigError(f"budget_key must be a name of at most {MAX_BUDGET_KEY_CHARACTERS} printable characters")
    return key


def _token(token: Secret | None, *, needed: bool) -> Secret | None:
    if token is None or not token.reveal():
        if needed:
            raise ConfigError(
                "no token: give token=, or set TONICDM_TOKEN, TONICDM_TOKEN_FILE or TONICDM_TOKEN_COMMAND"
            )
        return None
    # A pasted line break would split the header; say so without repeating the token.
    if not token.fits_header:
        raise ConfigError("the token holds blanks, line breaks or characters that no header can carry")
    return token
