"""Quants of one model: which files they are, that they are of one model, and the table beside the largest."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from gguf import GGMLQuantizationType, GGUFWriter, quants

from onbox import recipes
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import QuantPlan, Role, RunRecord
from onbox.judge.results import Verdict
from onbox.report import comparison_tables
from onbox.trial.plan import make_plan
from onbox.trial.quants import quants_of
from onbox.trial.spec import TrialSpec
from tests.builders import Contender, build_plan, scripted_run, write_run, write_stand_up
from tests.judging import judge


def gguf(path: Path, kind: GGMLQuantizationType, layers: int = 1, before: str = "") -> Path:
    """A model of one layer with its matrices in a type."""
    writer = GGUFWriter(path, "clip" if before else "llama")
    writer.add_block_count(layers)
    writer.add_embedding_length(64)
    writer.add_head_count(2)
    for n in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix = np.linspace(-1, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
            writer.add_tensor(f"{before}blk.{n}.{name}.weight", quants.quantize(matrix, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class TestWhichFiles:
    def test_a_folder_of_them_the_largest_first(self, tmp_path: Path) -> None:
        gguf(tmp_path / "model-q4_0.gguf", GGMLQuantizationType.Q4_0)
        gguf(tmp_path / "model-q8_0.gguf", GGMLQuantizationType.Q8_0)
        gguf(tmp_path / "mmproj-model.gguf", GGMLQuantizationType.Q8_0, before="v.")
        gguf(tmp_path / "model-f16-00002-of-00002.gguf", GGMLQuantizationType.F16)
        found, result = quants_of([str(tmp_path)], None)
        assert [recipe.name for recipe in found] == [quant.name for quant in result] == ["model-q8_0", "model-q4_0"]
        assert [quant.bits_per_weight for quant in result] == [8.5, 4.5]
        assert result[1].types == {"q4_0": 1.0}
        assert all(recipe.vision and recipe.vision.projector for recipe in found), "the projector lies beside them"

    def test_one_recipe_says_how_all_are_served(self, tmp_path: Path) -> None:
        small = gguf(tmp_path / "a-q4_0.gguf", GGMLQuantizationType.Q4_0)
        large = gguf(tmp_path / "a-q8_0.gguf", GGMLQuantizationType.Q8_0)
        like = recipes.of_gguf(large).model_copy(update={"sampling": {"temperature": 0.7}})
        found, _ = quants_of([str(small), str(large)], like)
        assert [(recipe.name, recipe.sampling) for recipe in found] == [
            ("a-q8_0", {"temperature": 0.7}),
            ("a-q4_0", {"temperature": 0.7}),
        ]

    def test_so_does_a_recipe_that_is_one_of_them(self, tmp_path: Path) -> None:
        """Found in a trial: the file had the model's own template, the recipe one that fits its calls."""
        small = gguf(tmp_path / "a-q4_0.gguf", GGMLQuantizationType.Q4_0)
        large = gguf(tmp_path / "a-q8_0.gguf", GGMLQuantizationType.Q8_0)
        template = tmp_path / "calls.jinja"
        template.write_text("{{ messages }}")
        recipe = self.written(tmp_path / "large.yaml", large, chat_template=template.name)
        found, _ = quants_of([str(small), recipe], None)
        assert [each.name for each in found] == ["large", "a-q4_0"]
        assert found[0].serve == found[1].serve
        assert found[0].serve.chat_template

    def test_recipes_that_serve_differently_are_refused(self, tmp_path: Path) -> None:
        small = gguf(tmp_path / "a-q4_0.gguf", GGMLQuantizationType.Q4_0)
        large = gguf(tmp_path / "a-q8_0.gguf", GGMLQuantizationType.Q8_0)
        (tmp_path / "calls.jinja").write_text("{{ messages }}")
        recipes_of_both = [
            self.written(tmp_path / "large.yaml", large, chat_template="calls.jinja"),
            self.written(tmp_path / "small.yaml", small),
        ]
        with pytest.raises(UsageError, match=r"small and large are not served alike \(serve\)"):
            quants_of(recipes_of_both, None)

    def written(self, path: Path, model: Path, **serve: str) -> str:
        recipe = {"name": path.stem, "engine": "llama-embedded", "weights": {"path": model.name}, "serve": serve}
        path.write_text(yaml.safe_dump(recipe))
        return str(path)

    def test_another_model_is_no_quant_of_it(self, tmp_path: Path) -> None:
        gguf(tmp_path / "a.gguf", GGMLQuantizationType.Q4_0)
        gguf(tmp_path / "b.gguf", GGMLQuantizationType.Q8_0, layers=2)
        with pytest.raises(UsageError, match="its layers is"):
            quants_of([str(tmp_path)], None)

    def test_one_is_nothing_to_compare(self, tmp_path: Path) -> None:
        only = gguf(tmp_path / "a.gguf", GGMLQuantizationType.Q4_0)
        for source in (str(only), str(tmp_path)):
            with pytest.raises(UsageError, match="cannot be compared"):
                quants_of([source], None)
        (tmp_path / "empty").mkdir()
        with pytest.raises(UsageError, match="contains no GGUF"):
            quants_of([str(tmp_path / "empty")], None)

    def test_the_plan_has_the_largest_for_its_incumbent(self, tmp_path: Path) -> None:
        gguf(tmp_path / "a-q4_0.gguf", GGMLQuantizationType.Q4_0)
        gguf(tmp_path / "a-q8_0.gguf", GGMLQuantizationType.Q8_0)
        spec = TrialSpec(quants=(str(tmp_path),), task_names=("fix-typo",), bench=False)
        plan, _ = make_plan(spec, sandbox="not needed", read_gb_s=None)
        assert [(c.name, c.role.value) for c in plan.contenders] == [("a-q8_0", "incumbent"), ("a-q4_0", "challenger")]
        assert [quant.name for quant in plan.quants] == ["a-q8_0", "a-q4_0"]
        again = TrialFolder.create(tmp_path / "trial", plan)
        repeated, _ = make_plan(
            TrialSpec(contenders=(str(again.path / "plan.yaml"),), bench=False), sandbox="not needed", read_gb_s=None
        )
        assert repeated.quants == plan.quants


