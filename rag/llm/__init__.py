"""A chat model or embedder by spec: clients, budget, prices, the response cache, the local server and the prompts."""

from rag.llm.budget import Budget, ModelBudget, missing_price
from rag.llm.chat_model import ChatModel
from rag.llm.client import MAX_IN_FLIGHT, ChatClient
from rag.llm.embedder_choice import EmbedderChoice, EmbeddingEstimate, resolve_embedder
from rag.llm.embedder_factory import open_embedder, open_remote_embedder
from rag.llm.pricing import FREE, PROSE_RATIO, Rates, find_rates
from rag.llm.prompts import Prompt, load_prompt
from rag.llm.reasoning import reasoning_effort, reply_limit
from rag.llm.response_cache import ResponseCache
from rag.llm.server_check import ServerCheck, check_server
from rag.llm.spec import ModelChoice, rates_of, resolve

__all__ = [
    "FREE",
    "MAX_IN_FLIGHT",
    "PROSE_RATIO",
    "Budget",
    "ChatClient",
    "ChatModel",
    "EmbedderChoice",
    "EmbeddingEstimate",
    "ModelBudget",
    "ModelChoice",
    "Prompt",
    "Rates",
    "ResponseCache",
    "ServerCheck",
    "check_server",
    "find_rates",
    "load_prompt",
    "missing_price",
    "open_embedder",
    "open_remote_embedder",
    "rates_of",
    "reasoning_effort",
    "reply_limit",
    "resolve",
    "resolve_embedder",
]
