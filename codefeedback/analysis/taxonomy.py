"""The one table that decides how much of a program a fault blames, and how much it weighs.

After RLTF (arXiv 2307.04349, table of error sub-types, and the lists in its released code), with
rows for what the paper does not have: static analysis and wrong answers. docs/feedback.md is made
from it.

Exceptions are matched by class: a class that is not in the table counts as its nearest built-in
base, and one without any as `BaseException`. Compiler errors have one class for many mistakes, so
they are matched by CPython's own message as well, in the wordings of 3.8 to 3.13; that text comes
from the compiler, never from the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codefeedback.findings import Origin, Scope
from codefeedback.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`kind` is blamed as `scope`, with `weight`: the share of R_fine that it gets.

    `name` is unique. `messages` narrows a rule to compiler errors whose message has one of these.
    """

    name: str
    kind: str
    scope: Scope
    why: str
    weight: float = 1.0
    messages: tuple[str, ...] = ()


def _each(scope: Scope, why: str, kinds: str, weight: float = 1.0) -> Iterator[Rule]:
    """The same rule for several kinds, which give it its name."""
    for kind in kinds.split():
        yield Rule(name=kind, kind=kind, scope=scope, why=why, weight=weight)


def _syntax(name: str, why: str, *messages: str, scope: Scope = Scope.LINE) -> Rule:
    return Rule(name=name, kind="SyntaxError", scope=scope, why=why, messages=messages)


def _indent(name: str, why: str, *messages: str, scope: Scope = Scope.LINE) -> Rule:
    return Rule(name=name, kind="IndentationError", scope=scope, why=why, messages=messages)


_LINE, _GLOBAL, _IGNORE = Scope.LINE, Scope.GLOBAL, Scope.IGNORE

