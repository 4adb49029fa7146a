"""Every field at most one column, every column at most one field."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from feedbridge.mapping.suggest.assign import best_pairs

WEIGHTS = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5]), min_size=width, max_size=width), min_size=1, max_size=4
    )
)


@given(WEIGHTS)
def test_no_other_pairs_weigh_more(weights):
    pairs = best_pairs(weights)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    spare = [*range(len(weights[0])), *[-1] * len(weights)]
    most = max(
        sum(weights[row][column] for row, column in enumerate(chosen) if column >= 0)
        for chosen in permutations(spare, len(weights))
    )
    assert abs(sum(weights[row][column] for row, column in pairs) - most) < 1e-9
