from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any, Dict, Generic, List, NamedTuple, Optional, Protocol, TypedDict, TypeVar
T = TypeVar("T")
class Pair(NamedTuple):
    a: int
    b: int = 2
class Movie(TypedDict):
    name: str
class Named(Protocol):
    name: str
@dataclass(order=True, frozen=True)
class Node(Generic[T]):
    value: int
    children: List["Node"] = field(default_factory=list, compare=False)
def f(x: int) -> Dict[str, Any]:
    node = replace(Node(x), children=[Node(1)])
    return {"node": asdict(node), "least": min(Node(3), Node(2)).value, "pair": Pair(1)}
