"""A chat model by spec: the client, the budget, prices, the response cache, the local server and the prompts."""

from rag.llm.budget import Budget, ModelBudget
from rag.llm.chat_model import ChatModel
from rag.llm.client import MAX_IN_FLIGHT, ChatClient
from rag.llm.pricing import FREE, Rates, find_rates
from rag.llm.prompts import Prompt, load_prompt
from rag.llm.response_cache import ResponseCache
from rag.llm.spec import ModelChoice, rates_of, resolve

__all__ = [
    "FREE",
    "MAX_IN_FLIGHT",
    "Budget",
    "ChatClient",
    "ChatModel",
    "ModelBudget",
    "ModelChoice",
    "Prompt",
    "Rates",
    "ResponseCache",
    "find_rates",
    "load_prompt",
    "rates_of",
    "resolve",
]
