"""The layouts of the input."""

from __future__ import annotations

from parts import LOOP, SHORT, Code, Layout, both, row

LAYOUTS = (
    Layout(
        "count and row",
        ("Read n, then a line of n integers.", "The input is n and then n integers on one line."),
        both(
            "n = int(input())\na = list(map(int, input().split()))",
            "a = list(map(int, input().split()))",
        ),
        lambda a: f"{len(a)}\n{row(a)}\n",
    ),
    Layout(
        "row",
        ("Read a line of integers.", "The input is one line of integers."),
        both("a = list(map(int, input().split()))", "a = int(input().split())"),
        lambda a: f"{row(a)}\n",
    ),
    Layout(
        "column",
        (
            "Read n, then n lines with one integer each.",
            "The input is n and then n integers, one per line.",
        ),
        {
            LOOP: Code(
                "n = int(input())\na = []\nfor i in range(n):\n    a.append(int(input()))",
                "n = int(input())\na = []\nfor i in n:\n    a.append(int(input()))",
            ),
            SHORT: Code(
                "n = int(input())\na = [int(input()) for i in range(n)]",
                "n = int(input())\na = [int(input()) for i in range(n - 1)]",
            ),
        },
        lambda a: "\n".join(map(str, [len(a), *a])) + "\n",
    ),
)
