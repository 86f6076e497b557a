"""`make chaos`: kill, stop and cut off real processes, then count what was lost or done twice."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from app.engine.errors import AppError
from app.io.clock import wall
from app.local.stack import Event
from proof.chaos.figures import Figures, as_json, missed, table
from proof.chaos.run import run
from proof.chaos.world import Wish


def main() -> int:
    """Run, print, write JSON if asked; 1 where an aim was missed or an invariant did not hold."""
    options = argparse.ArgumentParser(prog="python -m proof.chaos", description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0, help="of chaos (default 10)")
    options.add_argument("--seed", type=int, default=1, help="of every draw (default 1)")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    options.add_argument("--keep", type=Path, help="a new folder for data and logs, kept")
    options.add_argument("--verbose", action="store_true", help="say who dies and starts, too")
    wanted = options.parse_args()
    if not 0.1 <= wanted.minutes <= 60:
        options.error(f"--minutes: {wanted.minutes:g}; accepted: a number from 0.1 to 60")
    if not 0 <= wanted.seed <= 2**31:
        options.error(f"--seed: {wanted.seed}; accepted: a whole number from 0 to {2**31}")
    if wanted.json and not wanted.json.absolute().parent.is_dir():
        options.error(f"--json: the folder {wanted.json.parent} does not exist; make it first")
    try:
        figures = _run(Wish(wanted.minutes, wanted.seed), wanted.keep, wanted.verbose)
    except KeyboardInterrupt:
        sys.exit("chaos was stopped before its end; nothing of it runs any more")
    except AppError as error:
        sys.exit(f"chaos: {error}")
    console = Console()
    console.print(table(figures))
    if wanted.json:
        wanted.json.write_text(json.dumps(as_json(figures), indent=2) + "\n")
    for line in (wrong := missed(figures)):
        console.print(f"MISSED {line}", style="red")
    return 1 if wrong else 0


def _run(wish: Wish, keep: Path | None, verbose: bool) -> Figures:
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, highlight=False)

    def tell(event: Event) -> None:
        if verbose and not event.is_log:
            say(f"{wall():%H:%M:%S.%f} {event.name}: {event.text}")

    if keep is not None:
        return run(keep.absolute(), wish, say, tell)
    with tempfile.TemporaryDirectory(prefix="metronome-chaos-") as place:
        # PostgreSQL's own account has to walk through when this runs as root.
        Path(place).chmod(0o711)
        return run(Path(place) / "state", wish, say, tell)


if __name__ == "__main__":
    sys.exit(main())