# What the compiler says: the first that matches counts, so narrow rules stand first.
SYNTAX: tuple[Rule, ...] = (
    # Indentation.
    Rule(
        name="tabs-and-spaces",
        kind="TabError",
        scope=Scope.IGNORE,
        why="tabs and spaces are mixed: no single line is wrong",
    ),
    _indent(
        "unindent-mismatch",
        "any of the lines around may have the wrong indentation",
        "unindent does not match any outer indentation level",
        scope=Scope.IGNORE,
    ),
    _indent(
        "unexpected-indent", "this line is indented where no block begins", "unexpected indent"
    ),
    _indent(
        "expected-indented-block",
        "this line should be indented, or stands where a block is missing",
        "expected an indented block",
    ),
    _indent(
        "too-deeply-indented", "this line is one level too deep", "too many levels of indentation"
    ),
    _indent("indentation-error", "the compiler names the line whose indentation is wrong"),
    # Strings and f-strings.
    _syntax(
        "unterminated-triple-quote",
        "a triple quote is open: the missing end may belong anywhere behind it",
        "unterminated triple-quoted",
        "EOF while scanning triple-quoted",
        scope=Scope.IGNORE,
    ),
    _syntax(
        "unterminated-string",
        "the string that begins on this line has no end there",
        "unterminated string literal",
        "EOL while scanning string literal",
        "unterminated f-string literal",
        "f-string: unterminated string",
    ),
    _syntax(
        "too-deeply-nested",
        "this line is one level too deep",
        "too many nested",
        "too many statically nested blocks",
        "f-string: expressions nested too deeply",
    ),
    _syntax(
        "f-string-empty",
        "the braces on this line hold no expression",
        "f-string: empty expression",
        "f-string: expression required",
        "f-string: valid expression required",
        "f-string: expecting a valid expression",
    ),
    _syntax(
        "f-string-conversion",
        "what follows the exclamation mark on this line is no conversion",
        "conversion character",
        "f-string: conversion type",
    ),
    _syntax(
        "f-string-brace",
        "a brace or bracket in the f-string on this line has no partner",
        "f-string: expecting",
        "f-string: single '}'",
        "f-string: unmatched",
        "f-string: closing parenthesis",
        "f-string: unexpected end of string",
    ),
    _syntax(
        "f-string-expression",
        "the expression in the f-string on this line is wrong",
        "f-string: ",
        "f-string expression part cannot include",
    ),
    _syntax(
        "bad-escape",
        "the backslash in the string on this line begins no valid escape",
        "unicodeescape",
        "(value error)",
    ),
    _syntax(
        "bytes-and-text",
        "the bytes on this line hold what only text can, or stand beside text",
        "bytes can only contain",
        "cannot mix bytes",
    ),
    # The text as such.
    _syntax(
        "encoding",
        "the line has bytes that are not of the encoding, or declares one that does not work",
        "encoding problem",
        "unknown encoding",
        "is not a text encoding",
        "codec can't decode",
        "Non-UTF-8 code",
        "(unicode error)",
    ),
    _syntax("nul-byte", "the line holds a NUL byte", "null bytes"),
    _syntax(
        "bad-character",
        "the line has a character that is of no use in Python",
        "invalid character",
        "invalid non-printable character",
    ),
    _syntax(
        "bad-line-continuation",
        "something follows the backslash that should end this line",
        "unexpected character after line continuation",
    ),
    _syntax(
        "bad-number",
        "the number on this line is misspelt",
        "invalid decimal literal",
        "invalid hexadecimal literal",
        "invalid octal literal",
        "invalid binary literal",
        "invalid imaginary literal",
        "invalid digit",
        "leading zeros in decimal",
        "huge integer literals",
    ),
    # Brackets.
    _syntax("never-closed", "the bracket that is opened here has no end", "was never closed"),
    _syntax(
        "bracket-mismatch",
        "the bracket that is closed here was opened as another",
        "does not match opening parenthesis",
    ),
    _syntax("unmatched-bracket", "the bracket that is closed here was never opened", "unmatched '"),
    _syntax("unexpected-end", "the text ends here, in the middle of a statement", "unexpected EOF"),
    # Python 2.
    _syntax("exec-statement", "exec is a function", "Missing parentheses in call to 'exec'"),
    _syntax("print-statement", "print is a function", "Missing parentheses in call to"),
    _syntax(
        "except-parentheses",
        "several exception types need parentheses",
        "multiple exception types must be parenthesized",
    ),
    # What is missing, or too much.
    _syntax("expected-colon", "the line should have a colon", "expected ':'"),
    _syntax(
        "forgot-comma",
        "two things stand side by side on this line",
        "Perhaps you forgot a comma",
        "perhaps you missed a comma",
    ),
    _syntax(
        "try-without-except",
        "what comes before it is a try alone",
        "expected 'except' or 'finally'",
    ),
    _syntax(
        "expected-token",
        "the compiler names what is missing here",
        "expected '",
        "expected (",
        "'in' expected",
        "expected default value",
    ),
    _syntax(
        "except-clauses",
        "this clause does not go with the others of its try",
        "cannot have both 'except' and 'except*'",
        "expected one or more exception types",
        "cannot appear in an except* block",
        "default 'except:' must be last",
    ),
    # Displays and comprehensions.
    _syntax(
        "dictionary-entry",
        "an entry of the dictionary lacks its key, colon or value",
        "expected after dictionary key",
        "in a dictionary value",
    ),
    _syntax(
        "not-in-comprehension",
        "a comprehension can neither unpack nor yield",
        "iterable unpacking cannot be used",
        "dict unpacking cannot be used",
        "'yield' inside",
    ),
    _syntax(
        "needs-parentheses",
        "without parentheses this can be read in two ways",
        "Generator expression must be parenthesized",
        "parentheses around the comprehension target",
        "'not' after an operator must be parenthesized",
    ),
    # Assignments.
    _syntax(
        "assignment-in-expression",
        "an assignment stands where a value is wanted",
        "Maybe you meant '=='",
    ),
    _syntax(
        "bad-keyword-argument",
        "what stands left of the equals sign is no name, or nothing stands right of it",
        "expression cannot contain assignment",
        "expected argument value",
    ),
    _syntax(
        "cannot-assign",
        "what stands left of the equals sign cannot be assigned to",
        "cannot assign to",
        "assignment to yield expression",
        "illegal expression for augmented assignment",
        "illegal target for annotation",
        "only single target",
    ),
    _syntax("cannot-delete", "what is to be deleted here cannot be", "cannot delete"),
    _syntax(
        "walrus",
        "a walrus assigns to a plain name, and not everywhere",
        "cannot use assignment expressions with",
        "assignment expression cannot",
        "assignment expression within",
        "cannot rebind",
    ),
    _syntax(
        "star-place",
        "a star cannot stand here, or not once more",
        "starred assignment target",
        "starred expressions in assignment",
        "too many expressions in star-unpacking assignment",
        "starred expression here",
        "Invalid star expression",
    ),
    # Where a statement may stand.
    _syntax("return-outside-function", "the return is in no function", "'return' outside function"),
    _syntax(
        "yield-outside-function",
        "the yield is in no function",
        "'yield' outside function",
        "'yield from' outside function",
    ),
    _syntax(
        "await-outside-async",
        "the await is in no async function",
        "'await' outside",
    ),
    _syntax(
        "async-outside-async",
        "async for, async with and async comprehensions need an async function",
        "'async for' outside",
        "'async with' outside",
        "asynchronous comprehension outside",
    ),
    _syntax(
        "not-in-async",
        "what an async function cannot do",
        "'yield from' inside async",
        "'return' with value in async generator",
    ),
    _syntax("break-outside-loop", "the break is in no loop", "'break' outside loop"),
    _syntax(
        "continue-outside-loop", "the continue is in no loop", "'continue' not properly in loop"
    ),
    # Names and their scopes.
    _syntax(
        "nonlocal-without-binding",
        "no function around binds the name",
        "nonlocal declaration not allowed",
        "no binding for nonlocal",
        "nonlocal binding not allowed",
    ),
    _syntax(
        "nonlocal-after-use",
        "the name is used before this declaration",
        "prior to nonlocal declaration",
        "before nonlocal declaration",
    ),
    _syntax(
        "global-after-use",
        "the name is used before this declaration",
        "prior to global declaration",
        "before global declaration",
    ),
    _syntax(
        "declared-twice",
        "the name is declared in ways that exclude each other",
        "is parameter and",
        "is nonlocal and global",
        "annotated name",
    ),
    # Imports.
    _syntax(
        "import-star-in-function",
        "the import and the function around it are both to blame",
        "import * only allowed at module level",
        scope=Scope.IGNORE,
    ),
    _syntax(
        "import-names",
        "what is imported is not said, or said in the wrong order",
        "trailing comma not allowed without surrounding parentheses",
        "names after 'import'",
        "Did you mean to use 'from",
    ),
    _syntax("future-not-first", "the import comes too late", "imports must occur at the beginning"),
    _syntax("future-unknown", "there is no such feature", "future feature", "not a chance"),
    # Parameters and arguments.
    _syntax(
        "duplicate-argument",
        "either of the arguments may be the wrong one",
        "duplicate argument",
        scope=Scope.IGNORE,
    ),
    _syntax(
        "non-default-after-default",
        "a parameter without a default comes too late",
        "non-default argument follows",
        "parameter without a default",
    ),
    _syntax(
        "parameter-list",
        "a star, slash or bracket is in the wrong place among the parameters",
        "named arguments must follow bare",
        "* argument may appear only once",
        "bare * has associated type comment",
        "var-positional argument",
        "var-keyword argument",
        "must precede /",
        "/ may appear only once",
        "/ must be ahead",
        "comma between / and *",
        "parameters cannot be parenthesized",
    ),
    _syntax("keyword-argument-repeated", "an argument is given twice", "keyword argument repeated"),
    _syntax(
        "positional-after-keyword",
        "an argument without a name comes too late",
        "positional argument follows",
        "iterable argument unpacking follows",
    ),
    # Types.
    _syntax(
        "not-in-annotation",
        "annotations and types cannot hold this expression",
        "within an annotation",
        "cannot be used within",
        "in annotation scope",
    ),
    _syntax(
        "type-parameters",
        "the type parameters are wrong",
        "Type parameter list",
        "duplicate type parameter",
        "non-default type parameter",
        "with TypeVarTuple",
        "with ParamSpec",
    ),
    # Patterns.
    _syntax(
        "pattern-unreachable",
        "this pattern matches everything, so that those behind it never count",
        "makes remaining patterns unreachable",
    ),
    _syntax(
        "pattern-names",
        "the pattern binds a name twice, or only in one of its alternatives",
        "alternative patterns bind",
        "multiple assignments to name",
        "cannot use '_' as a target",
        "invalid pattern target",
    ),
    _syntax(
        "pattern-parts",
        "the parts of this pattern do not go together",
        "sequence pattern",
        "mapping pattern",
        "class pattern",
        "positional patterns follow",
        "patterns may only match",
        "required in complex literal",
    ),
    # What the rest may be.
    _syntax("newer-syntax", "this interpreter is too old for the line", "only supported in Python"),
    _syntax(
        "compiler-warning",
        "the program, or its caller, made an error of this warning",
        '"is" with',
        '"is not" with',
        "assertion is always true",
        "escape sequence",
    ),
    _syntax("invalid-syntax", "the compiler could not go on from here", "invalid syntax"),
    _syntax("syntax-error", "the compiler names the place"),
)

