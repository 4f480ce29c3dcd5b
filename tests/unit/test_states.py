"""The states: which moves exist, and what each state counts as."""

from __future__ import annotations

from uploads.states import FINAL, MOVES, RESERVING, USING, State


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(State)


def test_each_state_reserves_uses_or_is_final_and_only_one_of_them() -> None:
    assert set(State) == RESERVING | USING | FINAL
    assert not RESERVING & USING
    assert not FINAL & (RESERVING | USING)


def test_no_final_state_ever_holds_bytes_again() -> None:
    for state in FINAL:
        assert MOVES[state] <= FINAL


def test_only_an_inspected_upload_becomes_ready() -> None:
    assert [state for state in State if State.READY in MOVES[state]] == [
        State.INSPECTING
    ]
