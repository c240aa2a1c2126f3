"""Reads exported files with pyarrow and with DuckDB, and compares each value with a server's.

The first argument is a JSON file: [{"name": ..., "kind": ..., "expected": [text or null, ...]}, ...].
The others are folders with NAME.parquet and with NAME.arrow. Each table has columns n and v.
"""

import decimal
import json
import os
import struct
import sys
import uuid

import duckdb
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

decimal.getcontext().prec = 200
READ = 0
WRONG = []


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        return {key: plain(inner) for key, inner in value}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float):
        return decimal.Decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return decimal.Decimal(value)
    return value


def text(kind, value):
    """A value in the form in which the server was asked for it."""
    if value is None:
        return None
    if kind in ("int", "days", "micros", "text", "json"):
        return str(value)
    if kind == "bool":
        return "true" if value else "false"
    if kind == "decimal":
        return format(value, "f")
    if kind == "float4":
        return struct.pack(">f", value).hex()
    if kind == "float8":
        return struct.pack(">d", value).hex()
    if kind == "bytes":
        return value.hex()
    if kind == "uuid":
        return str(uuid.UUID(bytes=value) if isinstance(value, bytes) else value)
    if kind == "interval":
        if isinstance(value, dict):
            return f"{value['months']} {value['days']} {value['microseconds']}"
        months, days, nanoseconds = value
        assert nanoseconds % 1000 == 0
        return f"{months} {days} {nanoseconds // 1000}"
    raise ValueError(kind)


def same(kind, value, expected):
    if kind == "map" and isinstance(value, list):
        value = dict(value)
    if kind not in ("nested", "map"):
        return text(kind, value) == expected
    if value is None or expected is None:
        return value is expected
    return plain(value) == json.loads(expected, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def check(case, reader, values):
    global READ
    assert len(values) == len(case["expected"]), (case["name"], reader, len(values))
    for row, (value, expected) in enumerate(zip(values, case["expected"])):
        READ += 1
        if not same(case["kind"], value, expected):
            WRONG.append(f"{case['name']} row {row + 1}, {reader}: {value!r} instead of {expected!r}")


def of_pyarrow(case, table):
    column = table.column("v")
    number = {"days": pyarrow.int32(), "micros": pyarrow.int64()}.get(case["kind"])
    return (column.cast(number) if number else column).to_pylist()


def of_duckdb(case, path):
    value = {"days": "v - DATE '1970-01-01'", "micros": "epoch_us(v)"}.get(case["kind"], "v")
    connection = duckdb.connect()
    rows = connection.execute(f"SELECT {value} FROM read_parquet(?) ORDER BY n", [path]).fetchall()
    return [row[0] for row in rows]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        for folder in sys.argv[2:]:
            path = os.path.join(folder, case["name"])
            if os.path.exists(path + ".parquet"):
                table = pyarrow.parquet.read_table(path + ".parquet")
                check(case, "Parquet by pyarrow", of_pyarrow(case, table))
                if not case.get("not_duckdb"):
                    check(case, "Parquet by DuckDB", of_duckdb(case, path + ".parquet"))
            else:
                with pyarrow.ipc.open_file(path + ".arrow") as file:
                    check(case, "Arrow by pyarrow", of_pyarrow(case, file.read_all()))
    if WRONG:
        sys.exit("\n".join(WRONG))
    print(f"{READ} values")


main()
