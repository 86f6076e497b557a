"""What a call to the language model may cost, and what it did: exact decimals, rounded up."""

import json
import re
from decimal import ROUND_CEILING, Decimal, localcontext

from app.engine.book import ModelPolicy
from app.engine.model_answer import SCHEMA
from app.engine.model_prompt import Prompt

#: A token is at least a byte. The schema is sent too, and servers add words around all of it.
OVERHEAD_TOKENS = len(json.dumps(SCHEMA)) + 500
#: More tokens than this were never billed for one call: the figure is nonsense.
MOST_TOKENS = 10_000_000
#: Dollars; every sum is a multiple of this.
STEP = Decimal("0.000000001")
#: What a server adds to the name of a model that has versions: a date, or a number of three digits
#: and more. Fewer could be another model: gpt-5-1.
_VERSION = re.compile(r"-\d{3,}(-\d+)*", re.ASCII)


def worst_usd(prompt: Prompt, policy: ModelPolicy) -> Decimal:
    """Return the most that a call can cost: a token a byte sent, and the longest answer."""
    return _usd(policy, prompt.size + OVERHEAD_TOKENS, prompt.max_output_tokens)


def is_by(asked: str, answered: str) -> bool:
    """Is an answer by the model that was asked, or by a numbered version of it, at its price?"""
    version = answered.removeprefix(asked)
    return answered == asked or (version != answered and bool(_VERSION.fullmatch(version)))


def billed_usd(
    policy: ModelPolicy, input_tokens: int | None, output_tokens: int | None
) -> Decimal | None:
    """Return what these tokens cost; None where a figure is missing or nonsense.

    No answer is without tokens either way, so zero is nonsense.
    """
    if input_tokens is None or output_tokens is None:
        return None
    if not (0 < input_tokens <= MOST_TOKENS and 0 < output_tokens <= MOST_TOKENS):
        return None
    return _usd(policy, input_tokens, output_tokens)


def _usd(policy: ModelPolicy, sent: int, answered: int) -> Decimal:
    with localcontext(prec=60, rounding=ROUND_CEILING):
        millionths = sent * policy.price.sent + answered * policy.price.answered
        return millionths.scaleb(-6).quantize(STEP)
