"""The benchmark's word count: each batch's words, by word; ``... wordcount.py HOST PORT``."""

from job import run


def count(lines):
    """How often each word came."""
    words = lines.flatMap(lambda line: line.split(" "))
    return words.map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b)


if __name__ == "__main__":
    run("WordCount", count)
