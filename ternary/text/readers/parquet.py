"""Parquet: one column holds the stories."""

from collections.abc import Iterator
from itertools import chain

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile
from ternary.text.rows import story_column, story_of
from ternary.text.story import first_line

BATCH_ROWS = 8        # a story that a dictionary repeats costs its file nothing, but memory in every row of a batch
# Unpacked / packed bytes of a column chunk that no text reaches (text shrinks 2 to 20 times), and the unpacked bytes
# below which any ratio is fine.
MAX_RATIO, SMALL = 200, 16 << 20


@READERS.register("parquet")
@reads(".parquet")
def read_parquet(file: DataFile) -> Iterator[str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(str(file)) as table:
            names = table.schema_arrow.names
            column = story_column(names, file.field, file.label)
            if names.count(column) > 1:
                raise DataError(f"{file.label} has {names.count(column)} columns {column!r}; give them different names")
            for size, packed in _column_chunks(table.metadata):
                if size > max(SMALL, MAX_RATIO * packed):
                    raise DataError(f"{file.label} unpacks {packed:,} bytes to {size:,}, which no text does; "
                                    "look into it")
            file.found["column"] = repr(column)
            batches = table.iter_batches(batch_size=BATCH_ROWS, columns=[column])
            values = chain.from_iterable(batch.to_struct_array() for batch in batches)
            for number, row in enumerate(values, 1):
                try:
                    story = _story(row, file, f"{file.label}, column {column}, row {number}")
                except DataError as error:
                    file.bad.add(error)
                    continue
                yield story
    except (pa.ArrowException, OSError) as e:
        raise DataError(f"{file.label} is not a whole parquet file: {first_line(e)}") from None


def _story(row, file: DataFile, where: str) -> str:
    try:
        story = story_of(row.as_py(), file.options, where)
    except UnicodeDecodeError as e:
        raise DataError(f"{where}: {e}") from None
    if len(story) > files.MAX_STORY:
        raise DataError(f"{where}: a story over {files.MAX_STORY >> 20} MiB; separate its parts")
    return story


def _column_chunks(metadata) -> Iterator[tuple[int, int]]:
    """Unpacked and packed bytes of each column of each row group, according to the file."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for column in map(columns.column, range(columns.num_columns)):
            yield column.total_uncompressed_size, column.total_compressed_size
