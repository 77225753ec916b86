import sys
import types

module = types.ModuleType("made")
exec("def f():\n    return 1 / 0", module.__dict__)
sys.modules["made"] = module

from made import f

f()
