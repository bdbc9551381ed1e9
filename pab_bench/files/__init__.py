"""Files that are either whole or not there, and digests that tell whether they still are."""

from pab_bench.files.atomic import write_bytes as write_bytes
from pab_bench.files.atomic import write_json as write_json
from pab_bench.files.atomic import write_text as write_text
from pab_bench.files.digests import NAME as NAME
from pab_bench.files.digests import check_digest as check_digest
from pab_bench.files.digests import check_digests as check_digests
from pab_bench.files.digests import check_listed as check_listed
from pab_bench.files.digests import digests_text as digests_text
from pab_bench.files.digests import file_digest as file_digest
from pab_bench.files.digests import parse_digests as parse_digests
from pab_bench.files.digests import read_with_digest as read_with_digest
from pab_bench.files.digests import write_digests as write_digests
from pab_bench.files.digests import write_with_digest as write_with_digest
from pab_bench.files.reading import parse_json as parse_json
from pab_bench.files.reading import read_json as read_json
from pab_bench.files.removal import remove as remove
from pab_bench.files.removal import unlink as unlink
from pab_bench.files.sealed import read_sealed_json as read_sealed_json
from pab_bench.files.sealed import write_sealed_json as write_sealed_json
from pab_bench.files.trial import why_no_file as why_no_file
from pab_bench.files.trial import why_not_writable as why_not_writable
