"""The summary of an evaluation, as people read it."""

from __future__ import annotations

from textwrap import dedent

from codefeedback.evaluation import PassAtK, Summary
from codefeedback.formats.summary import render_summary


def test_a_summary() -> None:
    summary = Summary(
        samples=40,
        graded=38,
        ungraded=2,
        open=0,
        problems=4,
        problems_without_samples=1,
        verdicts={"AC": 19, "WA": 18, "CE": 0, "RE": 1, "TLE": 0, "MLE": 0, "OLE": 0},
        pass_at_k=(
            PassAtK(k=1, value=0.5, problems=4, too_few=0),
            PassAtK(k=10, value=0.98765, problems=1, too_few=3),
            PassAtK(k=100, value=None, problems=0, too_few=4),
        ),
    )
    failed = "2 could not be graded"
    expected = f"""\
        Samples  38 of 40 graded, 4 problems (1 without a sample do not count), {failed}

        pass@1     50.0%  over 4 problems
        pass@10    98.8%  over 1 problem; 3 with fewer than 10 graded samples are left out
        pass@100       -  no problem has 100 graded samples

        Verdicts
          AC   19   50.0%  ###############
          WA   18   47.4%  ##############
          CE    0    0.0%
          RE    1    2.6%  #
          TLE   0    0.0%
          MLE   0    0.0%
          OLE   0    0.0%"""
    assert render_summary(summary).plain == dedent(expected)
