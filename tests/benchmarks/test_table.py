"""Measurements become rows of a table."""

from __future__ import annotations

from benchmarks.table import Measured, Row, Section, markdown, number


def test_a_measurement_is_the_median_with_the_10th_and_90th_percentile() -> None:
    measured = Measured.of(range(101), "ms")

    assert (measured.median, measured.low, measured.high, measured.n) == (50, 10, 90, 101)
    assert str(measured) == "50 ms (10-90)"
    assert str(Measured.once(3, "")) == "3"


def test_numbers_have_three_digits() -> None:
    assert [number(value) for value in (0.00034, 0.5678, 12.345, 1_234.5, 7)] == [
        "0.0003",
        "0.568",
        "12.3",
        "1,234",
        "7",
    ]


def test_a_section_is_one_table_with_each_note_once() -> None:
    own = Measured.once(40, "ms")
    row = Row(section="a", what="x", ours=own, against="y", theirs=own, ratio=1, target="< 1", met=False, note="Why.")

    text = markdown(Section("a", "Title", "About.", [row, row]))

    assert text.splitlines() == [
        "## a. Title",
        "",
        "About.",
        "",
        "| what | ours | against | theirs | ratio | target | met |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| x | 40 ms | y | 40 ms | 1.00 | < 1 | **no** |",
        "| x | 40 ms | y | 40 ms | 1.00 | < 1 | **no** |",
        "",
        "- x: Why.",
    ]
