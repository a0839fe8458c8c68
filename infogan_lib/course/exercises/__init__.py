"""Exercises that say what is wrong with an answer: `check('01.2', ...)`. One module of checks for each notebook."""

from infogan_lib.course.exercises.checker import EXERCISES, NotYet, Wrong, check, exercise, own_or_twin

__all__ = ["EXERCISES", "NotYet", "Wrong", "check", "exercise", "own_or_twin"]
