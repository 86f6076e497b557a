"""What a call to the language model may cost, and what it did: exact decimals, rounded up."""

import json
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


def worst_usd(prompt: Prompt, policy: ModelPolicy) -> Decimal:
    """Return the most that a call can cost: a token a byte sent, and the longest answer."""
    return _usd(policy, prompt.size + OVERHEAD_TOKENS, prompt.max_output_tokens)


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
        millionths = sent * policy.usd_per_million_input + answered * policy.usd_per_million_output
        return millionths.scaleb(-6).quantize(STEP)
