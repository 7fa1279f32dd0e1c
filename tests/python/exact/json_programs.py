"""Named functions of a line, and chains, over documents: what programs do with events.

Names that begin with an underscore are called from others. Used by `test_compiler_json`, through
`server`.
"""

# ruff: noqa: B007, SIM

import json
from functools import partial
from json import JSONDecodeError, loads


def events(lines):
    return lines.map(json.loads)


def events_by_name(lines):
    return lines.map(loads)


def events_by_lambda(lines):
    return lines.map(lambda line: json.loads(line.strip()))


def events_by_partial(lines):
    return lines.map(partial(json.loads))


def purchases(lines):
    found = lines.map(json.loads)
    found = found.filter(lambda e: e["s"] == "DE")
    pairs = found.map(lambda e: (e["d"]["y"], e["b"]))
    return pairs.reduceByKey(lambda a, b: a + b)


def purchases_by_get(lines):
    found = lines.map(json.loads).filter(lambda e: e.get("s") == "DE" and "d" in e)
    return found.map(lambda e: (e["d"]["y"], 1)).reduceByKey(lambda a, b: a + b)


def items(lines):
    return lines.flatMap(lambda line: json.loads(line)["items"]).map(
        lambda item: (item["sku"], item["qty"])
    )


def items_as_they_are(lines):
    return lines.flatMap(lambda line: json.loads(line)["items"])


def items_grouped(lines):
    pairs = lines.flatMap(lambda line: json.loads(line)["items"]).map(lambda i: (i["sku"], i))
    return pairs.groupByKey(2)


def largest(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], e["b"]))
    return pairs.reduceByKey(lambda a, b: a if a > b else b)


def largest_by_max(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], e["b"]))
    return pairs.reduceByKey(max)


def average(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], (e["b"], 1)))
    sums = pairs.reduceByKey(lambda x, y: (x[0] + y[0], x[1] + y[1]))
    return sums.mapValues(lambda pair: pair[0] / pair[1])


def grouped_by_number(lines):
    return lines.map(json.loads).map(lambda e: (e["a"], e["s"])).groupByKey(3)


def grouped_by_mixed(lines):
    return lines.map(json.loads).map(lambda e: (e.get("b"), e.get("s"))).groupByKey(1)


def grouped_by_dict(lines):
    return lines.map(json.loads).map(lambda e: (e["d"], 1)).groupByKey(1)


def dicts_as_keys(lines):
    return lines.map(lambda line: ({"k": line[:3]}, 1)).reduceByKey(lambda a, b: a + b)


def dicts_as_pairs(lines):
    return lines.map(lambda line: {"k": line[:3], "n": 1}).mapValues(lambda v: v)


def values_of_documents(lines):
    return lines.map(json.loads).map(lambda e: (e["s"], e)).mapValues(lambda e: e["a"])


def flat_values_of_documents(lines):
    return lines.map(json.loads).map(lambda e: (e["d"], e["l"])).flatMapValues(lambda v: v)


def changed_after(lines):
    def change(pair):
        pair[0]["new"] = 1
        print(len(pair[1]))
        return pair

    return lines.map(json.loads).map(lambda e: (e, e)).map(change)


def changed_in_a_later_record(lines):
    def change(d, seen=[]):  # noqa: B006
        seen.append(d)
        d["n"] = len(seen)
        return len(seen[0])

    return lines.map(lambda line: {"k": line[:2]}).flatMap(lambda d: [d, d]).map(change)


def dicts_of_words(lines):
    return lines.flatMap(lambda line: [{"w": w, "n": len(w)} for w in line.split()])


def dicts_of_words_shared(lines):
    def change(d):
        d["n"] = d.get("n", 0) + 1
        return d["n"]

    def words(line):
        d = {"w": line[:2]}
        return [d for w in line.split()]

    return lines.flatMap(words).map(change)


def parsed_then_used(lines):
    def parse(line):
        parts = line.split(",")
        return {"user": parts[0], "amount": len(parts)}

    found = lines.map(parse).filter(lambda d: d["amount"] > 1 and "user" in d)
    pairs = found.map(lambda d: (d["user"], d["amount"]))
    return pairs.reduceByKey(lambda a, b: a + b)


def parsed_or_none(lines):
    def parse(line):
        try:
            return {"n": int(line), "line": line}
        except ValueError:
            return None

    return lines.map(parse).filter(lambda d: d is not None).map(lambda d: d["n"] + len(d["line"]))


def parsed_and_enriched(lines):
    found = lines.map(lambda line: {"line": line, "n": len(line)})
    return found.map(lambda d: {**d, "half": d["n"] / 2, "n": str(d["n"])})


