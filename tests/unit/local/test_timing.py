import os
import subprocess
from pathlib import Path

from cluster.paths import LOCAL

CASE = '<testcase classname="tests.e2e" name="test_slow" time="{seconds}"/>'


def timing(*arguments: str, notes: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NEREID_TIMES"}
    environment |= {"NEREID_TIMES": str(notes)} if notes else {}
    command: list[str | Path] = [LOCAL / "timing", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_stage_keeps_the_exit_status_and_is_reported(tmp_path: Path) -> None:
    assert timing("lint", "sh", "-c", "exit 3", notes=tmp_path).returncode == 3
    assert timing("unit", "true", notes=tmp_path).returncode == 0
    report = timing("--report", notes=tmp_path).stdout
    assert "0:00  lint  FAILED (3)\n" in report
    assert "0:00  unit\n" in report


def test_slowest_cases_come_first(tmp_path: Path) -> None:
    for name, seconds in (("api", 5.2), ("e2e", 65.9)):
        (tmp_path / f"{name}.xml").write_text(
            f"<testsuites><testsuite>{CASE.format(seconds=seconds)}</testsuite></testsuites>"
        )
    lines = timing("--report", notes=tmp_path).stdout.splitlines()
    assert lines[-2:] == ["  1:05  tests.e2e::test_slow", "  0:05  tests.e2e::test_slow"]


def test_failures_come_last_each_in_a_line_of_bounded_length(tmp_path: Path) -> None:
    failure = f'<failure message="assert 35 == 0&#10;  where 35 {"x" * 600}">the whole text</failure>'
    case = f'<testcase classname="tests.e2e" name="test_bad" time="1">{failure}</testcase>'
    (tmp_path / "e2e.xml").write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    lines = timing("--report", notes=tmp_path).stdout.splitlines()
    assert lines[-2] == "FAILED  tests.e2e::test_bad"
    assert lines[-1].startswith("        assert 35 == 0 where 35 xx")
    assert len(lines[-1]) == 8 + 500


def test_half_a_report_of_a_suite_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "unit.xml").write_text("<testsuites>")
    assert timing("--report", notes=tmp_path).returncode == 0


def test_without_notes_a_command_only_runs() -> None:
    done = timing("unit", "sh", "-c", "echo $NEREID_TIMES here; exit 4", notes=None)
    assert (done.stdout.strip(), done.returncode) == ("here", 4)
