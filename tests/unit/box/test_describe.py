import json

from onbox import box


def test_this_box_is_described_in_plain_data() -> None:
    result = json.loads(json.dumps(box.describe(measure=False).as_dict()))
    assert {"memory", "bandwidth", "accelerators", "checks", "cpu", "system", "disk", "proxies"} <= set(result)
    assert {"total_bytes", "available_bytes", "unified"} <= set(result["memory"])
    assert result["memory"]["total_bytes"] > result["memory"]["available_bytes"] > 0
    assert result["bandwidth"] is None
