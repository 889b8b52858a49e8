"""The diagram of a rollout's stages in the documentation is the one that the transitions make."""

import pytest
from rollout_diagram import BEGIN, END, PAGE, diagram, with_diagram

from nereid.api.rollout_stage import Stage
from nereid.controller.decide.rollout.transitions import TRANSITIONS


def test_the_page_shows_the_transitions_as_they_are():
    page = PAGE.read_text()
    assert with_diagram(page) == page, "write it anew: make crds"


def test_it_shows_every_stage_and_every_transition():
    arrows = [line for line in diagram().splitlines() if " --> " in line]
    assert all(any(f"--> {stage}" in arrow for arrow in arrows) for stage in Stage)
    assert len(arrows) == 1 + sum(len(targets) for targets in TRANSITIONS.values())


def test_all_but_the_diagram_is_kept():
    page = with_diagram(f"before\n{BEGIN}\nan old one\n{END}\nafter\n")
    assert page.startswith(f"before\n{BEGIN}\n```mermaid\nstateDiagram-v2\n")
    assert page.endswith(f"\n```\n{END}\nafter\n")
    assert "an old one" not in page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_page_without_its_place_is_refused(page: str):
    with pytest.raises(ValueError, match="lacks a marker"):
        with_diagram(page)
