import json

from onbox import box


def test_this_box_is_described_in_plain_data() -> None:
    told = json.loads(json.dumps(box.describe(measure=False).as_dict()))
    assert {"memory", "bandwidth", "accelerators", "checks", "cpu", "system", "disk", "proxies"} <= set(told)
    assert {"total_bytes", "available_bytes", "unified"} <= set(told["memory"])
    assert told["memory"]["total_bytes"] > told["memory"]["available_bytes"] > 0
    assert told["bandwidth"] is None
