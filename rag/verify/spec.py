"""A verifier's spec, such as ``support`` or ``llm:openai:gpt-4.1-mini``, resolved to a verifier that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import UsageError
from rag.llm.spec import ModelChoice, resolve
from rag.verify.candidates import CANDIDATES_PER_CLAIM
from rag.verify.protocol import Verifier
from rag.verify.support_verifier import Purpose, default_verifier, load_support_model

if TYPE_CHECKING:
    from rag._internal.cached_file import OnBytes
    from rag.config import Settings
    from rag.llm import ChatModel

VerifierKind = Literal["support", "llm", "hf", "support+llm"]

FORMS = "auto, support, llm:SPEC, hf:PATH_OR_ID, support+llm:SPEC"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierChoice:
    """The verifier to be used, with its chat model or the ``path`` of its classifier."""

    kind: VerifierKind
    model: ModelChoice | None = None
    path: str = ""

    def describe(self, writer: ModelChoice | None = None) -> str:
        """Return a sentence for the user on what the verifier sends where; "" if it is part of the package."""
        if self.kind == "hf":
            return f"{self.path}, on this machine"
        if self.model is None:
            return ""
        model = "the same model" if writer and self.shares_model_with(writer) else self.model.why
        claims = "every sentence" if self.kind == "llm" else "all sentences but near copies of what they cite"
        return f"{model}; it is given {claims}, in requests of their own"

    @property
    def spec(self) -> str:
        """The spec that names this verifier and no other; a directory is absolute in it."""
        if self.kind == "hf":
            return f"hf:{self.path}"
        return f"{self.kind}:{self.model.spec}" if self.model else self.kind

    @property
    def uses_packaged_model(self) -> bool:
        """Whether the packaged verifier judges, alone or first."""
        return self.kind in ("support", "support+llm")

    def shares_model_with(self, writer: ModelChoice) -> bool:
        """Return whether ``writer`` is the verifier's chat model too, so that one client serves both."""
        return self.model is not None and self.model.spec == writer.spec


def resolve_verifier(spec: str, settings: Settings, writer: ModelChoice | None = None) -> VerifierChoice:
    """Return the verifier that a spec names.

    Args:
        spec: ``auto``, ``support``, ``llm:SPEC``, ``hf:PATH_OR_ID`` or ``support+llm:SPEC``. ``auto`` is
            ``support+llm`` with the model of a remote ``writer``, and otherwise ``support``.
        settings: the key, base URL and price file of a chat model.
        writer: the model that writes the sentences, if it is known.

    Raises:
        UsageError: there is no such spec, or its model cannot be used.
    """
    kind, rest = _parse(spec)
    if kind == "auto":
        if writer is not None and writer.kind == "openai":
            return VerifierChoice(kind="support+llm", model=writer)
        return VerifierChoice(kind="support")
    if kind == "support":
        return VerifierChoice(kind=kind)
    if kind == "hf":
        return VerifierChoice(kind=kind, path=_classifier_path(rest))
    option = f"--verifier {kind}:"
    model = resolve(rest, settings, option=option)
    if model.kind == "extractive":
        raise UsageError(f"{option}{rest}: a verifier needs a model: openai:MODEL, local or local:PATH.gguf")
    return VerifierChoice(kind=kind, model=model)


def verifier_of_writer(writer: ModelChoice, settings: Settings) -> VerifierChoice | None:
    """Return the verifier of what ``writer`` writes, as the settings name it; None for ``extractive``, which quotes.

    Raises:
        UsageError: see :func:`resolve_verifier`.
    """
    if writer.kind == "extractive":
        _parse(settings.verifier)
        return None
    return resolve_verifier(settings.verifier, settings, writer)


def connect_verifier(
    choice: VerifierChoice,
    model: ChatModel | None = None,
    *,
    purpose: Purpose = "gating",
    settings: Settings | None = None,
    candidates: int | None = CANDIDATES_PER_CLAIM,
    tolerant: bool = False,
) -> Verifier:
    """Return the verifier of ``choice``; what it loads is loaded once in a process.

    Args:
        choice: what :func:`resolve_verifier` returned.
        model: the client of the verifier's chat model, if it has one.
        purpose: which threshold the packaged verifier applies.
        settings: where the cache of the packaged verifier is.
        candidates: see :class:`rag.verify.chat_verifier.ChatVerifier`.
        tolerant: leave claims unscored if a call to the chat model fails, rather than raise its error.

    Raises:
        UsageError: a classifier cannot be loaded.
        ModelError: the packaged verifier cannot be unpacked.
    """
    if choice.kind == "support":
        return default_verifier(purpose, settings)
    if choice.kind == "hf":
        from rag.verify.classifier import load_classifier

        return load_classifier(choice.path)
    from rag.verify.cascade import CascadeVerifier
    from rag.verify.chat_verifier import ChatVerifier

    if model is None:
        raise ValueError(f"the verifier {choice.spec} needs a client of its model")
    chat = ChatVerifier(model=model, candidates=candidates, tolerant=tolerant)
    if choice.kind == "llm":
        return chat
    return CascadeVerifier(first=default_verifier(purpose, settings), second=chat, candidates=candidates)


@contextmanager
def open_verifier(
    spec: str,
    settings: Settings,
    *,
    purpose: Purpose = "scoring",
    on_bytes: OnBytes = lambda _, __: None,
    candidates: int | None = CANDIDATES_PER_CLAIM,
    tolerant: bool = False,
) -> Iterator[Verifier]:
    """Open the verifier that ``spec`` names for the block, with a client of its own if it has a chat model.

    Args:
        spec: see :func:`resolve_verifier`.
        settings: the settings of the chat model, and where the cache is.
        purpose: see :func:`connect_verifier`.
        on_bytes: called while the packaged verifier is unpacked, which happens once on a machine.
        candidates: see :func:`connect_verifier`.
        tolerant: see :func:`connect_verifier`.

    Raises:
        UsageError: there is no such spec, or its model cannot be used.
        ModelError: the local model cannot be started, or the packaged verifier cannot be unpacked.
    """
    choice = resolve_verifier(spec, settings)
    if choice.uses_packaged_model:
        load_support_model(settings, on_bytes)
    if choice.model is None:
        yield connect_verifier(choice, purpose=purpose, settings=settings)
        return
    from rag.llm import ChatClient

    with ChatClient(choice.model, settings) as client:
        yield connect_verifier(
            choice, client, purpose=purpose, settings=settings, candidates=candidates, tolerant=tolerant
        )


def _parse(spec: str) -> tuple[VerifierKind | Literal["auto"], str]:
    """Split ``spec`` into its kind and what follows the first colon."""
    kind, _, rest = spec.partition(":")
    if kind in ("auto", "support") and not rest and ":" not in spec:
        return kind, ""  # type: ignore[return-value]  # mypy does not narrow a str to literals
    if kind in ("llm", "hf", "support+llm") and rest:
        return kind, rest  # type: ignore[return-value]
    raise UsageError(f"--verifier {spec}: not one of {FORMS}")


def _classifier_path(path: str) -> str:
    """Return the absolute path of a directory, or the id on the hub.

    Raises:
        UsageError: there is no such directory.
    """
    from rag.verify.classifier import is_directory_path

    if not is_directory_path(path):
        return path
    directory = Path(path).expanduser()
    if not directory.is_dir():
        raise UsageError(f"--verifier hf:{path}: no such folder")
    return str(directory.absolute())
