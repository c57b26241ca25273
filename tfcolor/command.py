"""What the verbs' command lines have in common: a parser that suggests, numbers, errors in one line, exit codes."""

import argparse
import difflib
import functools
import math
import os
import sys
import time

IMPORTED = time.monotonic()
FAILED, WRONG_COMMAND, INTERRUPTED, CLOSED_PIPE = 1, 2, 130, 141

# What a wrong command raises: a wrong value, or a path that cannot be meant.
WRONG = (ValueError, FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with `--debug` that raises its errors as ValueError and names the nearest option to a typo."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, **kwargs)
        self.add_argument("--debug", action="store_true", help="show where an error comes from")

    def parse_known_args(self, args=None, namespace=None):
        """As argparse's; remembers what was typed, for `error`."""
        self._typed = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(self._typed, namespace)

    def error(self, message):
        """Raises ValueError in place of argparse's usage and exit."""
        options = self._options()
        typed = [word.partition("=")[0] for word in self._typed if word.startswith("--") and word != "--"]
        nearest = [difflib.get_close_matches(word, options, 1) for word in typed if word not in options]
        hint = ", ".join(match[0] for match in nearest if match)
        raise ValueError(message + (f": did you mean {hint}?" if hint else "") + " (--help shows how)")

    def _options(self):
        """The options of this parser and of its subcommands."""
        options = set(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                options = options.union(*(parser._options() for parser in action.choices.values()))
        return options


def whole(least, most=math.inf):
    """A type for argparse: text -> int from `least` to `most`; ArgumentTypeError says which would be right."""
    return _number(int, "a whole number", least, most)


def real(least, most=math.inf):
    """A type for argparse: text -> finite float from `least` to `most`; ArgumentTypeError says which would be right."""
    return _number(float, "a number", least, most)


def _number(kind, name, least, most):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most or value == math.inf:
            limits = f"of at least {least}" if math.isinf(most) else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not {name} {limits}")
        return value

    return parse


def process_age():
    """Seconds since this process began; where the system is no Linux, since this file was imported."""
    try:
        with open("/proc/self/stat") as file:
            fields = file.read().rpartition(")")[2].split()  # the name before it may hold spaces
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5), after the boot
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError):
        return time.monotonic() - IMPORTED


def _open_closed_streams():
    """The null device for standard streams that are closed, as services may have them.

    Else a photo that is opened would get a closed stream's number, and what libraries print would go into it.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(number)
        sys.stdin, sys.stdout = sys.stdin or open(os.devnull), sys.stdout or open(os.devnull, "w")
        sys.stderr = sys.stderr or open(os.devnull, "w")


def verb(name):
    """Decorates `main(argv) -> exit code` of the verb `name` (as "train"; "" for tfcolor itself).

    The decorated main takes None for the process's own arguments, and answers on standard error in one line:

    - the command is wrong (ValueError, or a path that is not there, not allowed, not of that kind): 2
    - it could not be done (any other OSError, such as a full disk): 1
    - Ctrl-C: 130
    - standard output closed by its reader, as by `| head`: 141, without a word, as other Unix tools

    `--debug` among the arguments lets ValueError and OSError pass, traceback and all.
    """
    label = f"tfcolor {name}".rstrip()

    def decorate(main):
        @functools.wraps(main)
        def reporting(argv=None):
            argv = sys.argv[1:] if argv is None else list(argv)
            _open_closed_streams()
            try:
                try:
                    return main(argv) or 0
                finally:
                    sys.stdout.flush()  # a pipe that is closed shows here, not when the interpreter ends
            except KeyboardInterrupt:
                print(f"{label}: stopped", file=sys.stderr)
                return INTERRUPTED
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return CLOSED_PIPE
            except (ValueError, OSError) as error:
                if "--debug" in argv:
                    raise
                print(f"{label}: {' '.join(str(error).split())}", file=sys.stderr)
                return WRONG_COMMAND if isinstance(error, WRONG) else FAILED

        return reporting

    return decorate