def parsed_and_dumped(lines):
    pairs = lines.map(lambda line: (line[:2], len(line)))
    return pairs.map(lambda kv: json.dumps({"k": kv[0], "n": kv[1], "x": kv[1] / 3}))


def enriched_by_setting(lines):
    def enrich(d):
        d["n"] = 1
        return d

    return lines.map(lambda line: {"line": line}).map(enrich)


def filter_by_document(lines):
    return lines.map(json.loads).filter(lambda e: e)


def filter_by_key(lines):
    return lines.map(json.loads).filter(lambda e: e.get("a"))


def safe(line):
    try:
        return json.loads(line)["b"] * 2
    except (JSONDecodeError, KeyError):
        return -1


def safe_by_value_error(line):
    try:
        return json.loads(line)
    except ValueError:
        return "bad"


def safe_by_exception(line):
    try:
        event = json.loads(line)
        return event["d"]["x"] + 1
    except Exception:
        return None


def safe_by_module(line):
    try:
        event = json.loads(line)
    except json.decoder.JSONDecodeError:
        return {}
    return event


def safe_from_other_error(line):
    try:
        return json.loads(line)["l"][3]
    except LookupError:
        return "short"


def safe_key_and_index(line):
    try:
        return json.loads(line)["l"][0]
    except KeyError:
        return "no key"
    except IndexError:
        return "no item"


def two_documents(line):
    first = json.loads(line)
    second = json.loads(json.dumps(first))
    return first == second, second


def document_in_text(line):
    inner = json.dumps({"inner": line})
    return json.loads(inner)["inner"] + "x"


def imported_inside(line):
    import json as parser

    return parser.loads(line)


def by_kind(line):
    value = json.loads(line)
    if isinstance(value, str):
        return value.upper()
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, list):
        return len(value)
    if value is None:
        return "none"
    return [k for k in value]


def _number(value):
    return value + 1 if isinstance(value, (int, float)) else 0


def called_on_parts(line):
    event = json.loads(line)
    return _number(event.get("a")), _number(event.get("b")), _number(event.get("s"))


def variable_of_many_types(line):
    event = json.loads(line)
    value = event.get("a")
    if value is None:
        value = event.get("s", "none")
    elif value == 5:
        value = len(line)
    return value


def total_of_values(line):
    total = 0
    for key, value in json.loads(line).items():
        if isinstance(value, int):
            total += value
    return total


def total_of_mixed(line):
    total = 0
    for value in json.loads(line)["l"]:
        total = total + value
    return total


def counted_words(line):
    counts = {}
    for word in line.split():
        counts[word] = counts.get(word, 0) + 1
    return counts


def counted_letters_then_read(line):
    counts = {"a": 0, "b": 0}
    for word in line.split("a"):
        counts["a"] += 1
    counts["b"] = len(line)
    return counts["a"] + counts["b"], counts


def set_by_branch(line):
    event = json.loads(line)
    if event.get("a") == 1:
        event["a"] = "one"
    event["seen"] = True
    return event


def set_twice(line):
    event = json.loads(line)
    event["x"] = 1
    event["x"] = event["x"] + 1
    event["y"] = event["x"]
    return event["x"], event


def set_in_part(line):
    event = json.loads(line)
    part = event["d"]
    part["new"] = 1
    return event


def set_seen_through_alias(line):
    event = json.loads(line)
    other = event
    other["new"] = len(event)
    before = event["a"]
    event["a"] = "changed"
    return before, event["new"], other


def set_while_iterating(line):
    event = json.loads(line)
    for key in event:
        event[key] = 1
    return event


def set_grows_while_iterating(line):
    event = json.loads(line)
    for key, value in event.items():
        event[key + "x"] = 1
    return event


def set_to_itself(line):
    event = json.loads(line)
    event["self"] = event
    return len(event)


def set_part_twice(line):
    event = json.loads(line)
    event["again"] = event["d"]
    return event


def set_list(line):
    event = json.loads(line)
    event["words"] = line.split()
    return event


def set_many(line):
    found = {}
    for word in line.split():
        for part in word.split(","):
            found[part + word] = len(found)
    return len(found)


def set_nested(line):
    event = json.loads(line)
    event["d"]["x"] = 1
    return event


def set_in_callee(line):
    event = json.loads(line)
    _mark(event)
    return event


def _mark(event):
    event["mark"] = 1


def set_in_callee_of_literal(line):
    made = {"line": line}
    _mark(made)
    return made


def set_on_parameter_of_literal(line):
    return _marked({"line": line})


def _marked(made):
    made["mark"] = 1
    return made


def deletes(line):
    event = json.loads(line)
    del event["a"]
    return event


def updates(line):
    event = json.loads(line)
    event.update({"x": 1})
    return event


def pops(line):
    event = json.loads(line)
    return event.pop("a", None), event


