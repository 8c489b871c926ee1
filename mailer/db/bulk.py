"""Thousands of rows put somewhere at once, as the driver does it quickest.

SQLAlchemy would convert each value of each row; for a file of a million people that takes longer
than the database does.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table as SqlTable
from sqlalchemy.schema import CreateTable
from sqlmodel import Session


def put(session: Session, table: SqlTable, rows: Sequence[tuple[str | int | None, ...]]) -> None:
    """Put rows of plain values into a temporary table, instead of what was in it.

    The table is made where it is not there yet; it belongs to this connection alone.
    """
    connection = session.connection()
    connection.execute(CreateTable(table, if_not_exists=True))
    names = ", ".join(column.name for column in table.columns)
    if session.get_bind().dialect.name == "sqlite":
        connection.exec_driver_sql(f"DELETE FROM temp.{table.name}")  # noqa: S608  (ours)
        marks = ", ".join("?" for _ in table.columns)
        insert = f"INSERT INTO temp.{table.name} ({names}) VALUES ({marks})"  # noqa: S608
        connection.exec_driver_sql(insert, cast("Any", rows))
        return
    driver = cast("Any", connection.connection.driver_connection)
    with driver.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table.name}")
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
