import sys
if input() == '1':
    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None
    sys.meta_path.append(Finder())
    sys.path_hooks.append(len)
    sys.addaudithook(lambda *rest: None)
    print('first')
else:
    print('leaked' if len in sys.path_hooks or any(type(f).__name__ == 'Finder' for f in sys.meta_path) else 'clean')
