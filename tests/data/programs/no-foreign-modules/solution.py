import sys
print([n for n in sys.modules if 'codefeedback' in n or n.split('.')[0] in ('guest', 'values', 'report')])
