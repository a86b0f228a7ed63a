"""Settings, by precedence: flag, ``CITEBRIEF_*`` environment variable, ``citebrief.toml``, default.

No other module reads the environment. An empty variable counts as unset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rag.errors import UsageError


class Settings(BaseSettings):
    """All settings with their defaults. Create it with :func:`load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="CITEBRIEF_", env_ignore_empty=True, toml_file="citebrief.toml", extra="forbid", frozen=True
    )

    store: str = Field(".citebrief", description="folder of the index, or chroma+http://host:port")
    embedder: str = Field(
        "minilm", description="minilm (packaged), a sentence-transformers id or path, or openai:MODEL"
    )
    llm: str = Field("auto", description="auto, openai:MODEL, local, local:PATH.gguf or extractive")
    verifier: str = Field("auto", description="auto, support, llm:SPEC, hf:PATH_OR_ID or support+llm:SPEC")
    k: int = Field(40, ge=1, le=500, description="passages retrieved for a question")
    evidence_tokens: int = Field(
        12_000, ge=1_000, le=200_000, description="tokens of passages that a large model chooses from"
    )
    sections: int = Field(6, ge=1, le=7, description="largest number of sections")
    seed: int = Field(7, description="seed of the model")
    timeout: float = Field(120.0, gt=0, description="seconds that one reply may take")
    retries: int = Field(3, ge=0, le=10, description="times a call is repeated after a rate limit or a lost connection")
    rpm: int = Field(0, ge=0, description="requests a minute to the model at most; 0 means no limit")
    tpm: int = Field(0, ge=0, description="tokens a minute to and from the model at most; 0 means no limit")
    patience: float = Field(20.0, ge=0, description="seconds that calls wait for a server that fails; 0 means none")
    replies: Path | None = Field(None, description="folder of the response cache, which makes a repeated request free")
    prices: Path | None = Field(None, description="JSON file of prices that override the packaged table")
    threads: int = Field(0, ge=0, description="threads of the local model; 0 means one for each core")
    cache: Path | None = Field(None, description="folder for unpacked models; default: the user's cache")

    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="OPENAI_BASE_URL")
    openai_model: str = Field("gpt-4.1-mini", validation_alias="OPENAI_MODEL")
    openai_proxy: str | None = Field(None, validation_alias="OPENAI_PROXY")
    ray_address: str | None = Field(None, validation_alias="RAY_ADDRESS")
    github_step_summary: Path | None = Field(None, validation_alias="GITHUB_STEP_SUMMARY")

    @property
    def cache_directory(self) -> Path:
        """The folder for unpacked models: ``cache``, or else the user's cache."""
        from rag._internal.directories import user_cache

        return self.cache or user_cache()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by precedence: flags, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings; a flag that is None falls back to the environment, the file or the default.

    Raises:
        UsageError: a value is out of range, or ``citebrief.toml`` has an unknown key.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"setting {name}: {first['msg'].lower()} (got {first['input']!r})") from None
    except ValueError as error:  # a citebrief.toml that is not TOML
        raise UsageError(f"citebrief.toml: {error}") from None
