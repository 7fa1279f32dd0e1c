"""Named functions of a line, and chains: documents and dicts meet loops and lists that change.

Names that begin with an underscore are called from others. Used by `test_compiler_json`, through
`server`.
"""

# ruff: noqa: B007, SIM

import json
import math
import operator
from json import JSONDecodeError


def list_in_document_grows(line):
    event = json.loads(line)
    event["l"].append(len(line))
    event["l"].append("x")
    return event


def list_of_document_seen_through_alias(line):
    event = json.loads(line)
    items = event["l"]
    items.append(items[0])
    return len(event["l"]), event["l"], len(items)


def list_of_document_extended_in_place(line):
    event = json.loads(line)
    items = event["l"]
    event["l"] += [1]
    items += items
    return len(items), event["l"]


def list_of_document_emitted_then_changed(lines):
    def change(items):
        items.append(1)
        return len(items)

    return lines.map(json.loads).flatMap(lambda e: [e["l"], e["l"]]).map(change)


def list_of_document_in_itself(line):
    event = json.loads(line)
    event["l"].append(event)
    return len(event["l"])


def item_of_document_list_set(line):
    event = json.loads(line)
    event["l"][0] = event["a"]
    event["l"][-1] = None
    return event


def item_of_part_set(line):
    event = json.loads(line)
    event["d"]["x"] += 1
    event["d"]["z"] = line[:2]
    return event["d"]["z"], event["d"]["x"], event


def counted_by_augmenting(line):
    counts = {"a": 0}
    for letter in line:
        if letter in counts:
            counts[letter] += 1
        else:
            counts[letter] = 1
    return counts


def unknown_list_in_dict(line):
    words, event = [], json.loads(line)
    event["words"] = words
    words.append(line[:2])
    return event, len(words)


def unknown_list_in_dict_changed_there(line):
    words, event = [], json.loads(line)
    event["words"] = words
    event["words"].append(1)
    return event, len(words), [w for w in words]


def unknown_list_in_literal(line):
    words = []
    made = {"words": words, "n": 1}
    for word in line.split():
        words.append(word)
    return made


def set_in_filter(lines):
    def change(d):
        d["n"] = 1
        return True

    return lines.map(lambda line: {"line": line}).filter(change)


def list_changed_in_filter(lines):
    def change(words):
        words.append("x")
        return True

    return lines.map(lambda line: line.split()).filter(change).map(len)


def list_kept_and_changed(lines):
    def change(words):
        words.append("x")
        return words

    return lines.map(lambda line: line.split()).map(change).map(lambda words: (len(words), words))


def lists_grouped_and_changed(lines):
    def change(lists):
        for words in lists:
            words.append("x")
            words.sort()
        return [word for words in lists for word in words]

    return lines.map(lambda line: (line[:1], line.split())).groupByKey(2).mapValues(change)


def lists_reduced(lines):
    return lines.map(lambda line: (line[:1], line.split())).reduceByKey(lambda a, b: a + b)


def lists_reduced_in_place(lines):
    def both(a, b):
        a.extend(b)
        return a

    return lines.map(lambda line: (line[:1], line.split())).reduceByKey(both)


def dicts_appended(lines):
    def made(line):
        found = []
        for word in line.split():
            found.append({"w": word})
        return found

    return lines.flatMap(made)


def dicts_appended_twice(lines):
    def change(d, seen=[]):  # noqa: B006
        d["n"] = d.get("n", 0) + 1
        return d["n"]

    def made(line):
        d = {"w": line[:1]}
        found = []
        found.append(d)
        found.append(d)
        return found

    return lines.flatMap(made).map(change)


def dicts_doubled(lines):
    def change(d):
        d["n"] = d.get("n", 0) + 1
        return d["n"]

    return lines.flatMap(lambda line: [{"w": line[:1]}] * 2).map(change)


def dicts_added(lines):
    def change(d):
        d["n"] = d.get("n", 0) + 1
        return d["n"]

    def made(line):
        one = [{"w": line[:1]}]
        return one + one

    return lines.flatMap(made).map(change)


def dicts_of_a_tuple(lines):
    def change(d):
        d["n"] = d.get("n", 0) + 1
        return d["n"]

    def made(line):
        d = {"w": line[:1]}
        return list((d, d))

    return lines.flatMap(made).map(change)