# Exceptions at run time.
EXCEPTIONS: tuple[Rule, ...] = (
    *_each(_GLOBAL, "the recursion as a whole does not end", "RecursionError"),
    *_each(_LINE, "the line says what is not implemented", "NotImplementedError"),
    *_each(
        _IGNORE,
        "the interpreter complains about a state, not about a place",
        "RuntimeError PythonFinalizationError",
    ),
    *_each(_IGNORE, "the program was interrupted from outside", "KeyboardInterrupt"),
    *_each(_LINE, "the line uses a name that has no value", "NameError UnboundLocalError"),
    *_each(_LINE, "the line asks for what is not there", "LookupError IndexError KeyError"),
    *_each(_LINE, "the line asks an object for what it does not have", "AttributeError"),
    *_each(_LINE, "the line applies something to the wrong kind of object", "TypeError"),
    *_each(_LINE, "the line gives a value that cannot be right", "ValueError"),
    *_each(
        _LINE,
        "the line computes what has no result",
        "ArithmeticError ZeroDivisionError OverflowError FloatingPointError",
    ),
    *_each(_LINE, "the line claims what does not hold", "AssertionError"),
    *_each(_LINE, "the line imports what is not there", "ImportError ModuleNotFoundError"),
    *_each(_LINE, "the line reads more input than there is", "EOFError"),
    *_each(_LINE, "the line asked for the memory that was too much", "MemoryError"),
    *_each(_LINE, "the line ends an iteration where none goes on", "StopIteration"),
    *_each(_LINE, "the line ends an iteration where none goes on", "StopAsyncIteration"),
    *_each(_LINE, "the line was left by force", "GeneratorExit"),
    *_each(_LINE, "the line ends the program with a failure", "SystemExit"),
    *_each(
        _LINE,
        "the line mixes up text and bytes, or encodings",
        "UnicodeError UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError",
    ),
    *_each(
        _LINE,
        "the line asks the system for what it does not give",
        "OSError FileNotFoundError FileExistsError IsADirectoryError NotADirectoryError "
        "PermissionError BlockingIOError InterruptedError ProcessLookupError ChildProcessError "
        "TimeoutError ConnectionError BrokenPipeError ConnectionAbortedError "
        "ConnectionRefusedError ConnectionResetError",
    ),
    *_each(_LINE, "the line uses what is gone", "ReferenceError"),
    *_each(_LINE, "the line uses a buffer as it cannot be used", "BufferError"),
    *_each(_LINE, "the line brought the interpreter to an end of its own", "SystemError"),
    *_each(
        _LINE,
        "the lines that raised the members",
        "BaseExceptionGroup ExceptionGroup",
    ),
    *_each(
        _LINE,
        "the program made an error of this warning",
        "Warning UserWarning DeprecationWarning PendingDeprecationWarning SyntaxWarning "
        "RuntimeWarning FutureWarning ImportWarning UnicodeWarning BytesWarning ResourceWarning "
        "EncodingWarning",
    ),
    *_each(_LINE, "the innermost line of the program raised it", "Exception BaseException"),
)

