"""Numbers of the language model that are right by themselves and wrong together."""

from collections.abc import Iterator

from app.config.checks import Row, Values


def _model_within_texts(values: Values) -> Iterator[str]:
    model, texts = values["mixer.model_bound"], values["mixer.text_bound"]
    if model > texts:
        yield f"the model may move {model:g}, all texts together {texts:g}"


def _model_starts_nothing(values: Values) -> Iterator[str]:
    left = values["model.min_score"] - values["mixer.model_bound"]
    if left < (cutoff := values["signals.cutoff_regular"] + values["signals.cutoff_delta"]):
        yield f"asked at {values['model.min_score']:g}, it could move a score past {cutoff:g}"


def _one_call_fits(values: Values) -> Iterator[str]:
    if values["model.questions_per_slot"] > values["rates.model"]:
        yield f"{values['model.questions_per_slot']} questions, {values['rates.model']} calls"


def _kept_while_asked(values: Values) -> Iterator[str]:
    kept, asked = values["model.cache_seconds"], values["events.window_seconds"]
    if kept <= asked:
        yield f"kept for {kept.total_seconds():g} s, asked about for {asked.total_seconds():g} s"


def _priced(values: Values) -> Iterator[str]:
    name, prices = values["model.name"], values["model.prices"]
    if name not in prices:
        yield f"{name!r} has no price among {', '.join(prices)}"


MODEL_CHECKS: tuple[Row, ...] = (
    (
        "LLM_BOUND, TEXT_BOUND",
        ("mixer.model_bound", "mixer.text_bound"),
        "no more for the model than for all texts",
        _model_within_texts,
    ),
    (
        "LLM_MIN_SIGNAL_SCORE, LLM_BOUND",
        (
            "model.min_score",
            "mixer.model_bound",
            "signals.cutoff_regular",
            "signals.cutoff_delta",
        ),
        "a score that stays above the cutoff whatever the model says",
        _model_starts_nothing,
    ),
    (
        "LLM_QUESTIONS_PER_ROUND",
        ("model.questions_per_slot", "rates.model"),
        "at most LLM_CALLS_PER_MINUTE",
        _one_call_fits,
    ),
    (
        "LLM_CACHE_SECONDS, EVENT_WINDOW_SECONDS",
        ("model.cache_seconds", "events.window_seconds"),
        "answers kept longer than an event is asked about, else it is paid for again",
        _kept_while_asked,
    ),
    (
        "LLM_MODEL, LLM_PRICES",
        ("model.name", "model.prices"),
        "a model of LLM_PRICES: add MODEL:SENT:ANSWERED, its dollars for a million tokens",
        _priced,
    ),
)
