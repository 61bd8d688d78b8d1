"""Coldframe: the window, or one verb of the command line."""

import sys


def open_window(workspace=None, start_demo: bool = False) -> int:
    """Run the window until it is closed; imported late so that verbs start without Qt."""
    from app.bootstrap import main

    return main(workspace, start_demo=start_demo)


if __name__ == "__main__":
    from core.cli.entry import run

    sys.exit(run(sys.argv[1:], open_window))
