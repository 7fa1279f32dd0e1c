"""Documents on which native code and CPython could disagree: `json.loads` of each, and what is in it.

`DOCUMENTS` are about the grammar, `EVENTS` are objects whose keys hold values of every kind, `USUAL`
are alike, as a stream's lines are, `LAYOUTS` have the same keys in changing orders, some of them
twice, some left out, some of the commas wrong. Used by `test_compiler_json`.
"""

# ruff: noqa: E501, RUF001, RUF005
from __future__ import annotations

import json
from random import Random

NUMBERS = """
0 -0 1 -1 00 01 -01 +1 1. 1.0 .5 -.5 -0.0 0.0 1e5 1E5 1e+5 1e-5 1e 1e+ 1.e5 1.5e3 1.5E-3 -1.5e3 1e400 -1e400
1e-400 5e-324 2.2250738585072011e-308 1.7976931348623159e308 0.1 10.0 10.5 9007199254740993
9007199254740993.0 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 99999999999999999999 1234567890123456789012345678901234567890
0.12345678901234567890123456789 1e0001 0e99999999999999999999 - -- -a 0x10 1_0 1,0 NaN -NaN Infinity
-Infinity +Infinity -Inf nan inf INFINITY Infinit -Infinit Na true false null True False None tru nul
nulll truefalse t f n N I ١ 1١ １ 1.١
""".split()

STRINGS = [
    r'""', r'"a"', r'"\""', r'"\\"', r'"\/"', r'"/"', r'"\b\f\n\r\t"', r'"\a"', r'"\u0041"', r'"\u00e9"',
    r'"\u20AC"', r'"\ud83d\ude00"', r'"\uD83D\uDE00x"', r'"\ud83d"', r'"\ude00"', r'"\ud83dx"', r'"\ud83d\n"',
    r'"\ud83d\u0041"', r'"\ud83d\ud83d\ude00"', r'"\ude00\ud83d"', r'"\ud83d\u"', r'"\ud83d\u00"', r'"\ud83d\uzzzz"',
    r'"\u0000"', r'"\u001f"', r'"\u"', r'"\u12"', r'"\u123"', r'"\u123g"', r'"\u+123"', r'"\u 123"', r'"\x41"', r'"\U00000041"',
    '"\t"', '"\x00"', '"\x01"', '"\x1f"', '"\x7f"', '"\x80"', '"\x85"', '"\u2028"', '"\ufeff"', '"é"', '"😀"', '"e\u0301"',
    '"', '"a', '"\\', '"\\"', '"a\\', "'a'", "a", '"a""b"', '"a" "b"', '"a"b', '"12345678"', '"1234567\\n"', '"12345678\\n12345678"',
    '"1234567é\\u0041é"', '"' + "x" * 1000 + '"', '"' + "\\u0041" * 300 + '"', '"' + "é\\n" * 300 + '"', '"1234567\t"', '"123456789\x1f"',
]  # fmt: skip

STRUCTURES = """
[] {} [[]] [{}] {"a":[]} {"a":{}} [,] [1,] [,1] [1,,2] [1 2] [1;2] [1 {,} {"a"} {"a":} {"a":1,} {,"a":1}
{"a" 1} {a:1} {'a':1} {1:2} {null:1} {"a":1 {"a":1]} [1} ] } [] [] {}{} []x x[] [1]2 {"a":1}, [1],
[null,true,false] [1,2.5,"x",null,true,[1],{"a":1}] {"a":1,"a":2} {"a":1,"b":2,"a":3} {"b":0,"a":{"x":1},"a":[2]}
{"a":1,"\\u0061":2} {"":1} {"":{"":{"":[]}}} {"a":1}{"a":2} [NaN] [Infinity,-Infinity] {"a":NaN} [-] [1e5,1E400]
{"a":tru} [nul] {"a":"b"} {"é":"ß"} {"a\\nb":1} //x /*x*/1 1#x [1]//x
""".split() + [
    "", " ", "\t", " 1", "1 ", "\t1\r", "\xa01", "1\xa0", "\x0c1", "\x0b[]", "\ufeff1", "\ufeff", "1\ufeff", "\u20281", "\x001",
    "1\x00", " { } ", "[ ]", "[ 1 , 2 ]", '{ "a" : 1 , "b" : [ ] }', '{\t"a"\t:\r1}', '{"a"\xa0:1}', '{"a": 1, }', "[1, ]", "[\x0c1]",
    "[" * 30 + "]" * 30, "[" * 63 + "]" * 63, "[" * 64 + "1" + "]" * 64, "[" * 65 + "]" * 65, "[" * 300 + "]" * 300,
    "[" * 5000 + "]" * 5000, "[" * 100, "{" * 100, '{"a":' * 70 + "1" + "}" * 70, "[" * 70 + "x", "1" * 640, "1" * 641, "1" * 4300,
    "-" + "1" * 640, "1" * 5000, "[" + "1" * 5000 + "x", "0." + "1" * 5000, "1" * 700 + ".5", "1" * 400 + "e-400",
    "{" + ",".join(f'"k{i}":{i}' for i in range(40)) + "}",
    "{" + ",".join(f'"k{i % 37}":{i}' for i in range(100)) + "}",
    "{" + ",".join(f'"k{i}":{i}' for i in range(1500)) + "}",
    "[" + ",".join(map(str, range(2000))) + "]",
]  # fmt: skip

