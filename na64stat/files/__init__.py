"""Reading and writing of files: atomic writing, reading up to a size, strict JSON, strict CSV tables.

`write_text` and `write_bytes` put a whole file in place or nothing, `to_json` turns a record into JSON text. `read_limited` reads
a file up to the size that `LARGEST` states for its format, `parse_json` reads strict JSON, `read_table` columns of a CSV file.
"""

from na64stat.files.reading import LARGEST as LARGEST
from na64stat.files.reading import read_limited as read_limited
from na64stat.files.strict_json import DEEPEST as DEEPEST
from na64stat.files.strict_json import parse_json as parse_json
from na64stat.files.strict_json import to_json as to_json
from na64stat.files.table import read_table as read_table
from na64stat.files.writing import write_advice as write_advice
from na64stat.files.writing import write_bytes as write_bytes
from na64stat.files.writing import write_text as write_text