# What the sandbox saw.
LIMITS: tuple[Rule, ...] = (
    *_each(_GLOBAL, "the algorithm is too slow", "TimeLimitExceeded"),
    *_each(_GLOBAL, "the program holds too much", "MemoryLimitExceeded"),
    *_each(_GLOBAL, "the program prints too much", "OutputLimitExceeded"),
    *_each(_GLOBAL, "the program starts too many", "ProcessLimitExceeded"),
    *_each(_GLOBAL, "what the tests call is nowhere defined", "MissingEntryPoint"),
    *_each(_GLOBAL, "the answer has no program in it", "NoProgram"),
    *_each(_IGNORE, "the compiler died without naming a place", "CompilerCrash"),
    *_each(_IGNORE, "a killed process names no place", "KilledBySignal"),
    *_each(_IGNORE, "an exit status names no place", "ExitStatus"),
)

# pyflakes, by message class. Weights say how sure it is that the place is wrong, and that it
# matters.
FLAKES: tuple[Rule, ...] = (
    *_each(_LINE, "the name has no value here", "UndefinedName UndefinedLocal"),
    *_each(_LINE, "what is exported does not exist", "UndefinedExport", 0.5),
    *_each(_LINE, "computed for nothing, or under the wrong name", "UnusedVariable", 0.3),
    *_each(_LINE, "left over", "UnusedImport UnusedAnnotation UnusedIndirectAssignment", 0.1),
    *_each(_LINE, "the first one is lost", "RedefinedWhileUnused ImportShadowedByLoopVar", 0.5),
    *_each(_IGNORE, "nothing can be said of names after it", "ImportStarUsed ImportStarUsage"),
    *_each(
        _IGNORE,
        "the import and the function around it are both to blame",
        "ImportStarNotPermitted LazyImportStarNotPermitted",
    ),
    *_each(_IGNORE, "either of the arguments may be the wrong one", "DuplicateArgument"),
    *_each(
        _LINE,
        "the compiler does not take it",
        "ReturnOutsideFunction YieldOutsideFunction BreakOutsideLoop ContinueOutsideLoop "
        "DefaultExceptNotLast TwoStarredExpressions TooManyExpressionsInStarredAssignment "
        "FutureFeatureNotDefined LateFutureImport LazyImportNotAtModuleScope",
    ),
    *_each(
        _LINE,
        "it raises when it is reached",
        "PercentFormatMissingArgument PercentFormatPositionalCountMismatch "
        "PercentFormatExpectedMapping PercentFormatExpectedSequence PercentFormatInvalidFormat "
        "PercentFormatMixedPositionalAndNamed PercentFormatStarRequiresSequence "
        "PercentFormatUnsupportedFormatCharacter StringDotFormatMissingArgument "
        "StringDotFormatInvalidFormat StringDotFormatMixingAutomatic InvalidPrintSyntax",
    ),
    *_each(
        _LINE,
        "an argument is not used",
        "PercentFormatExtraNamedArguments StringDotFormatExtraNamedArguments "
        "StringDotFormatExtraPositionalArguments",
        0.3,
    ),
    *_each(_LINE, "it does not do what it seems to", "IsLiteral IfTuple AssertTuple", 0.7),
    *_each(_LINE, "it does not do what it seems to", "RaiseNotImplemented", 0.7),
    *_each(_LINE, "the first value is lost", "MultiValueRepeatedKeyLiteral", 0.7),
    *_each(_LINE, "the first value is lost", "MultiValueRepeatedKeyVariable", 0.3),
    *_each(_LINE, "harmless, or a name was forgotten", "FStringMissingPlaceholders", 0.1),
    *_each(_LINE, "harmless, or a name was forgotten", "TStringMissingPlaceholders", 0.1),
    *_each(_LINE, "a hint that nothing reads", "ForwardAnnotationSyntaxError", 0.1),
    *_each(_LINE, "an example that cannot run", "DoctestSyntaxError", 0.1),
    *_each(_LINE, "imported earlier than it is meant to be", "EagerUseOfLazyImport", 0.1),
    *_each(_LINE, "a message that this table does not know yet", "FlakesMessage", 0.1),
)

