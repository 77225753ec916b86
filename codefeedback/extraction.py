"""From what a language model answered to the program in it, and back.

Units: all offsets count Unicode code points, of the completion or of the program; spans are
half-open. A program consists of the very characters of the completion: nothing is stripped,
and only what Markdown itself takes away (the indentation of a fence, the ``>`` of a quotation)
is left out, which makes several pieces of one program. Lines end at ``\\n``, ``\\r\\n`` or ``\\r``.

The rules, in the order in which they are applied:

- Turns. A marker of the table below that begins a turn of the assistant discards all before it; one
  that ends a turn ends the answer. A marker next to a quotation mark is a mention, not a marker.
- Thoughts. ``<think>`` outside of a fence begins a thought, the next ``</think>`` ends it, and what
  is between is not looked at. ``</think>`` without an opener, outside of a fence and at the start
  or the end of its line, ends a thought that began at the start. A thought that does not end leaves
  nothing but the Python blocks before it.
- Fences follow CommonMark. Markers and tags inside a fence that closes are part of the program.
  Five liberties: a Python tag in mid-line opens a fence if nothing follows it; an opener that comes
  twice, or was only talk of one, is passed over; a marker may follow a closing fence; a fence that
  nothing closes ends at its first suspect (closing backticks behind code, a marker, a ``</think>``
  alone on its line); a fence in which a tagged fence opens behind a suspect ends at that suspect.
  Openers tagged as Markdown are ignored, so an answer that is wrapped in one can be read.
- Fences tagged as Python are preferred, then those without a tag; others are never programs.
- Without a usable fence the last stretch of the answer between thoughts is the program.

Every character is looked at a bounded number of times, whatever the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from codefeedback.errors import UsageError

POLICIES = ("last-fence", "first-fence", "whole-text", "prompt+completion")
_FOUND = ("fence", "unfinished-fence", "whole-text", "continuation", "nothing")

# --- the interface ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered, for the grader to find the program in.

    `text` is a text, or chat messages of which the last one of the assistant counts. `truncated`
    says that the model hit its length limit.
    """

    text: str | Sequence[Mapping[str, Any]]
    policy: str = "last-fence"
    truncated: bool = False
    name: str = "solution.py"

    def __post_init__(self) -> None:
        if not isinstance(self.truncated, bool):
            raise UsageError(f"truncated: expected True or False, got {self.truncated!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`length` (> 0) code points that stand in the program and in the completion alike."""

    program_start: int
    completion_start: int
    length: int

    def to_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Piece:
        return cls(**{name: _whole_number(data, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Where a program stands in a completion.

    `found` is "fence", "unfinished-fence", "whole-text", "continuation" or "nothing"; `reason` says
    in a line why. `pieces` are in order and do not overlap, neither in the program nor in the
    completion. The part of a program that was the prompt is in no piece.
    """

    policy: str
    found: str
    reason: str
    pieces: tuple[Piece, ...]
    program_length: int
    completion_length: int

    def to_completion(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """The parts of the completion that program[start:end] stands in, adjacent ones merged.

        An empty span gives the one empty span where its place is, or () if that is in no piece.
        """
        _check_span(start, end, self.program_length, "program")
        return _mapped(self.pieces, "program_start", "completion_start", start, end)

    def to_program(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """The parts of the program that completion[start:end] became; see `to_completion`."""
        _check_span(start, end, self.completion_length, "completion")
        return _mapped(self.pieces, "completion_start", "program_start", start, end)

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "pieces": [piece.to_dict() for piece in self.pieces]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Extraction:
        """The extraction that `to_dict` made these values of. Raises ValueError for others."""
        if data["policy"] not in POLICIES:
            raise ValueError(f"policy: expected one of {POLICIES}, got {data['policy']!r}")
        if data["found"] not in _FOUND:
            raise ValueError(f"found: expected one of {_FOUND}, got {data['found']!r}")
        extraction = cls(
            policy=data["policy"],
            found=data["found"],
            reason=str(data["reason"]),
            pieces=tuple(Piece.from_dict(piece) for piece in data["pieces"]),
            program_length=_whole_number(data, "program_length"),
            completion_length=_whole_number(data, "completion_length"),
        )
        extraction._check_pieces()
        return extraction

    def _check_pieces(self) -> None:
        here = there = 0
        for index, piece in enumerate(self.pieces):
            if piece.program_start < here or piece.completion_start < there or piece.length < 1:
                raise ValueError(f"pieces[{index}]: empty, out of order or overlapping")
            here = piece.program_start + piece.length
            there = piece.completion_start + piece.length
        if here > self.program_length or there > self.completion_length:
            raise ValueError("pieces: they end behind the program or the completion")


def extract(
    completion: str | Sequence[Mapping[str, Any]], policy: str = "last-fence", *, prompt: str = ""
) -> tuple[str, Extraction]:
    """The program in a completion, and the map between the two. `prompt` is for one policy only."""
    name = checked_policy(policy)
    text = completion_text(completion)
    if name == "whole-text":
        reason = "the policy takes all of the completion"
        return _program(text, name, _Choice("whole-text", reason, [(0, len(text))]))
    if name == "prompt+completion":
        reason = "the completion continues the prompt"
        return _program(text, name, _Choice("continuation", reason, [(0, len(text))]), prompt)
    reader = _Reader(text)
    reader.read()
    return _program(text, name, _choose(reader, first=name == "first-fence"))


def checked_policy(policy: str) -> str:
    """The policy of this name, with hyphens. Raises UsageError if there is none."""
    name = policy.replace("_", "-") if isinstance(policy, str) else policy
    if name not in POLICIES:
        raise UsageError(f"extract: expected {', '.join(POLICIES)}, got {policy!r}")
    return name


def completion_text(completion: str | Sequence[Mapping[str, Any]] | Completion) -> str:
    """The text that offsets count in: the text itself, or that of the last assistant message."""
    if isinstance(completion, Completion):
        completion = completion.text
    if isinstance(completion, str):
        return completion
    messages = _messages(completion)
    for index in reversed(range(len(messages))):
        if messages[index].get("role") == "assistant":
            return _content(messages[index].get("content"), f"messages[{index}].content")
    raise UsageError('messages: none of them has the role "assistant"')


def _messages(completion: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(completion, Sequence) or isinstance(completion, (bytes, bytearray)):
        kind = type(completion).__name__
        raise UsageError(f"completion: expected a text or a list of messages, got {kind}")
    for index, message in enumerate(completion):
        if not isinstance(message, Mapping):
            raise UsageError(f"messages[{index}]: expected an object, got {type(message).__name__}")
    return completion


def _content(content: Any, where: str) -> str:
    """The text of a message's content, which may be in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        kind = type(content).__name__
        raise UsageError(f"{where}: expected a text or a list of parts, got {kind}")
    texts = []
    for index, part in enumerate(content):
        if not isinstance(part, Mapping):
            kind = type(part).__name__
            raise UsageError(f"{where}[{index}]: expected an object, got {kind}")
        if part.get("type") == "text":
            if not isinstance(part.get("text"), str):
                kind = type(part.get("text")).__name__
                raise UsageError(f"{where}[{index}].text: expected a text, got {kind}")
            texts.append(part["text"])
    return "".join(texts)


# --- maps ------------------------------------------------------------------------------------


def _whole_number(data: Mapping[str, Any], name: str) -> int:
    value = data[name]
    if type(value) is not int or value < 0:
        raise ValueError(f"{name}: expected a whole number >= 0, got {value!r}")
    return value


def _check_span(start: int, end: int, length: int, what: str) -> None:
    if end < start:
        raise ValueError(f"a span cannot end ({end}) before it starts ({start})")
    if start < 0 or end > length:
        raise IndexError(f"span {start} to {end} in a {what} of {length} characters")


def _mapped(
    pieces: Sequence[Piece], source: str, target: str, start: int, end: int
) -> tuple[tuple[int, int], ...]:
    """[start, end) of the `source` side of pieces, on their `target` side."""
    index = max(bisect_right(pieces, start, key=attrgetter(source)) - 1, 0)
    parts: list[tuple[int, int]] = []
    for piece in islice(pieces, index, None):
        here, there = getattr(piece, source), getattr(piece, target)
        low, high = max(start, here), min(end, here + piece.length)
        if here > end or (start == end and low <= high and parts):
            break
        if low > high or (low == high and start < end):
            continue
        part = (there + low - here, there + high - here)
        if parts and parts[-1][1] == part[0]:
            part = (parts.pop()[0], part[1])
        parts.append(part)
    return tuple(parts)


class _Choice(NamedTuple):
    """What was found: spans of the completion that make the program."""

    found: str
    reason: str
    spans: Sequence[tuple[int, int]]


def _program(text: str, policy: str, choice: _Choice, prompt: str = "") -> tuple[str, Extraction]:
    pieces, length = [], len(prompt)
    for start, end in choice.spans:
        if start < end:
            piece = Piece(program_start=length, completion_start=start, length=end - start)
            pieces.append(piece)
            length += end - start
    program = prompt + "".join(text[start:end] for start, end in choice.spans)
    extraction = Extraction(
        policy=policy,
        found=choice.found,
        reason=choice.reason,
        pieces=tuple(pieces),
        program_length=length,
        completion_length=len(text),
    )
    return program, extraction


# --- markers and tags ------------------------------------------------------------------------

_RUN, _TURN, _STOP, _OPEN, _CLOSE = "run", "turn", "stop", "open", "close"

#: Markers that begin a turn: of the assistant if this word follows, else of somebody else.
_ROLES = {
    "<|im_start|>": "assistant",
    "<|start_header_id|>": "assistant",
    "<|header_start|>": "assistant",
    "<|start|>": "assistant",
    "<|channel|>": "final",
    "<start_of_turn>": "model",
}
#: Markers that begin a turn of the assistant.
_TURNS = ("<|assistant|>", "<|Assistant|>", "<｜Assistant｜>", "<|CHATBOT_TOKEN|>", "[/INST]")
#: Markers that end a turn or a text, or begin a turn of somebody else.
_STOPS = (
    *("<|im_end|>", "<|eot_id|>", "<|eot|>", "<|EOT|>", "<|eom_id|>", "<|end|>", "<|return|>"),
    *(
        "<|endoftext|>",
        "<|end_of_text|>",
        "<|end_of_turn|>",
        "<|END_OF_TURN_TOKEN|>",
        "<end_of_turn>",
    ),
    *("<｜end▁of▁sentence｜>", "<|end▁of▁sentence|>", "<|end_of_sentence|>", "</s>", "<eos>"),
    *("<|user|>", "<|User|>", "<｜User｜>", "<|system|>", "<|observation|>", "<|USER_TOKEN|>"),
    *("<|SYSTEM_TOKEN|>", "<|file_sep|>", "<file_sep>"),
)
#: Tags around thoughts, and what ends each.
_THOUGHTS = {
    **{f"<{name}>": f"</{name}>" for name in ("think", "thinking", "thought", "reasoning")},
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
#: What may stand behind a closing fence besides the above; it means nothing elsewhere.
_ENDS_OF_ANSWER = ("</answer>", "<|end_of_solution|>")
_KINDS = {
    **dict.fromkeys(_TURNS, _TURN),
    **dict.fromkeys(_STOPS, _STOP),
    **dict.fromkeys(_THOUGHTS, _OPEN),
    **dict.fromkeys(_THOUGHTS.values(), _CLOSE),
}

# Each branch begins with a literal, which lets `re` skip quickly to the next candidate.
_TOKEN = re.compile(
    r"```+|~~~+|\[/INST\]|<(?:[|｜][^|｜<>\s]{1,30}[|｜]>"
    r"|/?(?i:think|thinking|thought|reasoning)>|(?:start_of_turn|end_of_turn|eos|file_sep|/s)>)"
)
_HEADER_END = re.compile(r"(?:<\|(?:end_header_id|header_end|message|im_sep)\|>)?")
_LINE_END = re.compile(r"[\r\n]")
_BLANKS = re.compile(r"[ \t]*")
_EMPHASIS = re.compile(r"[*_]{0,3}[ \t]*")  # of an answer that is bold as a whole
# Blank lines behind a tag do not belong to a program, the indentation of its first line does.
_GAP = re.compile(r"[ \t]*+(?:[ \t\f]*+[\r\n])*+")
_SPACE = re.compile(r"\s*+")
_QUOTED_SPACE = re.compile(r"[\s>]*+")
# Quotation marks, indentation, the bullet of a list. Possessive, or it would take forever.
_PREFIX = re.compile(r"((?: {0,3}+>[ \t]?+)*+)([ \t]*+)((?:[-*+]|[0-9]{1,9}[.)])[ \t]+)?")
_OUTSIDE_QUOTE = re.compile(r"(?:\n|\r(?!\n))(?! {0,3}>)")
_PYTHON = re.compile(
    r"[ \t]*+(?:\{[ \t]*+)?\.?(?:(?i:i?python|py)[0-9.]*|[\w./-]+\.py)(?![\w+#./-])"
)
_ONLY_PYTHON = re.compile(_PYTHON.pattern + r"\}?[ \t]*+(?=[\r\n]|\Z)")
_MARKDOWN = re.compile(r"[ \t]*(?i:markdown|md)(?![\w+#./-])")


class _Token(NamedTuple):
    """A place to look at: a run of fence characters, a marker or a tag."""

    kind: str
    start: int
    end: int
    line: int  # where its line starts
    stop: int  # where its line ends, before the line end
    first: bool  # no other token stands before it in the line


def _tokens(text: str, start: int) -> Iterator[_Token]:
    """The tokens from `start`, which is where a line starts."""
    line, stop = start, -1
    for match in _TOKEN.finditer(text, start):
        at, end = match.span()
        kind = _kind(text, match.group(), end)
        if not kind:
            continue
        first = at > stop
        if first:
            low = max(stop, start)
            line = max(text.rfind("\n", low, at), text.rfind("\r", low, at), start - 1) + 1
            line_end = _LINE_END.search(text, at)
            stop = line_end.start() if line_end else len(text)
        yield _Token(kind, at, end, line, stop, first)


def _kind(text: str, found: str, end: int) -> str:
    if found[0] in "`~":
        return _RUN
    role = _ROLES.get(found)
    if role:
        return _TURN if text.startswith(role, end) else _STOP
    return _KINDS.get(found) or _KINDS.get(found.lower(), "")


def _is_mention(text: str, token: _Token) -> bool:
    """Whether a marker or a tag stands in a string literal or in inline code, by its neighbours."""
    after = text[token.end : token.end + 3]
    if after[:1] in ('"', "'", "\\") or (after[:1] == "`" and after != "```"):
        return True
    before = text[max(token.start - 3, 0) : token.start]
    quoted = before[-1:] in ('"', "'") or (before[-1:] == "`" and before != "```")
    # A program may well end with a quotation mark, so for an end marker it says nothing.
    return quoted and token.kind != _STOP


# --- reading an answer -----------------------------------------------------------------------


class _Fence(NamedTuple):
    """An opening fence."""

    run: str
    tag: str  # "python", "" or "other"
    indent: int  # columns that may be removed from each line
    quotes: int  # ">" that may be removed from each line
    content: int  # where the content starts
    code: int  # where the first character stands in it that is not blank
    sloppy: bool  # it stands in mid-line


class _Block(NamedTuple):
    """A fenced block; its content is text[start:end]."""

    fence: _Fence
    start: int
    end: int
    finished: bool


class _Reader:
    """Reads an answer from start to end, keeps the blocks that a policy may choose from."""

    # A hostile text can nest fences that nothing closes; each costs a look at the whole rest.
    MAX_UNCLOSED = 3

    def __init__(self, text: str) -> None:
        self.text = text
        self.unclosed = 0
        self.fences_from = 0
        self.quote_end = 0
        self.rewind(0, 0, 0)
        self.begin(0)

    def begin(self, start: int) -> None:
        """Forget all before `start`."""
        self.live = True
        self.endless = False
        self.start = start
        self.stretch: tuple[int, int] | None = None
        #: (tag, blank) -> the first and the last block of the kind
        self.blocks: dict[tuple[str, bool], tuple[_Block, _Block]] = {}
        self.count = 0
        self.others = False

    def rewind(self, line: int, floor: int, fences_from: int) -> None:
        """Go back to `floor`, in the line that starts at `line`; look for fences only later."""
        self.stream = _tokens(self.text, line)
        self.floor = floor
        self.fences_from = max(self.fences_from, fences_from)
        self.pushed: _Token | None = None

    def next(self) -> _Token | None:
        token, self.pushed = self.pushed, None
        if token:
            return token
        for token in self.stream:
            if token.start >= self.floor:
                return token
        return None

    def read(self) -> None:
        while token := self.next():
            if token.kind == _RUN:
                if self.live and token.start >= self.fences_from:
                    self.fence(token)
            elif not _is_mention(self.text, token):
                self.marker(token)
        if self.live and not self.endless:
            self.end_stretch(len(self.text))

    def marker(self, token: _Token) -> None:
        """A marker or a tag outside of fences."""
        if token.kind == _TURN:
            self.begin(self.turn_start(token))
        elif not self.live:
            return
        elif token.kind == _STOP:
            self.end_stretch(token.start)
            self.live = False
        elif token.kind == _OPEN:
            self.thought(token)
        elif self.starts_line(token) or self.ends_line(token):
            self.begin(self.skip(_GAP, token.end))

    def turn_start(self, token: _Token) -> int:
        end = token.end + len(_ROLES.get(self.text[token.start : token.end], ""))
        return self.skip(_GAP, self.skip(_HEADER_END, end))

    def skip(self, pattern: re.Pattern[str], start: int) -> int:
        match = pattern.match(self.text, start)
        return match.end() if match else start

    def end_stretch(self, end: int) -> None:
        if self.start < end and not self.text[self.start : end].isspace():
            self.stretch = (self.start, end)

    def thought(self, opener: _Token) -> None:
        """Skip a thought. Only its own tag ends it, or a new turn, in which it cannot go on."""
        self.end_stretch(opener.start)
        closer = _THOUGHTS[self.text[opener.start : opener.end].lower()]
        while token := self.next():
            if token.kind == _CLOSE and self.text[token.start : token.end].lower() == closer:
                if not _is_mention(self.text, token):
                    self.start = self.skip(_GAP, token.end)
                    return
            elif token.kind == _TURN and not _is_mention(self.text, token):
                self.begin(self.turn_start(token))
                return
        self.endless = True

    # --- places in lines

    def starts_line(self, token: _Token) -> bool:
        return token.first and not self.text[token.line : token.start].strip(" \t")

    def ends_line(self, token: _Token) -> bool:
        """Whether only blanks or something that ends a turn, a thought or an answer follow."""
        if token.end == token.stop:
            return True
        end = self.skip(_EMPHASIS, token.end)
        if end >= token.stop or self.text.startswith(_ENDS_OF_ANSWER, end):
            return True
        match = _TOKEN.match(self.text, end)
        return match is not None and _kind(self.text, match.group(), match.end()) in (
            _STOP,
            _TURN,
            _CLOSE,
        )

    # --- fences

    def prefix(self, token: _Token) -> tuple[int, int, int] | None:
        """The quotation marks, the columns of indentation, and those of a bullet before a run.

        None if anything else stands there.
        """
        if token.start == token.line:
            return 0, 0, 0
        match = _PREFIX.match(self.text, token.line, token.start) if token.first else None
        if match is None or match.end() < token.start:
            return None
        return match[1].count(">"), len(match[2].expandtabs(4)), len(match[3] or "")

    def opened(self, token: _Token) -> _Fence | None:
        """The fence that a run opens, if it does."""
        text, tick = self.text, self.text[token.start] == "`"
        prefix = self.prefix(token)
        if prefix is None and not (tick and _ONLY_PYTHON.match(text, token.end)):
            return None
        if prefix and tick and text.find("`", token.end, token.stop) >= 0:
            return None
        quotes, indent, bullet = prefix or (0, self.indent_of(token), 0)
        content = min(token.stop + 1 + text.startswith("\r\n", token.stop), len(text))
        info = text[token.end : token.stop].strip()
        if info and self.ends_line(token):
            # A closing fence without an opener; what follows it is no info string.
            content, info = token.end, ""
        return _Fence(
            run=text[token.start : token.end],
            tag=_tag(info),
            indent=indent + bullet,
            quotes=quotes,
            content=content,
            code=self.skip(_QUOTED_SPACE if quotes else _SPACE, content),
            sloppy=prefix is None,
        )

    def indent_of(self, token: _Token) -> int:
        return len(self.text[token.line : self.skip(_BLANKS, token.line)].expandtabs(4))

    def closes(self, fence: _Fence, token: _Token) -> bool:
        """Whether a run (of the right kind) closes a fence as in CommonMark."""
        prefix = self.prefix(token)
        if prefix is None or prefix[0] != fence.quotes or prefix[2]:
            return False
        return prefix[1] <= fence.indent + 3 and self.ends_line(token)

    def reopens(self, fence: _Fence, token: _Token) -> bool:
        """Whether a run (of the right kind) in a fence opens one with a tag, were it outside."""
        prefix = self.prefix(token)
        if prefix is None or prefix[0] != fence.quotes or prefix[1] > fence.indent + 3:
            return False
        if fence.run[0] == "`" and self.text.find("`", token.end, token.stop) >= 0:
            return False
        return bool(self.text[token.end : token.stop].strip()) and not self.ends_line(token)

    def fence(self, opener: _Token) -> None:
        """Read a block, if one starts here, and go on behind it."""
        fence = self.opened(opener)
        if fence and _MARKDOWN.match(self.text, opener.end):
            self.others = True
        elif fence:
            self.block(fence, opener)

    def block(self, fence: _Fence, opener: _Token) -> None:
        limit = self.limit(fence, opener)
        suspect: _Token | None = None
        while token := self.next():
            if token.start >= limit:
                self.pushed = token
                break
            if token.kind != _RUN:
                suspect = suspect or (token if self.may_end(token, opener) else None)
            elif not self.text.startswith(fence.run, token.start):
                continue
            elif self.closes(fence, token):
                return self.add(fence, token.line, finished=True)
            elif self.reopens(fence, token):
                if suspect:
                    return self.cut(fence, suspect, token.start)
                if fence.code >= token.start:  # The opener came twice.
                    self.pushed = token
                    return None
                if fence.sloppy:  # It was only talk of a fence.
                    return self.rewind(opener.line, opener.end, token.start)
            elif suspect is None and self.ends_line(token) and self.prefix(token) is None:
                suspect = token
        if suspect and limit == len(self.text):
            self.unclosed += 1
            hopeless = self.unclosed > self.MAX_UNCLOSED
            return self.cut(fence, suspect, limit if hopeless else 0)
        return self.add(fence, limit, finished=limit < len(self.text))

    def limit(self, fence: _Fence, opener: _Token) -> int:
        """Where the quotation that a fence stands in ends, and the fence with it."""
        if not fence.quotes:
            return len(self.text)
        if opener.start >= self.quote_end:
            match = _OUTSIDE_QUOTE.search(self.text, opener.stop)
            self.quote_end = match.end() if match else len(self.text)
        return self.quote_end

    def may_end(self, token: _Token, opener: _Token) -> bool:
        """Whether a marker or a tag would end a block that is not closed."""
        if token.kind == _CLOSE:
            alone = self.starts_line(token) or token.line == opener.line
            if not (alone and self.ends_line(token)):
                return False
        return token.kind != _OPEN and not _is_mention(self.text, token)

    def cut(self, fence: _Fence, suspect: _Token, fences_from: int) -> None:
        """End a block at the suspect and go on there."""
        run = suspect.kind == _RUN
        self.add(fence, suspect.start, finished=run)
        self.rewind(suspect.line, suspect.end if run else suspect.start, fences_from)

    def add(self, fence: _Fence, end: int, *, finished: bool) -> None:
        block = _Block(fence=fence, start=fence.content, end=end, finished=finished)
        self.count += 1
        self.others = self.others or fence.tag == "other"
        blank = block.fence.code >= block.end
        first, _ = self.blocks.get((fence.tag, blank), (block, block))
        self.blocks[fence.tag, blank] = (first, block)


def _tag(info: str) -> str:
    if _PYTHON.match(info):
        return "python"
    return "other" if info else ""


# --- choosing --------------------------------------------------------------------------------


def _choose(reader: _Reader, *, first: bool) -> _Choice:
    """The program of an answer that was read."""
    if reader.endless and ("python", False) not in reader.blocks:
        return _Choice("nothing", "the thought never ends", ())
    closing = _lone_closing_fence(reader)
    if closing:
        reason = "a lone closing fence ends the program: the prompt may have opened it"
        return _Choice("fence", reason, [closing])
    for tag in ("python", ""):
        blocks = reader.blocks.get((tag, False))
        if blocks:
            return _fenced(reader, blocks[0] if first else blocks[1], first=first)
    if reader.others:
        return _Choice("nothing", "all fenced blocks are in other languages", ())
    if reader.blocks:
        return _Choice("nothing", "all fenced blocks are empty", ())
    if reader.stretch is None:
        if reader.text.strip():
            return _Choice("nothing", "nothing is left without thoughts and turn markers", ())
        return _Choice("nothing", "the answer is empty", ())
    whole = reader.stretch == (0, len(reader.text))
    rest = "all of it" if whole else "what is left without thoughts and turn markers"
    reason = f"the answer has no fenced block: {rest} is the program"
    return _Choice("whole-text", reason, [reader.stretch])


def _lone_closing_fence(reader: _Reader) -> tuple[int, int] | None:
    """The text before a fence that is the only one, bare, and has nothing behind it."""
    blocks = reader.blocks.get(("", True))
    if reader.count != 1 or reader.others or not blocks or blocks[0].finished:
        return None
    fence = blocks[0].fence
    line = reader.text.rfind(fence.run, 0, fence.content) - fence.indent
    before = reader.text[reader.start : line]
    return None if fence.quotes or fence.indent or not before.strip() else (reader.start, line)


def _fenced(reader: _Reader, block: _Block, *, first: bool) -> _Choice:
    kind = "Python block" if block.fence.tag else "block without a tag"
    reason = f"the {'first' if first else 'last'} {kind} of the answer"
    if block.fence.code >= block.end:
        reason += ", which is empty"
    if not block.finished:
        reason += ", which is not closed"
    found = "fence" if block.finished else "unfinished-fence"
    return _Choice(found, reason, _without_margin(reader.text, block))


def _without_margin(text: str, block: _Block) -> list[tuple[int, int]]:
    """The content of a block but for what Markdown removes from the start of each line."""
    fence, start = block.fence, block.start
    if not (fence.indent or fence.quotes) or start >= block.end:
        return [(start, block.end)]
    quotes = rf"(?: {{0,3}}+>[ \t]?+){{0,{fence.quotes}}}+"
    margin = re.compile(rf"[\r\n](?=[ \t>])({quotes})([ \t]{{0,{fence.indent}}})")
    spans = []
    for match in margin.finditer(text, start - 1, block.end):
        spans.append((start, match.start(1)))
        start = _within(text, match.start(2), match.end(2), fence.indent)
    spans.append((start, block.end))
    return [span for span in spans if span[0] < span[1]]


def _within(text: str, start: int, end: int, columns: int) -> int:
    """How far blanks from `start` reach without passing so many columns; a tab is not halved."""
    width = 0
    for at in range(start, end):
        width = width + 4 - width % 4 if text[at] == "\t" else width + 1
        if width > columns:
            return at
    return end
