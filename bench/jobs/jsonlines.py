"""The benchmark's JSON job: the sales of each batch, by country; ``... jsonlines.py HOST PORT``."""

import json

from job import run


def sales(lines):
    """The sum of the purchases by country."""
    purchases = lines.map(json.loads).filter(lambda e: e["event"] == "purchase")
    return purchases.map(lambda e: (e["geo"]["country"], e["amount"])).reduceByKey(
        lambda a, b: a + b
    )


if __name__ == "__main__":
    run("JsonLines", sales)