DOCUMENTS = [*NUMBERS, *STRINGS, *STRUCTURES]

# Values of every kind for the keys of an event.
VALUES = [
    "0", "1", "-7", "10", "2.5", "-0.0", "1e400", "NaN", "9007199254740993", "9223372036854775807", "99999999999999999999",
    "true", "false", "null", '""', '"a"', '"é"', '"12"', '"1.5"', '"x y z"', '"\\ud83d\\ude00"', '"\\ud83d"', "[]", "[1,2,3]",
    '["a","b"]', '[1,"a",null]', "[[1,2],[3]]", "{}", '{"x":1}', '{"x":{"y":[1]}}', '{"y":"a","x":2.5}', "[1.5,2]", '[{"n":1},{"n":2}]',
]  # fmt: skip

EVENTS = [
    "{}",
    *(f'{{"a":{value}}}' for value in VALUES),
    *(f'{{"a":1,"b":{value}}}' for value in VALUES),
    *(f'{{"a":{value},"b":2,"s":"text"}}' for value in VALUES),
    *(f'{{"a":{one},"b":{other}}}' for one in VALUES[:9] for other in VALUES[:9:2]),
    *(f'{{"s":{value},"a":5,"b":0.5}}' for value in VALUES),
    *(f'{{"l":{value},"d":{{"x":{value}}},"s":"k"}}' for value in VALUES),
    *(f'{{"d":{value},"l":[{value},{value}]}}' for value in VALUES),
]


def _usual(number):
    amount = number if number % 4 else number + 0.5
    return {
        "a": number % 11,
        "b": amount,
        "s": ["DE", "FR", "é", ""][number % 4],
        "l": [*range(number % 4)],
        "d": {"x": number % 3, "y": "u" + str(number % 5)},
        "t": None if number % 5 == 0 else "t",
        "n": None if number % 7 == 0 else number,
        "on": number % 2 == 0,
        "items": [{"sku": f"s{i}", "qty": i, "price": i / 4} for i in range(number % 4)],
        "tags": ["x", "y"][: number % 3],
    }


# More than are looked at before a chain is compiled.
USUAL = [json.dumps(_usual(number)) for number in range(300)]


def _layout(random):
    """An object with keys of a few, in one of the orders that came before or in another."""
    keys = ["a", "b", "s", "d", "l"]
    for _ in range(random.choice([0, 0, 0, 1, 2, 3])):
        key = keys.pop(random.randrange(len(keys)))
        for _ in range(random.choice([0, 1, 1, 2])):
            keys.insert(random.randrange(len(keys) + 1), key)
    inner = ['{"x":1}', '{"x":1,"x":2}', '{"y":"a","x":2.5}', '{"x":1,"y":"a","x":3}']
    values = {"a": ["1", "2", "7"], "b": ["0.5", "3.25"], "s": ['"DE"', '"FR"', '""'], "d": inner}
    values["l"] = ["[1,2,3]", "[]", f"[{','.join(random.choices(inner, k=3))}]"]
    entries = [f'"{key}": {random.choice(values[key])}' for key in keys]
    start = random.choice(["{"] * 30 + ["{,"])
    return start + random.choice([", "] * 30 + [",", ",,"]).join(entries) + "}"


LAYOUTS = [_layout(Random(number)) for number in range(900)]
