"""Named functions and chains with dates and times, each over every nasty line.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`, as
`programs` and `chains` are.
"""

import datetime as dates
import math
from datetime import datetime, timezone

FORMAT = "%d/%b/%Y:%H:%M:%S %z"


def _log_time(line):
    """A time that depends on the line."""
    n = len(line)
    if n > 3:
        return "10/Oct/2000:13:55:36 -0700"
    if n > 2:
        return "29/Feb/2024:23:59:59 +00:00"
    if n > 1:
        return "01/JAN/0001:00:00:00 +0530"
    return "30/Feb/2024:00:00:00 +0000" if n else "9/May/2024:01:02:03 Z"


def _iso_time(line):
    n = len(line)
    if n > 3:
        return "2024-02-29"
    if n > 2:
        return "1969-12-31 23:59"
    if n > 1:
        return "2024-12-31T23:59:59.000001"
    return "2024-12-31T23:59:59-03:30" if n else "20241231"


def _stamp(line):
    try:
        return datetime.fromisoformat(_iso_time(line))
    except ValueError:
        return datetime(2024, 1, 1)


def log_time(line):
    return datetime.strptime(_log_time(line), FORMAT)


def log_time_or_none(line):
    try:
        return datetime.strptime(_log_time(line), FORMAT)
    except ValueError:
        return None


def log_time_of_the_line(line):
    try:
        return datetime.strptime(line, "%Y-%m-%d")
    except ValueError:
        return None


def log_fields(line):
    t = datetime.strptime(_log_time(line), FORMAT)
    return t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond


def log_seconds(line):
    return datetime.strptime(_log_time(line), FORMAT).timestamp()


def iso_time(line):
    return datetime.fromisoformat(_iso_time(line))


def iso_of_the_line(line):
    return datetime.fromisoformat(line)


def iso_texts(line):
    t = datetime.fromisoformat(_iso_time(line))
    return t.isoformat(), str(t), f"{t}", t.weekday(), t.isoweekday()


def iso_seconds(line):
    t = datetime.fromisoformat(_iso_time(line))
    return t.timestamp() if t.hour == 23 and t.second == 59 else 0.0


def iso_is_true(line):
    t = datetime.fromisoformat(_iso_time(line))
    return bool(t), not t, t and 1, t is None


def replaced(line):
    t = datetime.fromisoformat(_iso_time(line))
    return t.replace(minute=0, second=0, microsecond=0), t.replace(year=2000, day=len(line) % 40)


def replaced_in_steps(line):
    return datetime.fromisoformat(_iso_time(line)).replace(month=2, day=28, year=2023)


def replaced_at_once(line):
    return datetime.fromisoformat(_iso_time(line)).replace(month=1, day=31)


def replaced_by_none(line):
    return datetime.fromisoformat(_iso_time(line)).replace(tzinfo=timezone.utc)


def compared(line):
    t = datetime.fromisoformat(_iso_time(line))
    u = datetime.fromisoformat("2024-12-31T23:59:59")
    return t == u, t != u, t == t, t in (u, t)


def ordered(line):
    t = datetime.fromisoformat(_iso_time(line))
    u = datetime.strptime("2024-02-29 00:00:00", "%Y-%m-%d %H:%M:%S")
    return t < u, t <= u, t > u, t >= u, max(len(line), t.day)


def ordered_with_offsets(line):
    t = datetime.strptime(_log_time(line), FORMAT)
    return t < datetime.fromisoformat("2000-10-10T20:55:36+00:00"), t == t.replace(hour=1)


def differences(line):
    t = datetime.fromisoformat(_iso_time(line))
    return (t - datetime.fromisoformat("2024-01-01")).total_seconds()


def in_branches(line):
    t = None
    if len(line) > 2:
        t = datetime.fromisoformat(_iso_time(line))
    return t, t is None, (t or line) == line


def by_module(line):
    return dates.datetime.strptime(_log_time(line)[:11], "%d/%b/%Y")


def formats(line):
    a = datetime.strptime("Monday 05 August 2024, 07:08:09.5", "%A %d %B %Y, %H:%M:%S.%f")
    b = datetime.strptime("mon SEP 2024 " + line, "%a %b %Y %d")
    return a, b


def format_without_a_year(line):
    return datetime.strptime("05 12", "%d %m")


def format_with_two_months(line):
    return datetime.strptime("05 May 2024", "%m %b %Y")


def format_of_the_line(line):
    return datetime.strptime("2024", line) if line == "x" else None


def in_branches_of_one_type(line):
    t = None
    if len(line) > 2:
        t = datetime.fromisoformat(_iso_time(line))
    return t, t is None, t == datetime.fromisoformat("2024-02-29")


def white_space(line):
    return datetime.strptime("2024  05", "%Y %m"), datetime.strptime("2024-5", "%Y-%m")


def leap_seconds(line):
    return datetime.strptime(
        "2024-01-01 00:00:" + ("60" if line == "a" else "59"), "%Y-%m-%d %H:%M:%S"
    )


def made_from_numbers(line):
    return datetime.fromtimestamp(len(line), timezone.utc)


def other_attributes(line):
    t = datetime.fromisoformat(_iso_time(line))
    return t.tzinfo, t.fold, math.floor(1.5)


def year_of_text(line):
    return line.year


def chain_of_days(lines):
    pairs = lines.map(lambda line: (_stamp(line).replace(hour=0, minute=0, second=0), 1))
    return pairs.map(lambda pair: (pair[0].isoformat(), pair[1])).reduceByKey(lambda a, b: a + b, 2)


def chain_by_time(lines):
    return lines.map(lambda line: (_stamp(line).replace(microsecond=0, tzinfo=None), 1)).groupByKey(
        1
    )


def chain_of_times(lines):
    pairs = lines.map(
        lambda line: (len(line) % 3, datetime.fromisoformat(_iso_time(line[:3] + "a")))
    )
    return pairs.reduceByKey(lambda a, b: b if a.hour < b.hour else a, 2)


def no_date_at_all(line):
    try:
        return datetime.strptime(line, "%Y-%m-%d").year
    except ValueError:
        return -1


def no_time_of_day(line):
    try:
        return datetime.strptime(line.strip(), "%H:%M").minute
    except ValueError:
        return len(line)


def no_iso_date(line):
    try:
        return datetime.fromisoformat(line).year
    except ValueError:
        return -1
