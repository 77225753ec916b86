"""Where control groups of version 2 can be made, in trees like those that systemd makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from codefeedback.guest import cgroups


@pytest.mark.parametrize(
    ("own", "parent"),
    [("system.slice/us.service", "system.slice"), ("bare.slice/us.scope", ""), ("own", "own")],
)
def test_groups_are_made_where_they_can_be_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, parent: str
) -> None:
    monkeypatch.setattr(cgroups, "_MOUNT", str(tmp_path))
    given = {"": "pids memory\n", "system.slice": "cpu pids\n", "system.slice/us.service": ""}
    given |= {"bare.slice": "cpu\n", "bare.slice/us.scope": "", "own": "memory\n"}
    for name, controllers in given.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "cgroup.subtree_control").write_text(controllers)
    assert cgroups._nearest_parent(str(tmp_path / own)) == str(tmp_path / parent)


def test_no_group_is_made_where_none_can_be_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "_MOUNT", str(tmp_path))
    assert cgroups._nearest_parent(str(tmp_path)) == ""  # version 1 is mounted here
    (tmp_path / "cgroup.subtree_control").write_text("\n")
    assert cgroups._nearest_parent(str(tmp_path)) == ""
