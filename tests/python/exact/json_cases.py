"""Expressions over documents, compiled and in CPython. Used by `test_compiler_json`.

`e` is the line's document, or None if it has none; `d` is the document if it is a dict, or else an
empty one.
"""

# ruff: noqa: E501
from __future__ import annotations

DOCUMENTS = """
json.loads(line) | json.loads(line.strip()) | loads(line) | json.loads(s=line) | json.loads(line, parse_float=str) | json.loads(line + " ")
json.loads("[1]") | json.loads(line)["a"] | json.loads(line)[0] | json.loads(json.dumps(line)) | json.dumps(json.loads(line))
json.dumps(line) | json.dumps([line]) | json.dumps({"k": line, "n": len(line)}) | json.dumps((line, None, True, 1.5)) | json.dumps(line, indent=1)
json.dumps({"a": {"b": [1, 2], "c": (line,)}}) | json.dumps(line.split()) | json.dumps([]) | json.dumps({}) | json.dumps(()) | json.dumps(1, sort_keys=True)
json.dumps([len(w) for w in line.split()]) | json.dumps({line: 1}) | json.dumps({1: line}) | json.dumps(json.loads(line)) + "x" | json.dumps({"é": "\\u2028\\x7f"})
e | e is None | e is not None | not e | bool(e) | e == 1 | e == "a" | e == None | e != 1.0 | e == True | e == [] | e == {}
e and 1 | e or "none" | (e, 1) | [e] | [e, 1][0] | (line, e) | str(e) | repr(e) | f"{e}" | len(e) | type(e) | e in (1, "a") | e in {1, "a"} | e not in [None, 2]
isinstance(e, dict) | isinstance(e, list) | isinstance(e, str) | isinstance(e, int) | isinstance(e, (int, float)) | isinstance(e, bool) | isinstance(e, float) | isinstance(line, str)
isinstance(e, object) | isinstance(e, type(None)) | isinstance(e, (dict, (list, str))) | isinstance(len(line), (bool, float)) | isinstance(len(line), int) | isinstance((1,), tuple)
e["a"] | e[0] | e[-1] | e[True] | e["a"]["x"] | e["a"][0] | e[line] | e[1:] | e[None] | e[0]["a"] | e["é"] | e[""] | e["a"] + 1 | e + 1 | e * 2 | -e
e.get("a") | e.get("a", 0) | e.get("a", None) | e.get(1) | e.get() | e.get("a", {}) | e.get("a", []) | e.get("a", "x") | e.get("zz", 2.5) | e.get("a", line)
"a" in e | 1 in e | None in e | "" in e | "x" not in e | line in e | e in e | 1.0 in e | True in e | "a" in json.loads(line)
[x for x in e] | [k for k in e.keys()] | [v for v in e.values()] | [(k, v) for k, v in e.items()] | list(e) | sorted(e) | len(e.items()) | e.items() | e.keys() | e.pop("a") | e.copy()
sum(e) | sum([x for x in e]) | max(e) | [x + 1 for x in e] | [x["a"] for x in e] | ",".join(e) | ",".join([str(x) for x in e]) | [x for x in e if x] | [1 for x in e if isinstance(x, str)]
int(e) | float(e) | abs(e) | round(e) | e < 5 | e <= 2.5 | 1 < e | "a" < e | e > "a" | e >= e | e == e | e != e | e / 2 | e // 2 | e % 2 | e - 1 | 1 - e | e + e | e * 1.5 | e + "x"
e.strip() | e.upper() | e.split() | e.startswith("a") | e[0:1] | line.replace("a", e) | e.isdigit() | "-".join([e, e]) | e < line | line + e | e in line | line == e | e == line
float(e) + 1 | int(e) + 1 | int(float(e)) | str(e) + "x" | -e | +e | e if e else 0 | (e or 0) + 1 | e and e["a"] | e is not None and e != 1
"""

