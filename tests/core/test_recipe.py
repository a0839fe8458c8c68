"""A recipe refuses what no training could follow, survives JSON, and says what counts at a step."""

from dataclasses import replace

import pytest
import tiny

from infogan_lib import Recipe, Training


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "wgan"},
        {"steps": 0},
        {"batch": 1},
        {"precision": "float8"},
        {"ema": 1.0},
        {"checkpoint_every": 0},
        {"steps": 2.5},
        {"batch": True},
        {"lr_g": "fast"},
        {"lr_g": float("nan")},
        {"lr_g": 10**400},
        {"lambda_g": float("inf")},
        {"lambda_q": {"digit": "x"}},
        {"real_weight": None},
        {"enter": 5},
        {"enter": {"digit": "x"}},
        {"compile": 1},
    ],
)
def test_impossible_recipes_are_refused(change):
    (name,) = change
    with pytest.raises(ValueError, match=name):
        Recipe(**change)


def test_a_recipe_survives_json_and_names_an_unknown_field():
    recipe = Recipe(lambda_g={"digit": 1.0, "c1": 0.1})
    assert Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(ValueError, match="learning_rate"):
        Recipe.from_json({"learning_rate": 1})


def test_a_code_that_has_not_entered_weighs_nothing_for_either_player():
    recipe = Recipe(lambda_g={"kind": 1.0, "c1": 0.1}, lambda_q=2.0, enter={"c1": 5})
    early = recipe.at(4, ["kind", "c1"])
    assert early.lambda_g == {"kind": 1.0, "c1": 0.0} and early.lambda_q == {"kind": 2.0, "c1": 0.0}
    assert recipe.at(5, ["kind", "c1"]) == recipe
    with pytest.raises(ValueError, match="'c9' enters"):
        Training(tiny.build(), tiny.images(), replace(recipe, batch=16, enter={"c9": 1}))
