"""``tidemill submit``: its options, what it says about wrong ones, what the program sees."""

from __future__ import annotations

import json
import os
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tidemill.cli import OPTIONS

SHOW = """
import json, sys
from pyspark import SparkConf, SparkContext
sc = SparkContext(conf=SparkConf())
conf = dict(sc.getConf().getAll())
print(json.dumps({"master": sc.master, "name": sc.appName, "argv": sys.argv, "conf": conf,
                  "path": sys.path[0], "file": __file__, "main": __name__,
                  "parallelism": sc.defaultParallelism}))
sc.stop()
"""


@pytest.fixture
def shown(submit, write_program):
    """What a program sees that was submitted with some options and arguments."""

    def run(*options, arguments=(), cwd=None):
        path = write_program(SHOW)
        where = {"cwd": cwd} if cwd else {}
        program = submit(*options, path, *arguments, **where)
        assert program.finish() == 0, program.report()
        assert program.stderr == ""
        return json.loads(program.stdout)

    return run


def test_defaults(shown):
    seen = shown()
    assert seen["master"] == "local[*]"
    assert seen["name"] == "program.py"
    assert seen["main"] == "__main__"
    assert seen["parallelism"] == len(os.sched_getaffinity(0))


def test_options_reach_the_program(shown):
    seen = shown("--master", "local[3]", "--name", "A name", "--conf", "a.b=c=d", "-c", "e=")
    assert (seen["master"], seen["name"], seen["parallelism"]) == ("local[3]", "A name", 3)
    assert (seen["conf"]["a.b"], seen["conf"]["e"]) == ("c=d", "")


def test_options_may_be_written_with_an_equals_sign(shown):
    assert shown("--master=local[2]", "--name=n", "--conf=x=y")["conf"]["x"] == "y"


def test_master_option_wins_over_conf(shown):
    assert shown("--conf", "spark.master=local[1]", "--master", "local[2]")["master"] == "local[2]"
    assert shown("--conf", "spark.master=local[1]")["master"] == "local[1]"


def test_arguments_are_the_programs(shown, tmp_path):
    arguments = ("localhost", "9999", "--master", "nonsense", "-v", "")
    seen = shown(arguments=arguments)
    assert seen["argv"] == [str(tmp_path / "program.py"), *arguments]


def test_program_by_relative_path(shown, tmp_path):
    seen = shown(cwd=tmp_path)
    assert seen["path"] == str(tmp_path)


def test_properties_file(shown, tmp_path):
    path = tmp_path / "spark.properties"
    path.write_text("# settings\nspark.app.name  From a file\nk=v\n\n")
    seen = shown("--properties-file", path, "--conf", "k=w")
    assert (seen["name"], seen["conf"]["k"]) == ("From a file", "w")


def test_installed_command(start, write_program):
    command = Path(sys.executable).with_name("tidemill")
    program = start([command, "submit", write_program("print('ran', __name__)")])
    assert program.finish() == 0
    assert program.stdout == "ran __main__\n"


def test_version_and_help(start):
    version = start([sys.executable, "-m", "tidemill", "--version"])
    assert version.finish() == 0
    assert version.stdout.startswith("tidemill ")
    for arguments in (["--help"], ["submit", "--help"]):
        usage = start([sys.executable, "-m", "tidemill", *arguments])
        assert usage.finish() == 0
        assert "submit" in usage.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_program.py"], "no_such_program.py"),
        (["."], "is a folder"),
        (["--conf", "novalue", "p.py"], "--conf should be key=value"),
        (["--no-such-option", "p.py"], ""),
        (["--max-batches", "0", "p.py"], "--max-batches should be a whole number"),
        (["--properties-file", "missing", "p.py"], "cannot read the properties file"),
        (["--py-files", "missing.py", "p.py"], "missing.py"),
        ([], ""),
    ],
)
def test_wrong_options_end_with_two_and_one_message(submit, write_program, arguments, said):
    write_program("print('must not run')", "p.py")
    program = submit(*arguments)
    assert program.finish() == 2
    assert program.stdout == ""
    assert said in program.stderr
    assert "Traceback" not in program.stderr


@pytest.mark.parametrize(
    "master",
    ["nonsense", "local[0]", "local[-1]", "local[x]", "local[", "yarn", "spark://h:7077", ""],
)
def test_master_nonsense(submit, write_program, master):
    program = submit("--master", master, write_program("print('must not run')"))
    assert program.finish() == 2
    assert program.stdout == ""
    assert repr(master) in program.stderr
    assert "local[N]" in program.stderr
    assert "Traceback" not in program.stderr


def test_master_nonsense_in_the_program(submit, write_program):
    text = "from pyspark import SparkContext\nSparkContext('nonsense', 'x')\n"
    program = submit(write_program(text))
    assert program.finish() == 1
    assert "local[N]" in program.stderr
    assert "'nonsense'" in program.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [("import sys; sys.exit(7)", 7), ("raise SystemExit", 0), ("1 / 0", 1), ("", 0)],
)
def test_exit_code_is_the_programs(submit, write_program, text, code):
    assert submit(write_program(text)).finish() == code