EVENTS = """
d["a"] | d["b"] | d["s"] | d["l"] | d["d"] | d["zz"] | d.get("a") | d.get("b", 0) | d.get("zz") | d.get("zz", 1) | d.get("s", "none") | d.get("n", -1) | d[line]
d["a"] + 1 | d["a"] + d["b"] | d["b"] * 2 | d["b"] + 0.5 | d["a"] - d["b"] | d["a"] / d["b"] | d["b"] / 2 | d["a"] * d["b"] | 1 - d["b"] | d["a"] // 2 | d["a"] % 3 | d["b"] // 2 | d["b"] % 2 | d["b"] ** 2
d["a"] < d["b"] | d["a"] == d["b"] | d["b"] > 2 | d["b"] >= 2.5 | d["b"] == 2 | d["b"] != 2.0 | 0 <= d["b"] < 10 | d["a"] == 1 | d["a"] == 1.0 | d["a"] == True | d["a"] is None | d["a"] != None | d["s"] == "a" | d["s"] < "b" | d["s"] == d["a"]
d["s"].upper() | d["s"] + "!" | d["s"].split() | d["s"].split()[0] | d["s"][:1] | d["s"][0] | len(d["s"]) | len(d["l"]) | len(d["d"]) | len(d["a"]) | len(d) | d["s"].lower().strip() | d["s"] * 2 | "-" + d["s"] | d["s"].startswith("t")
str(d["a"]) | str(d["b"]) | str(d["s"]) | f"{d['a']}" | f"{d['s']}:{d['a']}" | f"{d['b']}" | int(d["a"]) | int(d["b"]) | float(d["a"]) | float(d["b"]) | int(d["s"]) | float(d["s"]) | bool(d["a"]) | bool(d["l"]) | abs(d["a"]) | abs(d["b"]) | -d["a"] | -d["b"] | round(d["b"], 1) | round(d["b"])
max(d["a"], 3) | max(d["a"], d["b"]) | min(d["b"], 1) | max(d["s"], "b") | d["a"] and d["b"] | d["a"] or 7 | d["s"] or "none" | d["b"] or 0.5 | (d.get("n") or 0) + 1 | (d.get("t") or "x").upper() | d.get("n", 0) + 1 | not d["a"] | d["a"] if d["b"] else d["s"] | 1 if d["on"] else 0
"a" in d | "zz" in d | "a" not in d and 1 | "x" in d["d"] | 1 in d["l"] | "a" in d["s"] | "a" in d["l"] | d["s"] in d | d["s"] in ("a", "é") | d["s"] in {"a", "DE"} | d["a"] in (1, 2) | d["a"] in {1, 2, 5} | d["s"] in "text" | d["b"] in (2, 0.5) | d["l"] in ([], 1) | d["a"] not in [d["b"], 1] | d["s"] not in {1, "x"}
d["d"]["x"] | d["d"]["x"] + 1 | d["d"]["y"] | d["d"]["x"]["y"] | d["d"].get("x", 0) | d.get("d", {}).get("x") | d.get("zz", {}) | (d.get("d") or {}).get("x") | d["l"][0] | d["l"][-1] | d["l"][0] + 1 | d["l"][d["a"]] | d["l"][5] | d["l"][1:] | d["l"][0]["n"] | d["l"][0][0]
[x for x in d["l"]] | [x + 1 for x in d["l"]] | sum(d["l"]) | sum([x for x in d["l"]]) | max(d["l"]) | [i["qty"] for i in d["items"]] | sum([i["qty"] for i in d["items"]]) | sum(i["qty"] * i["price"] for i in d["items"]) | [(i["sku"], i["qty"]) for i in d["items"] if i["qty"] > 1] | ",".join(d["tags"]) | ",".join([t.upper() for t in d["tags"]]) | [t for t in d["tags"] if t != "x"]
[k for k in d] | [k for k in d.keys()] | [k.upper() for k in d] | [v for v in d.values()] | [(k, v) for k, v in d.items()] | [k for k, v in d.items() if v is None] | [k + str(v) for k, v in d["d"].items()] | sum([1 for k in d]) | [v for v in d["d"].values()] | [x for x in d["s"]] | [k for k in d["d"]] | sum(d["d"].values()) | dict(d) | list(d) | list(d["l"]) | sorted(d["l"]) | tuple(d["l"])
(d["a"], d["b"]) | (d["a"], d["l"]) | (d["d"], d["d"]) | (d, d["d"]) | (d["d"], d) | (d, 1) | [d["a"], d["b"]] | [d["d"], d] | {"a": d["a"]} | {"a": d["a"], "b": d["b"], "s": d["s"]} | {"d": d["d"], "l": d["l"]} | {"d": d["d"], "e": d["d"]} | {"d": d} | {"x": {"y": d["a"]}} | {"n": d.get("n"), "t": d.get("t")}
{**d, "x": 1} | {**d} | {"x": 1, **d} | {**d, **d["d"]} | {**d, "d": d["d"]} | {**{"a": 1}, **d} | {**d, "a": {"b": d["a"]}} | {d["s"]: d["a"]} | {d["s"]: 1, "s": 2} | {d["a"]: 1} | {"a": 1, **{"a": 2, "b": d["a"]}} | {**d["s"]} | {**d, "x": [1]} | {**d, "x": (1,)} | {k: v for k, v in d.items()}
dict(a=d["a"], b=1) | dict() | dict(d, x=1) | dict(**d) | dict(a=1, **d) | {} | {"a": 1}["a"] | {"a": 1}["b"] | {"a": d["a"]}["a"] | {"a": 1, "b": 2, "a": d["a"]} | {"a": 1}.get("a") | {"a": 1}.get("b", 2) | {"a": 1}.get("b") | "a" in {"a": 1} | d["s"] in {"a": 1, "DE": 2} | len({"a": 1, "a": 2}) | {"a": 1} == {"a": 1} | bool({}) | [k for k in {"a": 1, "b": 2}] | [v for v in {"a": 1, "b": d["a"]}.values()] | [(k, v) for k, v in {"a": 1, "b": 2}.items()]
json.dumps(d) | json.dumps(d["a"]) | json.dumps({"k": d["s"], "n": d["b"]}) | json.dumps({**d, "x": 1}) | json.dumps([d["a"], d["s"], None]) | json.dumps({"d": d["d"], "l": [d["l"], d["l"]]}) | json.dumps(d.get("zz")) | json.dumps((d["s"], (d["b"], d["on"]))) | json.dumps([x for x in d["l"]]) | json.dumps([(k, v) for k, v in d.items()])
isinstance(d["a"], int) | isinstance(d["a"], bool) | isinstance(d["b"], (int, float)) and d["b"] + 1 | d["s"].upper() if isinstance(d["s"], str) else None | isinstance(d["l"], list) and len(d["l"]) | isinstance(d["d"], dict) and d["d"].get("x") | [d["a"]] == [1] | (d["a"], 1) == (1, 1) | d["a"] is True | d["on"] is True | d["on"] == True | d["on"] and d["a"] > 3 | d["on"] + 1
"""


def _expressions(table):
    return [
        e.strip() for line in table.strip().splitlines() for e in line.split(" | ") if e.strip()
    ]


HEAD = """import json
from json import loads


def _document(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def _dict(line):
    found = json.loads(line)
    if isinstance(found, dict):
        return found
    return {**{}}
"""


def source(table, names):
    """Write a module with a function per expression; return its text and the functions' names."""
    parts, made = [HEAD], []
    for number, expression in enumerate(_expressions(table)):
        body = "".join(
            f"    {name} = {value}\n" for name, value in names if name in _words(expression)
        )
        parts.append(f"def f{number}(line):\n{body}    return {expression}\n")
        made.append(f"f{number}")
    return "\n\n".join(parts), made


def _words(expression):
    code, names = [compile(expression, "case", "eval")], set()
    while code:
        part = code.pop()
        names.update(part.co_names, part.co_freevars)
        code += [const for const in part.co_consts if hasattr(const, "co_names")]
    return names


OF_DOCUMENTS = [("e", "_document(line)")]
OF_EVENTS = [("d", "_dict(line)")]