def literal_two_shapes(line):
    if line.startswith("{"):
        return {"ok": True, "line": line}
    return {"ok": False}


def literal_two_types(line):
    return {"n": len(line) if len(line) > 20 else None, "ok": line > "b"}


def literal_loop(line):
    made = {"a": 1, "b": 2}
    total = 0
    for key, value in made.items():
        if key == "a":
            continue
        total += value
    return total


def literal_missing_key(line):
    made = {"a": 1}
    if line == "null":
        return made["b"]
    return made["a"]


def literal_missing_caught(line):
    made = {"a": 1}
    try:
        return made["b"]
    except KeyError:
        return -1


def literal_of_list(line):
    return {"words": line.split(), "n": 1}


def literal_of_tuple(line):
    return {"pair": (line[:1], len(line)), "inner": {"k": line[:1]}}


def literal_unhashable(line):
    return {line.split(): 1}


def literal_prints(line):
    def first():
        print("first")
        return 1

    return {"a": first(), "b": 2}


def literal_order_of_evaluation(line):
    return {line[0]: line[1], line[2]: line[3]}


def returns_from_loop(line):
    for item in json.loads(line)["items"]:
        if item["qty"] == 2:
            return item
    return None


def unpacks(line):
    a, b = json.loads(line)["l"]
    return a, b


def unpacks_pairs(line):
    return [a + b for a, b in json.loads(line)["l"]]


def nested_parts(line):
    event = json.loads(line)
    return event["d"]["x"], event["d"].get("y"), event["items"][0]["sku"] if event["items"] else ""


def floats_in_documents(line):
    return json.loads(line)["b"] in (json.loads(line)["b"], 1.5)


def nan_is_in_its_own_list(line):
    value = json.loads(line)
    return value in [value, 1], value == value


def big_numbers(line):
    value = json.loads(line)["a"]
    return value * 4611686018427387904


def number_keeps_its_type(line):
    value = json.loads(line)["b"]
    return value + value, value - 1, value * 1.0, value / 2, value == 2, value < 10


def grouped_events(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], e))
    return pairs.groupByKey(2).mapValues(lambda events: [e["a"] for e in events])


def grouped_events_changed(lines):
    def change(events):
        for event in events:
            event["seen"] = len(event)
        return [event["seen"] for event in events]

    pairs = lines.map(json.loads).map(lambda e: (e.get("s"), e))
    return pairs.groupByKey(2).mapValues(change)


def grouped_twice(lines):
    def change(pair):
        pair[1]["a"] = 0
        return pair

    pairs = lines.map(json.loads).map(lambda e: (e["s"], e)).partitionBy(2).cache()
    first = pairs.map(change)
    first.count()
    return first.union(pairs).union(pairs.map(change))


def dicts_past_a_shuffle(lines):
    pairs = lines.map(lambda line: (line[:2], {"line": line, "n": len(line)}))
    longest = pairs.reduceByKey(lambda a, b: a if a["n"] >= b["n"] else b)
    return longest.mapValues(lambda d: d["line"].upper() if d["n"] < 9 else d)


def dicts_made_by_reducing(lines):
    pairs = lines.map(lambda line: (line[:1], {"n": 1, "size": len(line)}))
    both = lambda a, b: {"n": a["n"] + b["n"], "size": a["size"] + b["size"]}  # noqa: E731
    return pairs.reduceByKey(both).mapValues(json.dumps)


def events_made_by_reducing(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], {"n": 1, "b": e["b"]}))
    both = lambda a, b: {"n": a["n"] + b["n"], "b": a["b"] + b["b"]}  # noqa: E731
    return pairs.reduceByKey(both)


def last_event(lines):
    pairs = lines.map(json.loads).map(lambda e: (e["s"], e))
    return pairs.reduceByKey(lambda a, b: b).mapValues(lambda e: e["d"])


def lists_of_words(lines):
    return lines.map(lambda line: line.split(",")).map(lambda words: (words[0], words))


def lists_twice(lines):
    return lines.map(lambda line: line.split(",")).map(lambda words: (words, words))


def lists_past_a_shuffle(lines):
    pairs = lines.map(lambda line: (line[:1], line.split(",")))
    return pairs.groupByKey(2).mapValues(lambda lists: [words[0] for words in lists])


def lists_combined(lines):
    pairs = lines.map(lambda line: (line[:1], line))
    return pairs.combineByKey(lambda v: [v], lambda c, v: c, lambda a, b: a)


def documents_past_a_shuffle(lines):
    pairs = lines.map(lambda line: (line[:2], line)).reduceByKey(lambda a, b: a)
    return pairs.map(lambda pair: pair[1]).filter(lambda t: t[:1] == "{").map(json.loads)