def teardown(path: Path, letters: dict[str, str], seconds: dict[str, float]) -> Verdict:
    """The verdict on quants whose runs are the same letters on each of nine tasks."""
    tasks = "abcdefghi"
    contenders = [
        Contender(name, Role.CHALLENGER if n else Role.INCUMBENT, dict.fromkeys(tasks, ends))
        for n, (name, ends) in enumerate(letters.items())
    ]
    named = tuple(QuantPlan(name=name, bytes=10**9 >> n, bits_per_weight=8.5 / 2**n) for n, name in enumerate(letters))
    folder = TrialFolder.create(path, build_plan(contenders).model_copy(update={"quants": named}))
    for each in contenders:
        write_stand_up(folder, each.name)
        for task, ends in each.runs.items():
            for n, letter in enumerate(ends, 1):
                record, exchanges = scripted_run(letter, each.name, task, n)
                taken = seconds[each.name] * (1 + 0.05 * ((n + ord(task)) % 3))
                write_run(folder, RunRecord.model_validate({**dict(record), "seconds": taken}), exchanges)
    return judge(folder)


class TestTable:
    def test_each_beside_the_largest_on_pairs(self, tmp_path: Path) -> None:
        verdict = teardown(
            tmp_path / "trial",
            {"q8": "PPPPPPFPPF", "q4": "PPPPPPFPPF", "q2": "FFFPFFFFPF"},
            {"q8": 60.0, "q4": 35.0, "q2": 20.0},
        )
        largest, q4, q2 = verdict.quants
        assert (largest.said, largest.loss, largest.p) == ("largest", None, None)
        assert (q4.said, q4.lost, q4.won, q4.p, q4.loss) == ("no loss within the margin", 0, 0, None, 0.0)
        assert (q2.said, q2.lost, q2.won) == ("loss", 54, 0)
        assert q2.p is not None
        assert q2.p < 0.001
        assert q2.loss == pytest.approx(0.6)
        assert q4.time_ratio == pytest.approx(35 / 60, rel=1e-3)
        assert q4.time_interval is not None
        assert q4.time_interval[1] < 1
        assert [row.sees for row in verdict.quants] == [None] * 3, "nobody asked: unknown"
        assert (verdict.verdict, verdict.basis.value) == ("switch", "speed")
        assert verdict.headline.startswith("Switch to q4 for speed, for these nine tasks: q4 is equal within 10 points")
        assert any("q2 loses ability against q8 (54 pairs lost, 0 won" in reason for reason in verdict.reasons)
        rows = comparison_tables.quant_rows(verdict)
        assert all(len(row) == len(comparison_tables.QUANTS_HEAD) for row in rows)
        assert rows[2][3].startswith("60 points (")
        assert rows[2][4:6] == ("54, 0", "loss")
        assert rows[1][5] == "no loss within the margin"
        assert rows[1][9] == "unknown"
        pairs = comparison_tables.pair_rows(verdict)
        assert [row[:2] for row in pairs] == [("q8", "q4"), ("q8", "q2"), ("q4", "q2")]

    def test_too_few_pairs_are_open_and_never_no_loss(self, tmp_path: Path) -> None:
        verdict = teardown(tmp_path / "trial", {"q8": "P", "q4": "P"}, {"q8": 60.0, "q4": 60.0})
        assert verdict.quants[1].said == "open"
        assert any("may lose something or nothing" in reason for reason in verdict.reasons)
