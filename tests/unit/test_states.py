"""Test the states of an upload, their groups, and the permitted moves."""

from __future__ import annotations

from uploads.states import FINAL, MOVES, RESERVING, USING, State


def test_every_state_is_in_the_table_of_moves() -> None:
    assert set(MOVES) == set(State)


def test_each_state_is_in_exactly_one_group() -> None:
    assert set(State) == RESERVING | USING | FINAL
    assert not RESERVING & USING
    assert not FINAL & (RESERVING | USING)


def test_final_states_lead_only_to_final_states() -> None:
    for state in FINAL:
        assert MOVES[state] <= FINAL


def test_only_inspecting_leads_to_ready() -> None:
    assert [state for state in State if State.READY in MOVES[state]] == [
        State.INSPECTING
    ]
