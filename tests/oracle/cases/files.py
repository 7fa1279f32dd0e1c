"""Cases: reading and writing text files."""

from __future__ import annotations

import gzip
import os

from probe import failure, listing, new_path, parts, write_files


def numbered(count):
    """Return lines of growing length, as bytes."""
    return b"".join(b"%d %s\n" % (n, b"x" * (n % 7)) for n in range(count))


def case_text_file_splits(sc):
    folder = write_files({f"{n}.txt": numbered(n) for n in (1, 2, 3, 10, 40)})
    files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return [
        (os.path.basename(file), n, parts(sc.textFile(file, n)))
        for file in files
        for n in (1, 2, 3, 5)
    ]


def case_text_file_default_partitions(sc):
    return sc.textFile(write_files({"a": numbered(10)}) + "/a").getNumPartitions()


def case_text_file_splits_at_line_ends(sc):
    """The split falls before, on and after a line end."""
    made = []
    for width in range(1, 9):
        line = b"y" * width + b"\n"
        folder = write_files({"a": line * 6})
        made.append([parts(sc.textFile(folder + "/a", n)) for n in (2, 4)])
    return made


def case_text_file_folder(sc):
    """PySpark reads a folder's files in the order the file system lists them: any."""
    folder = write_files({"b.txt": b"b1\nb2\n", "a.txt": b"a1\na2\na3\n", "c.txt": b""})
    return [sorted(parts(sc.textFile(folder, n))) for n in (1, 2, 4)]


def case_text_file_hidden_files(sc):
    folder = write_files(
        {"a": b"seen\n", ".b": b"hidden\n", "_c": b"hidden\n", "d._COPYING_": b"copied\n"}
    )
    return sorted(sc.textFile(folder, 1).collect())


def case_text_file_glob_and_list(sc):
    folder = write_files({"a1": b"a1\n", "a2": b"a2\n", "b1": b"b1\n", "d/e": b"de\n"})
    return [
        sc.textFile(folder + "/a*", 1).collect(),
        sc.textFile(folder + "/{a1,b1}", 1).collect(),
        sc.textFile(folder + "/[ab]1", 1).collect(),
        sc.textFile(folder + "/a?", 1).collect(),
        sc.textFile(f"{folder}/b1,{folder}/a1", 1).collect(),
        sc.textFile(folder + "/d/*", 1).collect(),
        sc.textFile("file://" + folder + "/a1", 1).collect(),
    ]


def case_text_file_line_ends(sc):
    data = b"unix\ndos\r\nmac\rtwo\r\rempty\n\nlast"
    return sc.textFile(write_files({"a": data}) + "/a", 1).collect()


def case_text_file_odd_separators(sc):
    data = "a\x0bb\x0cc\x1cd\u2028e\x85f\x00g\n".encode()
    return sc.textFile(write_files({"a": data}) + "/a", 1).collect()


def case_text_file_empty(sc):
    folder = write_files({"none": b"", "newline": b"\n", "two": b"\n\n"})
    return [parts(sc.textFile(f"{folder}/{name}", 2)) for name in ("none", "newline", "two")]


def case_text_file_unicode(sc):
    data = "é 日本 😀\nplain\n".encode()
    return sc.textFile(write_files({"a": data}) + "/a", 1).collect()


def case_text_file_bad_utf8(sc):
    data = b"ok\nbad \xff\xfe\ncut \xe6\x97\nover \xc0\xaf\nsurrogate \xed\xa0\x80\n"
    data += b"high \xf4\x90\x80\x80\n\xf0\x9f\x98\n"
    return sc.textFile(write_files({"a": data}) + "/a", 1).collect()


def case_text_file_byte_order_mark(sc):
    return sc.textFile(write_files({"a": b"\xef\xbb\xbffirst\nsecond\n"}) + "/a", 1).collect()


def case_text_file_gzip(sc):
    folder = write_files({"a.gz": gzip.compress(numbered(30))})
    rdd = sc.textFile(folder + "/a.gz", 4)
    return rdd.getNumPartitions(), rdd.collect()


def case_text_file_missing(sc):
    rdd = sc.textFile("/no/such/file")
    return failure(rdd.collect, "Input path does not exist", "/no/such/file")


def case_text_file_missing_glob(sc):
    return failure(sc.textFile(write_files({"a": b""}) + "/zz*").collect, "matches 0 files")[0]


def case_text_file_bytes(sc):
    data = "é\nabc\n".encode()
    return sc.textFile(write_files({"a": data}) + "/a", 1, use_unicode=False).collect()


def case_text_file_word_count(sc):
    folder = write_files({"a": b"to be or not\nto be\nthat is\nthe question\n"})
    words = sc.textFile(folder + "/a").flatMap(str.split).map(lambda word: (word, 1))
    return parts(words.reduceByKey(lambda a, b: a + b, 3))


def saved(rdd, **options):
    """Save an RDD and return what the folder holds."""
    path = new_path()
    rdd.saveAsTextFile(path, **options)
    return listing(path)


def case_save_text(sc):
    return saved(sc.parallelize(range(5), 2))


def case_save_text_types(sc):
    values = [
        "text",
        "é日😀",
        b"bytes \xc3\xa9",
        None,
        1.5,
        ("a", 1),
        ["l"],
        {"k": None},
        True,
        "two\nlines",
        "",
    ]
    return saved(sc.parallelize(values, 1))


def case_save_text_empty_partitions(sc):
    return saved(sc.parallelize(["one"], 3))


def case_save_text_no_partitions(sc):
    return saved(sc.emptyRDD())


def case_save_text_exists(sc):
    path = new_path()
    rdd = sc.parallelize([1], 1)
    rdd.saveAsTextFile(path)
    return failure(lambda: rdd.saveAsTextFile(path), "already exists")


def case_save_text_makes_parents(sc):
    path = new_path("a/b/c")
    sc.parallelize(["deep"], 1).saveAsTextFile(path)
    return listing(path)


def case_save_text_gzip(sc):
    path = new_path()
    codec = "org.apache.hadoop.io.compress.GzipCodec"
    sc.parallelize(["one", "two"], 2).saveAsTextFile(path, codec)
    files = listing(path)
    return [(name, gzip.decompress(data) if data else b"") for name, data in files]


def case_save_text_checksum_files(sc):
    path = new_path()
    sc.parallelize(["one"], 1).saveAsTextFile(path)
    return sorted(name for name in os.listdir(path) if name.endswith(".crc"))


def case_save_text_many_partitions(sc):
    names = [name for name, _ in saved(sc.parallelize(range(12), 12))]
    return names


def case_save_and_read_again(sc):
    path = new_path()
    sc.parallelize([f"line {n}" for n in range(10)], 3).saveAsTextFile(path)
    return sorted(parts(sc.textFile(path, 1)))


def case_save_text_failing_function(sc):
    def fail(n):
        raise ValueError("no text")

    rdd = sc.parallelize([1], 1).map(fail)
    path = new_path()
    return failure(lambda: rdd.saveAsTextFile(path), "no text")[0], os.path.exists(
        path + "/_SUCCESS"
    )
