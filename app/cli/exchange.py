"""`metronome exchange`: serve the simulated exchange."""

from pathlib import Path
from typing import Annotated

import typer


def exchange(  # noqa: PLR0913 - a command has as many options as it has
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")],
    bars: Annotated[
        Path | None, typer.Option(help="Folder of one-minute bars, SYMBOL.parquet or SYMBOL.csv.")
    ] = None,
    synthetic: Annotated[
        int | None, typer.Option(metavar="SEED", help="Seed of a synthetic market.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Trading day, YYYY-MM-DD.")] = None,
    speed: Annotated[float, typer.Option(help="Market seconds per second.")] = 1.0,
    faults: Annotated[
        str | None, typer.Option(help="TOML or JSON file of rules, or kind@probability, all@0.05.")
    ] = None,
    start: Annotated[str, typer.Option(help="Time of day at the start, New York.")] = "09:20",
    cash: Annotated[float, typer.Option(help="Cash in the account.")] = 100_000,
    margin: Annotated[
        bool, typer.Option("--margin", help="A margin account: twice the money, shorts allowed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of price paths and faults.")] = 1,
    spread_bps: Annotated[float, typer.Option(help="Width of the quote.")] = 2.0,
    slippage_bps: Annotated[float, typer.Option(help="How much worse than the quote.")] = 1.0,
    participation: Annotated[float, typer.Option(help="Share of volume that may fill.")] = 0.1,
    fee_per_share: Annotated[float, typer.Option(help="Charged beside the price.")] = 0.0,
    rate_limit: Annotated[int, typer.Option(help="Requests a simulated minute.")] = 200,
    news: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Recorded headlines (CSV), with --bars.")
    ] = None,
    news_per_day: Annotated[
        int | None, typer.Option(help="Alpha Vantage's calls a day (default: any number).")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Let only this ID:SECRET in.")] = None,
    memory: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Remember the world here and go on with it.")
    ] = None,
) -> None:
    """Serve a simulated world: Alpaca's protocols, news, filings and a language model."""
    from app.sim.launch import run
    from app.sim.wish import Wish

    run(
        Wish(
            port=port,
            bars=bars,
            synthetic=synthetic,
            date=date,
            speed=speed,
            faults=faults,
            start=start,
            cash=cash,
            margin=margin,
            seed=seed,
            spread_bps=spread_bps,
            slippage_bps=slippage_bps,
            participation=participation,
            fee_per_share=fee_per_share,
            rate_limit=rate_limit,
            news=news,
            news_per_day=news_per_day,
            key=key,
            memory=memory,
        )
    )
