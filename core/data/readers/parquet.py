"""Parquet tables, row group by row group, the text column alone."""

from collections.abc import Iterator

from core.data.readers.document import Origin, Raw, Reading, Refused, no_text, too_long, utf8_length
from core.data.readers.fields import usual_field
from core.errors import LabError

_BATCH_BYTES = 4 << 20  # of text decoded at a time, as far as the file tells its sizes truly
_MOST_ROWS = 4096
_MOST_GROWTH = 1000  # text this many times the size of its file is no text: the best compressors reach a hundredth
_FREE_BYTES = 256 << 20  # of text that any file may unpack to


def read_parquet(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """A document a row; ``line`` is the row's number, from 1.

    Values that come again and again stay packed until their turn, so that what is held in memory is bounded by
    what stands in the file.

    Raises:
        LabError: damaged, truncated, without a text column, or unpacking to far more than text can.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(origin.path, buffer_size=1 << 20, pre_buffer=False) as table:
            column = _text_column(origin, reading, table.schema_arrow, pyarrow)
        with parquet.ParquetFile(
            origin.path, buffer_size=1 << 20, pre_buffer=False, read_dictionary=[column]) as table:
            yield from _rows(origin, reading, table, column)
    except (pyarrow.ArrowException, OSError) as error:
        raise LabError(
            "The parquet file is damaged or cut short: {error}.", str(origin.path), "Fetch or write it again.",
            error=str(error).split("\n")[0].rstrip(".")) from error


def _rows(origin: Origin, reading: Reading, table, column: str) -> Iterator[Raw | Refused]:
    most = max(_FREE_BYTES, _MOST_GROWTH * origin.n_bytes)
    share = origin.n_bytes / max(table.metadata.num_rows, 1)
    row, n_bytes = 0, 0
    for group in range(table.num_row_groups):
        packed = _column_bytes(table.metadata.row_group(group), column)
        if packed > most:
            raise _bomb(origin)
        rows = max(1, min(_MOST_ROWS, _BATCH_BYTES * table.metadata.row_group(group).num_rows // max(packed, 1)))
        for batch in table.iter_batches(rows, row_groups=[group], columns=[column], use_threads=False):
            reading.advance(int(share * batch.num_rows))
            for value in batch.column(0):
                row += 1
                item = _row(origin, reading, value, row)
                n_bytes += utf8_length(item.text) if isinstance(item, Raw) else item.n_bytes
                if n_bytes > most:
                    raise _bomb(origin)
                yield item


def _column_bytes(group, name: str) -> int:
    """Size of a column of a row group once it is decompressed, bytes."""
    columns = (group.column(i) for i in range(group.num_columns))
    return sum(column.total_uncompressed_size for column in columns if column.path_in_schema == name)


def _bomb(origin: Origin) -> LabError:
    return LabError(
        "The table unpacks to more than {times} times its size, which no text does.", str(origin.path),
        "Leave it out; what was read of it so far is used.", times=_MOST_GROWTH)


def _text_column(origin: Origin, reading: Reading, schema, pyarrow) -> str:
    names = [field.name for field in schema if _is_text(field.type, pyarrow.types)]
    if reading.text_field:
        if reading.text_field in names:
            return reading.text_field
        raise LabError(
            "There is no text column called {field}; the text columns are {names}.", str(origin.path),
            "Choose one of these columns.", field=reading.text_field, names=", ".join(names) or "-")
    if not names:
        raise LabError(
            "No column of this table holds text.", str(origin.path), "Leave it out, or add a column of strings.")
    return usual_field(names) or names[0]


def _is_text(kind, types) -> bool:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _row(origin: Origin, reading: Reading, value, row: int) -> Raw | Refused:
    try:
        text = value.as_py()
    except UnicodeDecodeError as error:
        return Refused(
            "", origin.source, row, 0, "unreadable", "This row is not valid UTF-8: {error}.", {"error": str(error)})
    if text is None:
        return no_text(origin, "", row, reading.text_field)
    n_bytes = utf8_length(text)
    if n_bytes > reading.max_bytes:
        return too_long(origin, text, row, n_bytes, reading.max_bytes)
    return Raw(text, origin.source, row)
