"""Whether a server of tools is seen in the requests of a run: by a whole part of a tool's name."""

import pytest

from onbox.evidence.records import ArmPlan, McpServer
from onbox.judge.runs.isolation import bears
from tests.exchanges import streamed

NAMES = {
    "fs": [("fs_read_file", True), ("mcp__fs__read_file", True), ("fs.read", True), ("fs", True), ("offset", False),
           ("fsync", False), ("read_offsets", False)],
    "my-files": [("my-files_read", True), ("my_files__read", True), ("mcp__my-files__read", True),
                 ("files_read", False), ("my_files2_read", False)],
    "a.b+": [("a_b_read", True), ("axb_read", False)],
    "файлы": [("файлы_read", True), ("read", False)],
}  # fmt: skip


@pytest.mark.parametrize(("server", "tool", "is_offered"), [(s, *each) for s, rows in NAMES.items() for each in rows])
def test_the_name_of_a_server_is_a_whole_part_of_its_tools_names(server: str, tool: str, is_offered: bool) -> None:
    arm = ArmPlan(name="tools", mcp={server: McpServer(command=("serve",))})
    request = {"tools": [{"type": "function", "function": {"name": tool}}]}
    assert bears(arm, (), [streamed((), purpose="agent", request=request)]) is is_offered


def test_a_server_that_is_told_of_in_words_alone_counts_by_its_full_name() -> None:
    arm = ArmPlan(name="tools", mcp={"fs": McpServer(command=("serve",))})
    request = {"messages": [{"role": "system", "content": "ask for mcp__fs__read first; see offset"}]}
    assert bears(arm, (), [streamed((), purpose="agent", request=request)])
    other = {"messages": [{"role": "user", "content": "see fs"}]}
    assert not bears(arm, (), [streamed((), purpose="agent", request=other)])