def dict_changed_while_zipped(line):
    event = json.loads(line)

    def change():
        event["new"] = 1
        return [1, 2, 3]

    return [a for a, b in zip(event.keys(), change())]


def dict_changed_by_start(line):
    event = json.loads(line)

    def start():
        event["a"] = 1000
        return 0

    return sum([v for v in event.values() if isinstance(v, int)], start()), event.get("a")


def dict_changed_by_start_of_view(line):
    event = {"a": len(line)}
    return sum(event.values(), _change(event))


def _change(event):
    event["a"] = 1000
    return 0


def dict_grows_by_a_call_in_a_loop(line):
    event = json.loads(line)
    for key in event:
        _add(event, key)
    return event


def _add(event, key):
    event[key + "1"] = 1


def dict_loop_with_else(line):
    event = json.loads(line)
    for key, value in event.items():
        if value is None:
            break
    else:
        key = "none"
    event["last"] = key
    return event


def dict_enumerated(line):
    event = json.loads(line)
    return [(i, k, v) for i, (k, v) in enumerate(event.items(), 1)]


def dict_sorted(line):
    event = json.loads(line)
    return sorted(event), sorted(event.items(), key=lambda pair: pair[0]), max(event)


def dict_consumed(line):
    event = json.loads(line)
    return sum(v for v in event["l"]), max(event["l"]), min(event["l"], default=0), list(event["l"])


def dict_of_nested_loops(line):
    return {a + b: len(b) for a in line.split(",") for b in a.split() if b}


def document_in_finally(line):
    event = {}
    try:
        event = json.loads(line)
        return event["a"]
    except KeyError:
        return event
    finally:
        event["seen"] = True


def document_raised(line):
    try:
        if not line:
            raise JSONDecodeError("x", "y", 0)
        return json.loads(line)
    except JSONDecodeError:
        return "bad"


def document_in_while(line):
    n, event = 0, json.loads(line)
    while n < 3:
        event[str(n)] = n
        n += 1
    return event


def document_in_closure(line):
    event = json.loads(line)

    def get(key):
        return event.get(key)

    return get("a"), get("s"), [get(k) for k in ("a", "b")]


def range_of_document(line):
    end, found = json.loads(line)["a"], []
    for i in range(end):
        if i > 3:
            break
        found.append(i)
    return found, "abcdef"[:end]


def popped_from_document(line):
    event = json.loads(line)
    last = event["l"].pop()
    return last, event["l"], event


def list_sorted_of_document(line):
    event = json.loads(line)
    items = event["l"]
    items.sort()
    items.reverse()
    return items, event


def literal_dict_target_in_loop(line):
    made = {"x": 0}
    for made["x"] in range(3):
        pass
    a, made["y"] = 1, line[:1]
    return made, a


def emitted_then_appended(lines):
    def made(line):
        words = line.split()
        pairs = [words, words]
        words.append("x")
        return pairs

    return lines.flatMap(made).map(len)


def any_of_document(line):
    event = json.loads(line)
    return any(event.values()), all(event), any(isinstance(v, tuple) for v in event.values())


def in_static_list(line):
    event = json.loads(line)
    items = event["l"]
    items.append(1)
    return 1 in items, items.count(1), items.index(1)


def dict_in_place_alias(line):
    event = {"l": [1]}
    items = event["l"]
    items.append(len(line))
    event["l"] += [2]
    return event, items


def operators_of_document(line):
    event = json.loads(line)
    return operator.getitem(event, "a"), operator.contains(event, "a"), math.floor(event["b"])


def generator_sees_changes(lines):
    def made(line):
        words = line.split()
        return ((words, len(words)) for _ in range(2))

    def change(pair):
        pair[0].append("x")
        return pair[1]

    return lines.flatMap(made).map(change)


def generator_sees_changed_documents(lines):
    def made(line):
        event = json.loads(line)
        return (event for key in event)

    def change(event):
        event["new" + str(len(event))] = 1
        return len(event)

    return lines.flatMap(made).map(change)


def generator_sees_changes_past_python(lines):
    def made(line):
        words = line.split()
        return (words if n == 0 else [str(len(words))] for n in range(2))

    def change(words):
        words.append("x")
        print(len(words))
        return words

    return lines.flatMap(made).map(change)
