"""`onbox watch`: progress or hang, with evidence."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import bytes_of, json_option


@click.command(
    "watch",
    context_settings={"ignore_unknown_options": False},
    cls=Manual,
    examples=(
        ("onbox watch --pid 4711", "is this start making progress or hanging"),
        ("onbox watch -- docker load -i image.tar", "a command, with the daemon that works for it"),
        ("onbox watch --replay recording.jsonl.gz --json", "a recording again, as JSON"),
    ),
    ends={1: "it ended dead or hung"},
)
@click.option(
    "--patience", type=click.FloatRange(min=1.0), help="Seconds without progress that count as a hang, in any phase."
)
@click.option("--pid", type=click.IntRange(1), help="Watch this process and everything it starts.")
@click.option("--container", help="Watch a container of docker or podman, by its name or id.")
@click.option("--replay", type=click.Path(path_type=Path), help="Watch a recording instead of this box.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1),
    help="Replay speed, in multiples of real time; by default as fast as possible.",
)
@click.option(
    "--reserve",
    type=click.FloatRange(0),
    metavar="GIB",
    help="With --replay: would a guard with this reserve have acted?",
)
@click.option(
    "--plan", type=click.FloatRange(0), metavar="GIB", help="The memory plan for that guard; by default none."
)
@click.option("--unified", is_flag=True, help="For that guard: the GPU shares the host's memory.")
@click.option("--url", help="The server that is starting: its /health and its counters are read too.")
@click.option("--log", type=click.Path(path_type=Path), help="The log file to follow, if the process writes one.")
@click.option("--record", type=click.Path(path_type=Path), help="Keep all samples in this file; .gz is compressed.")
@click.option("--stop-hung", is_flag=True, help="Stop CMD when it hangs; nothing else is ever stopped.")
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
@json_option
def command(
    patience: float | None,
    pid: int | None,
    container: str | None,
    replay: Path | None,
    speed: float | None,
    reserve: float | None,
    plan: float | None,
    unified: bool,
    url: str | None,
    log: Path | None,
    record: Path | None,
    stop_hung: bool,
    cmd: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report every second whether a start makes progress, is slow, or hangs, and on what evidence.

    Name one thing to watch: a process, a container, a recording, or a command after `--`.
    """
    from contextlib import closing

    from onbox.app.watching import WatchSpec, watch_startup
    from onbox.cli.ui.watch_view import make_view

    spec = WatchSpec(
        patience_s=patience,
        pid=pid,
        container=container,
        replay=replay,
        speed=speed,
        reserve_bytes=bytes_of(reserve),
        plan_bytes=bytes_of(plan),
        unified=unified,
        url=url,
        log=log,
        record=record,
        stop_hung=stop_hung,
        command=cmd,
    )
    frame = None
    with closing(watch_startup(spec)) as frames, make_view(as_json) as view:
        for frame in frames:
            view.show(frame)
    if frame is not None:
        frame.check()
