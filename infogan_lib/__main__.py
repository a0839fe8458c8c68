"""`python -m infogan_lib COMMAND`. `check` and `preflight` run here: the first also reports on a machine without torch,
the second needs torch alone.
"""

import io
import sys

import infogan_lib
from infogan_lib.course import environment


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may hold what the terminal has no letters for
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[1:] == ["check"]:
        sys.exit(environment.main())
    if sys.argv[1:2] == ["preflight"] and not {"-h", "--help"} & set(sys.argv):
        from infogan_lib.measure.preflight.run import command

        sys.exit(command(sys.argv[2:]))
    try:
        from infogan_lib import cli
    except ModuleNotFoundError as error:
        sys.exit(f"error: {sys.argv[1] if sys.argv[1:] else 'this'} needs {error.name}. {infogan_lib.COURSE}")
    cli.main()


if __name__ == "__main__":
    main()
