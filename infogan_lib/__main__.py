"""`python -m infogan_lib COMMAND`. `check` runs here, since it must also report on a machine without torch."""

import sys

from infogan_lib.course import environment


def main() -> None:
    if sys.argv[1:] == ["check"]:
        sys.exit(environment.main())
    from infogan_lib import cli

    cli.main()


if __name__ == "__main__":
    main()
