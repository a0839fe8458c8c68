"""`python -m infogan_lib COMMAND`. `check` and `preflight` run here: the first also reports on a machine without torch,
the second needs torch alone.
"""

import io
import sys

from infogan_lib.course import environment


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may hold what the terminal has no letters for
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[1:] == ["check"]:
        sys.exit(environment.main())
    if sys.argv[1:2] == ["preflight"] and not {"-h", "--help"} & set(sys.argv):
        from infogan_lib.measure.preflight.run import command

        sys.exit(command(sys.argv[2:]))
    from infogan_lib import cli

    cli.main()


if __name__ == "__main__":
    main()
