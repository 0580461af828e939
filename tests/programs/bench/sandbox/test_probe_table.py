"""The table of probes by tier in the docs has the probes that there are, and counts them right."""

from tools.sandbox_probes import COLUMNS, HELD, PAGE, SUM, TRIED, VERSION, read_table, table

from onbox.bench.sandbox.probes import PROBES


def test_the_table_has_the_probes_of_the_code_and_counts_them_right() -> None:
    text = PAGE.read_text("utf-8")
    columns = read_table(text)
    assert tuple(columns) == COLUMNS
    for name, column in columns.items():
        assert list(column) == [VERSION, TRIED, *PROBES, SUM], name
        cells = [column[probe] for probe in PROBES]
        assert column[SUM] == f"{cells.count(HELD)} of {len(PROBES)}", name
        assert all(cells), name
        assert all(cell == HELD or cell.startswith("the kernel answers: ") for cell in cells), name
    assert table(columns, list(PROBES)) in text


def test_each_probe_is_described_above_it() -> None:
    output = PAGE.read_text("utf-8").partition("## Probes")[2].partition("### By tier")[0]
    assert [line.split("`")[1] for line in output.splitlines() if line.startswith("| `")] == list(PROBES)
