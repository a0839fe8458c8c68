"""`python -m infogan_lib COMMAND`. `check` runs here, since it must also report on a machine without torch."""

import io
import sys

from infogan_lib.course import environment


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may hold what the terminal has no letters for
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[1:] == ["check"]:
        sys.exit(environment.main())
    from infogan_lib import cli

    cli.main()


if __name__ == "__main__":
    main()
