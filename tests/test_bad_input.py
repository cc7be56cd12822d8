"""Every public function against the bad-input matrix."""

import bad_input
import pytest
from rows import Row

pytestmark = pytest.mark.bad_input


@pytest.mark.parametrize("row", bad_input.ROWS, ids=[f"{row.function}: {row.what}" for row in bad_input.ROWS])
def test_bad_input(row: Row) -> None:
    if row.raises is None:
        result = row.call()
        assert row.check is not None
        row.check(result)
        return
    with pytest.raises(row.raises, match=row.match) as caught:
        row.call()
    if row.match is not None:
        assert str(caught.value).startswith((row.function, f"jaxmath.{row.function}", "fit")) or "reduce.over" in str(
            caught.value
        )
        assert "\n" not in str(caught.value)
