"""What a graded program is worth: the rewards of RLTF (arXiv 2307.04349, eqs. 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import codefeedback as cf


class Reward(NamedTuple):
    """R_coarse (1, -0.3, -0.6 or -1) and R_adaptive (-0.3 to 1) of one program."""

    coarse: float
    adaptive: float


def reward(result: cf.Report | cf.Ungraded, mode: str) -> Reward | None:
    """None for a program that was not graded: that is our failure, and no reward.

    In the mode "replace" R_adaptive stands for R_coarse of programs that fail without an error,
    as in RLTF's released code.
    """
    if isinstance(result, cf.Ungraded):
        return None
    score = result.score
    failed = result.outcome is cf.Outcome.FAILURE
    coarse = score.adaptive if mode == "replace" and failed else score.coarse
    return Reward(coarse=coarse, adaptive=score.adaptive)


def fine_weights(
    report: cf.Report,
    decoded: cf.Decoded,
    *,
    reward: float,
    alpha: str | None,
    origins: Mapping[str, float],
    locate: str,
    prompt: str = "",
) -> list[float]:
    """alpha R_fine of each sampled token (eqs. 4 and 9); 0.0 for tokens that nothing blames.

    `prompt` is the code that the completion continues, if there is some.
    """
    if locate == "substring":
        policy = report.extraction.policy if report.extraction else "whole-text"
        source = cf.Source(cf.extract(decoded.text, policy, prompt=prompt)[0])
        findings = tuple(_first_copy(each, source) for each in report.findings)
        report = replace(report, findings=findings)
    return report.token_weights(decoded, fine=reward, alpha=alpha, origins=origins)


def _first_copy(finding: cf.Finding, source: cf.Source) -> cf.Finding:
    """The finding at the first copy of the blamed line, where RLTF's released code finds it."""
    if finding.scope is not cf.Scope.LINE:
        return finding
    place = finding.spans[0]
    line = source.text[place.start : place.end].strip()
    start = source.text.find(line)
    return replace(finding, spans=(source.span(start, start + len(line)),))
