"""A recipe refuses what no training could follow, survives JSON, and says what counts at a step."""

import json
from dataclasses import fields, replace

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

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
        {"lr_g": -0.001},
        {"lr_q": -1},
        {"beta1": 1.0},
        {"beta2": -0.1},
        {"real_weight": -1.0},
        {"real_weight": {"kind": -1.0}},
        {"lambda_g": {"kind": "1"}},
        {"lambda_g": {5: 1.0}},
        {"enter": {"kind": "soon"}},
        {"enter": {"kind": -1}},
        {"real_from": -1},
        {"real_before": 0.5},
        {"steps": 10**30},
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


def test_a_negative_lambda_pays_g_for_hiding_a_code():
    assert Recipe(lambda_g=-1.0, lambda_q={"kind": -0.5}).lambda_g == -1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "c1", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from([f.name for f in fields(Recipe)]), JSON)
def test_any_value_of_any_field_is_refused_by_name_or_makes_a_recipe(name, value):
    """What a command line may say of one field: a recipe that survives JSON and can be tried, or one clear error."""
    try:
        recipe = Recipe(**{name: value})
    except ValueError as error:
        assert name in str(error)
        return
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    try:
        Training(tiny.build(), tiny.images(), replace(recipe, compile=False))
    except ValueError as error:
        assert str(getattr(recipe, name)) in str(error) or name in str(error)
