"""Parquet tables, row group by row group, the text column alone."""

from collections.abc import Iterator

from core.data.readers.document import Origin, Raw, Reading, Refused, no_text
from core.data.readers.fields import usual_field
from core.errors import LabError

_ROWS = 256  # decoded at a time


def read_parquet(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """A document a row; ``line`` is the row's number, from 1.

    Raises:
        LabError: damaged, truncated, or without a text column.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(origin.path, buffer_size=1 << 20, pre_buffer=False) as table:
            column = _text_column(origin, reading, table.schema_arrow, pyarrow)
            share = origin.n_bytes // max(table.metadata.num_rows, 1)
            row = 0
            for batch in table.iter_batches(_ROWS, columns=[column], use_threads=False):
                reading.advance(share * batch.num_rows)
                for value in batch.column(0):
                    row += 1
                    yield _row(origin, reading, value, row)
    except (pyarrow.ArrowException, OSError) as error:
        raise LabError(
            "The parquet file is damaged or cut short: {error}.", str(origin.path), "Fetch or write it again.",
            error=str(error).split("\n")[0].rstrip(".")) from error


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
    return no_text(origin, "", row, reading.text_field) if text is None else Raw(text, origin.source, row)
