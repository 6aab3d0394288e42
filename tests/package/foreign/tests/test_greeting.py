"""How a project tests its orchestrations once `durable-harness[pytest]` is installed: with no line in a conftest.py."""

from durable_harness import Harness, app_activity


def test_greets_with_what_the_activities_answer(harness: Harness) -> None:
    harness.answer("word", {"hello": "Salve", "anna": "Anna"}.__getitem__)

    run = harness.run("greeting", "anna")

    assert run.output == "Salve Anna"


def test_the_order_in_which_the_words_come_does_not_matter(harness: Harness) -> None:
    harness.answer("word", app_activity)

    harness.assert_order_independent("greeting", "anna")
