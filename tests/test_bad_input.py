"""Every public function against the bad-input matrix."""

import re

import bad_input
import pytest
from rows import Row

pytestmark = pytest.mark.bad_input

# The function (of reduce, where that is what checks an option), the caller's own name for what is not finite, or JAX's
# word on a derivative that does not exist.
NAMES_ITS_PLACE = re.compile(
    r"(jaxmath\.|data\.)?[a-z_]+\.[A-Za-z_0-9]+(\.[a-z_]+)?: |fit|Gradient only defined for scalar-output functions"
)


@pytest.mark.parametrize("row", bad_input.ROWS, ids=[f"{row.function}: {row.what}" for row in bad_input.ROWS])
def test_bad_input(row: Row) -> None:
    if row.raises is None:
        result = row.call()
        assert row.check is not None
        row.check(result)
        return
    with pytest.raises(row.raises, match=row.match) as caught:
        row.call()
    message = str(caught.value)
    assert NAMES_ITS_PLACE.match(message), message
    assert "\n" not in message
