"""What of a regular expression is written in the other engine's syntax, and what is refused."""

from __future__ import annotations

import importlib.util
import re
import sys
import textwrap
import threading
import warnings

import pytest

from tidemill.compiler import front, patterns, source
from tidemill.compiler.reasons import PATTERN, Unsupported

WORD = re.compile("[a-z]+")


def written(text, flags=0):
    return patterns.translate(re.compile(text, flags), 1)


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("ab", "[a][b]"),
        ("", "(?:)"),
        ("a|bc", "(?:[a]|[b][c])"),
        (r"\d+?", "(?:[0-9])+?"),
        ("(?i:a)b", "(?:[Aa])[b]"),
        ("[^é]", r"[\x{0}-\x{e8}\x{ea}-\x{d7ff}\x{e000}-\x{10ffff}]"),
        (r"^a$\Z", r"\A[a]\z\z"),
        ("(?m)^a$", "(?m:^)[a](?m:$)"),
        ("(a)(?:b)(?P<n>c)", "([a])[b]([c])"),
        (r"é\d", r"[^\x{0}-\x{10ffff}][0-9]"),
    ],
)
def test_syntax(text, syntax):
    assert written(text)["syntax"] == syntax


@pytest.mark.parametrize(
    ("text", "groups"),
    [("(a)", [True]), ("(a)?(b)+", [False, True]), ("(a)|b", [False]), ("((a)|b)", [True, False])],
)
def test_groups_that_always_take_part(text, groups):
    if "+" not in text or sys.version_info >= (3, 11):
        assert written(text)["groups"] == groups


def test_subjects_that_are_native_code_s():
    assert not any(written("aé.")[key] for key in ("ascii", "no_newline", "not_empty"))
    assert written(r"\s")["ascii"] and not written(r"(?a)\s")["ascii"]
    assert written("(?i)k")["ascii"] and not written("(?ai)k")["ascii"]
    assert written("a$")["no_newline"] and not written("(?m)a$")["no_newline"]
    assert written(r"\B")["not_empty"] and not written(r"\b")["not_empty"]


@pytest.mark.parametrize(
    ("text", "empty", "last"),
    [
        ("a", False, True),
        ("a*", True, True),
        ("a*?", True, False),
        ("|a", True, False),
        ("a|", True, True),
        ("a*?b", False, True),
        ("(?:a|)?", True, True),
        (r"\b", True, True),
    ],
)
def test_whether_nothing_matches_last(text, empty, last):
    assert (written(text)["empty"], written(text)["empty_last"]) == (empty, last)


@pytest.mark.parametrize(
    "text",
    [
        *["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(a)?(?(1)b|c)"],
        *["(a*)*", "(a|b*)*", "(a*)?", "(?:a*)+", "a{0}", "a{3000}", "(?:a{100}){100}"],
        *["(?i)é", "(?i)[^\u212a]", "[\ud800]"],
    ],
)
def test_refused(text):
    with pytest.raises(Unsupported) as refusal:
        written(text)
    assert refusal.value.reason == PATTERN


@pytest.mark.skipif(sys.version_info < (3, 11), reason="new in 3.11")
@pytest.mark.parametrize("text", ["(?>a)b", "a*+b", "(?:ab)?+"])
def test_refused_since_3_11(text):
    with pytest.raises(Unsupported):
        written(text)


def test_refused_flags_and_bytes():
    for pattern in (re.compile(b"a"), re.compile("a", re.DEBUG & 0 | 128)):
        with pytest.raises(Unsupported):
            patterns.translate(pattern, 1)


def test_templates():
    pattern = re.compile("(a)(?P<n>b)")
    assert patterns.template(pattern, r"x\1\g<n>\n\g<0>", 1) == ["x", 1, 2, "\n", 0]
    assert patterns.template(pattern, "", 1) == []
    for wrong in (r"\3", r"\g<m>", r"\q"):
        with pytest.raises(Unsupported):
            patterns.template(pattern, wrong, 1)


@pytest.mark.parametrize(
    "user",
    [
        lambda line: WORD.match(line, 1),
        lambda line: re.match(line, "a"),
        lambda line: re.match("(", line),
        lambda line: re.sub("a", lambda m: "b", line),
        lambda line: re.sub(string=line, pattern="a", repl="b"),
        lambda line: WORD.finditer(line),
        lambda line: WORD.pattern,
        lambda line: WORD,
        WORD.finditer,
        WORD.sub,
    ],
)
def test_refused_calls(user):
    found = front.describe(user)
    assert not found["ok"] and found["reason"] in front.REASONS


def test_a_patched_module_is_not_known(monkeypatch):
    user = lambda line: bool(re.search("a", line))  # noqa: E731
    assert front.describe(user)["ok"]
    monkeypatch.setattr(re, "search", lambda pattern, text: print(pattern))
    assert not front.describe(user)["ok"]


def test_a_pattern_that_cpython_warns_of_is_refused_without_a_word():
    user = lambda line: bool(re.search("[[a]", line))  # noqa: E731
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = front.describe(user)
    assert not found["ok"] and found["reason"] == PATTERN and "nested set" in str(found)
    assert not said


def test_the_filters_of_warnings_are_left_alone_by_threads():
    """They are the whole process's: threads that set them back would set each other's back."""
    pattern = re.compile("(a)(b)")
    before = list(warnings.filters)
    interval = sys.getswitchinterval()

    def work():
        for _ in range(300):
            patterns.translate(pattern, 1)
            patterns.template(pattern, r"\1", 1)
            source.SourceFile("module.py", "A = '\\d'")

    seen = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.append(list(warnings.filters))
    finally:
        sys.setswitchinterval(interval)
    ours = [before, [source.QUIET_FILTER, *before]]
    assert all(filters in ours for filters in [*seen, list(warnings.filters)])


def load(path, name, text):
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_patterns_of_a_module_that_workers_import(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tidemill_test_patterns", None)
    text = """
        import re
        import re as regular
        import os
        PLAIN = re.compile("a+", re.I | regular.M)
        OTHER = re.compile(os.environ.get("HOME", "b"))
        SEVERAL = re.compile("a")
        SEVERAL = re.compile("b")
        def plain(line): return bool(PLAIN.search(line))
        def other(line): return bool(OTHER.search(line))
        def several(line): return bool(SEVERAL.search(line))
        """
    module = load(tmp_path / "one.py", "tidemill_test_patterns", text)
    assert front.describe(module.plain)["ok"]
    assert not front.describe(module.other)["ok"]
    assert not front.describe(module.several)["ok"]
    module.PLAIN = re.compile("b")
    assert not front.describe(module.plain)["ok"]