def test_traceback_shows_the_program_only(submit, write_program):
    program = submit(write_program("def f():\n    raise ValueError('mine')\n\nf()\n"))
    assert program.finish() == 1
    assert "ValueError: mine" in program.stderr
    assert program.stderr.count('File "') == 2
    assert "tidemill" not in program.stderr.replace("pytest", "")


def test_syntax_error_in_the_program(submit, write_program):
    program = submit(write_program("print 'python 2'\n"))
    assert program.finish() == 1
    assert "SyntaxError" in program.stderr


def test_program_that_never_stops_its_context(submit, write_program):
    text = "from pyspark import SparkContext\nprint(SparkContext().parallelize([1, 2]).count())\n"
    program = submit("--master", "local[2]", write_program(text))
    assert program.finish() == 0
    assert (program.stdout, program.stderr) == ("2\n", "")


def test_py_files_reach_driver_and_workers(submit, write_program, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "plain.py").write_text("def twice(x):\n    return 2 * x\n")
    with zipfile.ZipFile(folder / "zipped.zip", "w") as archive:
        archive.writestr("packed/__init__.py", "def thrice(x):\n    return 3 * x\n")
    text = (
        "from pyspark import SparkContext\nimport packed, plain\nsc = SparkContext()\n"
        "print(sc.parallelize([1, 2]).map(plain.twice).map(packed.thrice).collect())\n"
    )
    files = f"{folder / 'plain.py'},{folder / 'zipped.zip'}"
    program = submit("--master", "local[2]", "--py-files", files, write_program(text))
    assert program.finish() == 0, program.report()
    assert program.stdout == "[6, 12]\n"


def test_module_beside_the_program(submit, write_program):
    write_program("def twice(x):\n    return 2 * x\n", "beside.py")
    text = (
        "from pyspark import SparkContext\nimport beside\n"
        "print(SparkContext().parallelize([1, 2], 2).map(beside.twice).collect())\n"
    )
    program = submit("--master", "local[2]", write_program(text), cwd="/")
    assert program.finish() == 0, program.report()
    assert program.stdout == "[2, 4]\n"


def test_alias_is_for_submitted_programs_only(start):
    program = start(
        [sys.executable, "-c", "import tidemill, importlib.util as u; print(u.find_spec('py4j'))"]
    )
    assert program.finish() == 0
    assert program.stdout == "None\n"


def test_verbose_says_more_on_standard_error_only(submit, write_program):
    program = submit("--verbose", "--master", "local[1]", write_program("print('hello')"))
    assert program.finish() == 0
    assert program.stdout == "hello\n"
    assert "spark.master=local[1]" in program.stderr


def test_summary_and_max_batches(submit, write_program):
    text = """
from pyspark import SparkContext
from pyspark.streaming import StreamingContext
ssc = StreamingContext(SparkContext(), 0.1)
ssc.queueStream([[1, 2], [3]]).pprint()
ssc.start()
ssc.awaitTermination()
"""
    program = submit("--summary", "--max-batches", "3", "--master", "local[2]", write_program(text))
    assert program.finish() == 0
    assert program.stdout.count("Time: ") == 3
    lines = program.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tidemill: 3 batches")


def test_worker_prints_go_to_standard_error(submit, write_program):
    text = """
from pyspark import SparkContext
def shout(n):
    print("from a worker", n)
    return n
print(SparkContext().parallelize([1], 1).map(shout).collect())
"""
    program = submit("--master", "local[1]", write_program(text))
    assert program.finish() == 0
    assert program.stdout == "[1]\n"
    assert program.stderr == "from a worker 1\n"


def test_spark_submit_options_without_meaning_here(submit, write_program):
    program = submit("--driver-memory", "1g", "--executor-cores", "2", write_program("print(1)"))
    assert program.finish() == 0
    assert program.stdout == "1\n"
    assert "--driver-memory, --executor-cores: no effect" in program.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--confg=a=b", "there is no option --confg; did you mean --conf?"),
        ("--max-batch", "did you mean --max-batches?"),
        ("--zzz", "'tidemill submit --help' lists those there are"),
    ],
)
def test_option_that_there_is_not(submit, write_program, option, said):
    program = submit(option, write_program(SHOW))
    assert program.finish() == 2
    assert said in program.stderr
    assert program.stdout == ""


def test_no_program(submit):
    program = submit()
    assert program.finish() == 2
    assert program.stderr.endswith("the following arguments are required: app.py\n")


def test_all_options_are_known(submit):
    program = submit("--help")
    assert program.finish() == 0
    assert set(re.findall(r"--[a-z-]+", program.stdout)) == set(OPTIONS)
