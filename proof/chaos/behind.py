"""Become a process of the stack that reaches its servers through the proxy's ports."""

import argparse
import os

from proof.chaos.addresses import SERVERS, behind


def main() -> None:
    """``python -m proof.chaos.behind --database N --redis N --exchange N worker``."""
    options = argparse.ArgumentParser(prog="python -m proof.chaos.behind", description=__doc__)
    options.add_argument("command", help="worker, beat or feed")
    for name in SERVERS:
        options.add_argument(f"--{name}", type=int, required=True, help="the proxy's port")
    given = vars(options.parse_args())
    command = given.pop("command")
    os.execvpe("metronome", ["metronome", command], behind(os.environ, given))


if __name__ == "__main__":
    main()
