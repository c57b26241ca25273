"""The command line as a newcomer meets it: help, typos, errors, pipes, all of it without TensorFlow."""

import argparse
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfcolor
from tfcolor import cli
from tfcolor.command import Parser, real, verb, whole

ROOT = Path(tfcolor.__file__).parents[1]
# An interpreter in which TensorFlow and Keras cannot be imported, that runs a module as `python -m` does.
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules |= {"tensorflow": None, "keras": None}
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def run(*arguments):
    """`python -m ARGUMENTS` without TensorFlow -> the finished process."""
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)


def is_one_line(text):
    return text.startswith("tfcolor") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize(
    "type, text, says",
    [
        (whole(1, 9), "10", "'10' is not a whole number from 1 to 9"),
        (whole(1), "0", "'0' is not a whole number of at least 1"),
        (whole(1, 9), "9" * 400, "is not a whole number from 1 to 9"),
        (whole(1), "2.0", "'2.0' is not a whole number"),
        (whole(1), "", "'' is not a whole number"),
        (real(0, 1), "1.01", "'1.01' is not a number from 0 to 1"),
        (real(0), "-1e-9", "'-1e-9' is not a number of at least 0"),
        (real(0), "nan", "'nan' is not a number"),
        (real(0), "inf", "'inf' is not a number"),
        (real(-2), "-inf", "'-inf' is not a number"),
    ],
)
def test_numbers_out_of_range_are_named(type, text, says):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        type(text)
    assert says in str(caught.value)


def test_numbers_in_range_are_taken():
    assert whole(1, 9)("1") == 1 and whole(1, 9)("9") == 9 and whole(0)("9" * 400) == int("9" * 400)
    assert real(0, 1)("1") == 1 and real(-2)("-2") == -2


@pytest.mark.parametrize("name", cli.VERBS)
def test_help_of_every_verb_answers_without_tensorflow(name):
    direct = run(f"tfcolor.{name}", "--help")
    assert direct.returncode == 0, direct.stderr
    assert direct.stdout.startswith(f"usage: tfcolor {name} ")
    assert run("tfcolor", name, "--help").stdout == direct.stdout


@pytest.mark.parametrize("name", cli.VERBS)
def test_a_wrong_command_of_every_verb_is_one_line(name):
    done = run("tfcolor", name, "--no-such-option")
    assert done.returncode == 2 and done.stdout == "" and is_one_line(done.stderr), done.stderr
    assert done.stderr.startswith(f"tfcolor {name}: ")


def test_help_lists_every_verb():
    done = run("tfcolor", "--help")
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in cli.VERBS)


def test_without_arguments_the_help_goes_to_standard_error():
    done = run("tfcolor")
    assert done.returncode == 2 and done.stdout == "" and "usage: tfcolor VERB" in done.stderr


def test_version():
    assert run("tfcolor", "--version").stdout == f"tfcolor {tfcolor.__version__}\n"


@pytest.mark.parametrize(
    "typed, words",
    [
        ("colorise", "did you mean colorize?"),
        ("--train", "did you mean train?"),
        ("x.jpg", "there are colorize, app, train"),
    ],
)
def test_an_unknown_verb_is_one_line_that_leads_on(typed, words):
    done = run("tfcolor", typed)
    assert done.returncode == 2 and words in done.stderr and is_one_line(done.stderr)


def test_the_verb_gets_its_arguments_and_its_exit_code_is_passed_on(monkeypatch):
    from tfcolor import train

    monkeypatch.setattr(train, "main", lambda argv: len(argv))
    assert cli.main(["train", "--task", "yuv"]) == 2
    assert cli.main(["train"]) == 0


# The errors that every verb reports alike ---------------------------------------------------------------------------


def raising(error):
    @verb("train")
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    "error, code, line",
    [
        (ValueError("size=31;\n  a multiple of 32"), 2, "tfcolor train: size=31; a multiple of 32\n"),
        (OSError(errno.ENOSPC, "Disk full", "a"), 1, f"tfcolor train: [Errno {errno.ENOSPC}] Disk full: 'a'\n"),
        (OSError(errno.ENOENT, "Not there", "a"), 2, f"tfcolor train: [Errno {errno.ENOENT}] Not there: 'a'\n"),
        (KeyboardInterrupt(), 130, "tfcolor train: stopped\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(error, code, line, capsys):
    assert raising(error)([]) == code
    assert capsys.readouterr() == ("", line)


def test_debug_lets_the_error_pass():
    with pytest.raises(ValueError, match="size"):
        raising(ValueError("size"))(["--debug"])


def test_a_bug_keeps_its_traceback():
    with pytest.raises(TypeError):
        raising(TypeError("a bug, and no user's fault"))([])


def test_main_returns_zero_and_reads_the_process_arguments(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "argv", ["tfcolor", "a", "b"])
    assert verb("train")(seen.append)() == 0
    assert seen == [["a", "b"]]


@pytest.mark.parametrize("arguments", ["'--help'", "'--version'"])
def test_a_closed_pipe_ends_without_a_word(arguments):
    code = f"import os; os.close(0); from tfcolor.cli import main; raise SystemExit(main([{arguments}]))"
    read, write = os.pipe()
    os.close(read)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, env=env)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def parser():
    made = Parser("tfcolor thing")
    made.add_argument("--limit", type=int)
    made.add_argument("--data-dir")
    made.add_subparsers(metavar="COMMAND").add_parser("show").add_argument("--count", required=True)
    return made


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--limti=3"], "--limti=3: did you mean --limit\\? \\(--help shows how\\)"),
        (["--data_dir=x"], "did you mean --data-dir\\?"),
        (["--lim=3"], "did you mean --limit\\?"),  # no abbreviations: they break when an option is added
        (["--limit", "three"], "argument --limit: invalid int value: 'three' \\(--help shows how\\)"),
        (["--zebra"], "unrecognized arguments: --zebra \\(--help"),
        (["show", "--cuont", "3"], "required: --count: did you mean --count\\?"),
        (["show", "--count", "3", "--contu", "3"], "unrecognized arguments: --contu 3: did you mean --count\\?"),
    ],
)
def test_the_parser_names_the_nearest_option(arguments, words):
    with pytest.raises(ValueError, match=words):
        parser().parse_args(arguments)


def test_every_parser_knows_debug():
    assert parser().parse_args(["--debug"]).debug
    assert parser().parse_args(["show", "--count", "3", "--debug"]).debug
