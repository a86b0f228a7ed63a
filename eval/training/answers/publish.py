"""Write the packaged answer model: the difference to the common weights, and its calibration. ::

    python -m eval.training.answers.publish --data DATA --start MERGED --weights work/answers/weights.safetensors \\
                                            --name citebrief-answers/1 --out rag/verify/answers/weights

The probability is calibrated on the questions of the domains held out, with their own passages: full answers count as
1, answers in part as a half, near misses as 0, and the three classes weigh the same. What is scored is the compressed
difference, so that calibration and figures are those of the file that ships.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rag.verify.answers.model import AnswerConfig
from rag.verify.support.merged import common_digest

from ..forms import Form, compress, relative_error, size
from ..parameters import load_parameters, save_parameters
from ..verifier.average import mean_parameters
from ..verifier.thresholds import Claims, fit_scale
from .examples import LABELS, MAX_EVIDENCE, MAX_QUESTION, QuestionData, read_question_data
from .measure import question_figures, score_questions
from .network import load_merged_network


def labelled(data: QuestionData, scores: dict[str, float]) -> Claims:
    """Return the logits with labels of 1 and 0: an answer in part is one of each, with half the weight."""
    counts = Counter(each.label for each in data.questions)
    rows = [
        (scores[each.id], value, share / counts[each.label])
        for each in data.questions
        for value, share in ((True, LABELS[each.label]), (False, 1 - LABELS[each.label]))
        if share
    ]
    logits, supported, weights = zip(*rows, strict=True)
    return Claims(logits=np.array(logits), supported=np.array(supported), weights=np.array(weights))


def main() -> None:
    """Write ``difference.safetensors`` and ``config.json``, and print the figures."""
    import torch

    from rag._internal.difference import merged

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with prose and questions")
    parser.add_argument("--start", type=Path, required=True, help="merged common weights")
    parser.add_argument("--weights", type=Path, required=True, help="trained parameters")
    parser.add_argument(
        "--earlier", type=Path, help="difference.safetensors of an earlier model: publish the mean of both"
    )
    parser.add_argument("--form", default="int4", help="see eval/training/forms.py")
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument("--out", type=Path, required=True, help="directory to write to")
    options = parser.parse_args()
    network, tokenizer = load_merged_network(options.start)
    trained = load_parameters(options.weights)
    if options.earlier is not None:
        earlier, _ = load_merged_network(options.start, options.earlier)
        trained = mean_parameters([trained, earlier.state_dict()])
    base = {name: value for name, value in network.state_dict().items() if name in trained}
    tensors = compress(base, trained, Form(options.form))
    options.out.mkdir(parents=True, exist_ok=True)
    save_parameters(tensors, options.out / "difference.safetensors")
    print(f"{size(tensors) / 10**6:.1f} MB, relative error {relative_error(base, trained, tensors):.4f}", flush=True)
    network.load_state_dict(merged(base, tensors), strict=False)
    data = read_question_data(options.data).split(held_out=True)
    with torch.inference_mode():
        scores = score_questions(network.eval(), tokenizer, data)
    print(question_figures(data, scores), flush=True)
    calibration = fit_scale(labelled(data, scores))
    config = AnswerConfig(
        name=options.name,
        base_difference_sha256=common_digest(),
        max_passage_tokens=MAX_EVIDENCE,
        max_question_tokens=MAX_QUESTION,
        scale=round(calibration.scale, 5),
        shift=round(calibration.shift, 5),
    )
    path = options.out / "config.json"
    path.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
    print(f"{path}: log-odds {config.scale} * logit + {config.shift}")


if __name__ == "__main__":
    main()