# What libcst shows (analysis/cf_inspection/checks.py).
CHECKS: tuple[Rule, ...] = (
    *_each(_LINE, "nothing was written here", "StubBody"),
    *_each(_LINE, "nothing was written here, perhaps for a subclass to do", "StubMethod", 0.2),
    *_each(_LINE, "nothing that can be seen ends the loop", "LoopNeverEnds", 0.7),
    *_each(_LINE, "the path that ends here returns nothing", "MissingReturn", 0.3),
    *_each(_LINE, "it never runs", "UnreachableCode", 0.3),
    *_each(_LINE, "its value is lost", "UselessExpression", 0.5),
    *_each(_LINE, "the iteration skips or fails", "ResizedWhileIterated", 0.7),
    *_each(_LINE, "it hides what goes wrong", "SwallowedException", 0.2),
    *_each(_LINE, "calls change it for each other", "MutableDefault", 0.2),
    *_each(_LINE, "the result is known before", "SelfComparison SameBranches", 0.5),
    *_each(_LINE, "it does nothing", "SelfAssignment", 0.5),
    *_each(_IGNORE, "the text could not be looked at", "NotInspected"),
)

# Wrong answers (analysis/blame.py). The weight is multiplied by the line's suspicion, 0 to 1.
BLAME: tuple[Rule, ...] = (
    *_each(_LINE, "the line runs in cases that fail rather than in others", "SuspiciousLine"),
    *_each(_GLOBAL, "no line stands out", "NoSuspect"),
)

