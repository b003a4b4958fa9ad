"""Parquet: one column holds the stories."""

from collections.abc import Iterator

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile
from ternary.text.story import first_line, story_column, story_text

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
            column = story_column(table.schema_arrow.names, file.field, file.label)
            where = f"{file.label}, column {column}"
            for size, packed in _column_chunks(table.metadata):
                if size > max(SMALL, MAX_RATIO * packed):
                    raise DataError(f"{file.label} unpacks {packed:,} bytes to {size:,}, which no text does; "
                                    "look into it")
            for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=[column]):
                for value in batch.column(0):
                    story = story_text(value.as_py(), where)
                    if len(story) > files.MAX_STORY:
                        raise DataError(f"{where}: a story over {files.MAX_STORY >> 20} MiB; separate its parts")
                    yield story
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise DataError(f"{file.label} is not a whole parquet file: {first_line(e)}") from None


def _column_chunks(metadata) -> Iterator[tuple[int, int]]:
    """Unpacked and packed bytes of each column of each row group, according to the file."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for column in map(columns.column, range(columns.num_columns)):
            yield column.total_uncompressed_size, column.total_compressed_size
