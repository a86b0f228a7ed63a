"""Does a passage answer a question? The verifier's network with its upper layers trained on questions."""

from rag.verify.answers.model import STANDALONE_QUESTION, AnswerModel, load_answer_model, load_sentence_model

__all__ = ["STANDALONE_QUESTION", "AnswerModel", "load_answer_model", "load_sentence_model"]