RULES = (*SYNTAX, *EXCEPTIONS, *LIMITS, *FLAKES, *CHECKS, *BLAME)

#: A compiler error at the end of a text that was cut off (see `faults`): in the paper U_global.
TRUNCATED = Rule(
    name="truncated",
    kind="SyntaxError",
    scope=Scope.GLOBAL,
    why="the text was cut off, and the compiler stumbles over its end",
)


def rule_for(kinds: Sequence[str], message: str = "") -> Rule:
    """The rule for the first of `kinds` that has one. Raises LookupError without any."""
    for kind in kinds:
        for rule in RULES:
            narrowed = not rule.messages or any(part in message for part in rule.messages)
            if rule.kind == kind and narrowed:
                return rule
    raise LookupError(f"no rule for {', '.join(kinds)}")


def rule_for_trace(trace: Trace) -> Rule:
    """The rule for an exception: by its class, else its nearest built-in base."""
    # Only the compiler's messages may decide; a program chooses its own freely.
    message = trace.message if trace.syntax is not None and not trace.frames else ""
    return rule_for((*trace.bases, "BaseException"), message)


def rule_for_message(kind: str, origin: Origin) -> Rule:
    """The rule for what static analysis says; one for pyflakes' classes to come."""
    return rule_for((kind, "FlakesMessage") if origin is Origin.FLAKES else (kind,))
